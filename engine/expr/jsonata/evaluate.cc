#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/expr/jsonata/compiler.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"
#include "engine/expr/jsonata/parser.h"

// What each kind of node means.

namespace millrace::jsonata_internal {

Value Evaluation::Run(const Value& input) {
  Value context = input;
  if (input.is_array()) {
    // The whole array is the context, not each of its elements.
    Array* wrapper = NewSequence(1);
    wrapper->is_outer_wrapper = true;
    Push(wrapper, input);
    context = Value::Of(wrapper);
  }
  BindGlobal("$", context);
  return Evaluate(program_root_, context, &root_);
}

void Evaluation::Enter() {
  Step();
  if (++depth_ > settings_.limits.depth_max) Fail("D1011");
}

Value Evaluation::Evaluate(const Node& node, const Value& input, Frame* frame) {
  Enter();
  Value result = EvaluateKind(node, input, frame);
  if (!node.is_bare) {
    for (const Stage& stage : node.predicates) result = Filter(*stage.filter, result, frame);
    if (node.grouping != nullptr && node.kind != NodeKind::kPath) {
      result = EvaluateGrouping(node.grouping->pairs, node.grouping->position, result, frame);
    }
  }
  --depth_;
  return result.is_sequence() ? Unwrap(node, result) : result;
}

// A sequence of one stands for its element, and of none for nothing.
Value Evaluation::Unwrap(const Node& node, const Value& sequence) {
  Array* array = sequence.array();
  if (array->is_tuple_stream) return sequence;
  if (array->size == 0) return Value();
  if (array->size > 1) return sequence;
  if (node.keep_array) array->keep_singleton = true;
  return array->keep_singleton ? sequence : array->items[0];
}

Value Evaluation::EvaluateKind(const Node& node, const Value& input, Frame* frame) {
  switch (node.kind) {
    case NodeKind::kPath:
      return EvaluatePath(node, input, frame);
    case NodeKind::kName:
      return LookupName(input, node.text);
    case NodeKind::kVariable:
      return EvaluateVariable(node, input, frame);
    case NodeKind::kNumber:
    case NodeKind::kLiteral:
      return node.literal;
    case NodeKind::kString:
      return Value::Of(absl::string_view(node.text));
    case NodeKind::kRegex:
      return Value::Of(node.function);
    case NodeKind::kWildcard:
      return EvaluateWildcard(input);
    case NodeKind::kDescendants:
      return EvaluateDescendants(input);
    case NodeKind::kParent:
      return Lookup(node.name, frame);
    case NodeKind::kArray:
      return EvaluateArray(node, input, frame);
    case NodeKind::kObject:
      return EvaluateGrouping(node.children, node.position, input, frame);
    case NodeKind::kNegate:
      return EvaluateNegate(node, input, frame);
    case NodeKind::kAnd:
      return Value::Of(AsBoolean(Evaluate(*node.left, input, frame)) &&
                       AsBoolean(Evaluate(*node.right, input, frame)));
    case NodeKind::kOr:
      return Value::Of(AsBoolean(Evaluate(*node.left, input, frame)) ||
                       AsBoolean(Evaluate(*node.right, input, frame)));
    case NodeKind::kCondition:
      if (AsBoolean(Evaluate(*node.left, input, frame))) {
        return Evaluate(*node.right, input, frame);
      }
      return node.otherwise == nullptr ? Value() : Evaluate(*node.otherwise, input, frame);
    case NodeKind::kDefault: {
      const Value left = Evaluate(*node.left, input, frame);
      return AsBoolean(left) ? left : Evaluate(*node.right, input, frame);
    }
    case NodeKind::kCoalesce: {
      const Value left = Evaluate(*node.left, input, frame);
      return !left.is_undefined() ? left : Evaluate(*node.right, input, frame);
    }
    case NodeKind::kBlock:
      return EvaluateBlock(node, input, frame);
    case NodeKind::kBind: {
      const Value value = Evaluate(*node.right, input, frame);
      Bind(frame, node.name, value);
      return value;
    }
    case NodeKind::kCall:
      return node.is_tail_call ? EvaluateTailCall(node, input, frame)
                               : EvaluateCall(node, input, frame, nullptr);
    case NodeKind::kPartial:
      return EvaluatePartial(node, input, frame);
    case NodeKind::kApply:
      return EvaluateApply(node, input, frame);
    case NodeKind::kLambda:
      return EvaluateLambda(node, input, frame);
    case NodeKind::kTransform:
      return Value::Of(NewFunction(
          {.kind = Function::Kind::kTransform, .node = &node, .frame = frame, .input = input}));
    default:
      return EvaluateOperator(node, input, frame);
  }
}

// What takes the values of both its sides, the left one first.
Value Evaluation::EvaluateOperator(const Node& node, const Value& input, Frame* frame) {
  if (node.left == nullptr || node.right == nullptr) return Value();
  const Value left = Evaluate(*node.left, input, frame);
  const Value right = Evaluate(*node.right, input, frame);
  switch (node.kind) {
    case NodeKind::kAdd:
    case NodeKind::kSubtract:
    case NodeKind::kMultiply:
    case NodeKind::kDivide:
    case NodeKind::kModulo:
      return EvaluateArithmetic(node, left, right);
    case NodeKind::kLess:
    case NodeKind::kGreater:
    case NodeKind::kLessOrEqual:
    case NodeKind::kGreaterOrEqual:
      return EvaluateComparison(node, left, right);
    case NodeKind::kEqual:
    case NodeKind::kUnequal:
      if (left.is_undefined() || right.is_undefined()) return Value::Of(false);
      return Value::Of(AreEqual(left, right) == (node.kind == NodeKind::kEqual));
    case NodeKind::kConcatenate:
      return EvaluateConcatenation(left, right);
    case NodeKind::kIn:
      return Value::Of(Includes(right, left));
    case NodeKind::kRange:
      return EvaluateRange(node, left, right);
    default:
      return Value();
  }
}

Value Evaluation::EvaluateVariable(const Node& node, const Value& input, Frame* frame) {
  if (node.name == kNoName) {
    const bool is_wrapped =
        input.is_array() && input.array() != nullptr && input.array()->is_outer_wrapper;
    return is_wrapped ? input[0] : input;
  }
  return node.is_free ? globals_[node.name] : Lookup(node.name, frame);
}

Value Evaluation::EvaluateArray(const Node& node, const Value& input, Frame* frame) {
  // A range alone needs no copy.
  if (node.children.size() == 1 && node.children[0]->kind == NodeKind::kRange && !node.is_cons) {
    const Value range = Evaluate(*node.children[0], input, frame);
    if (!range.is_array()) return Value::Of(range.is_undefined() ? NewArray() : Singleton(range));
    if (range.array() != nullptr) range.array()->is_sequence = false;
    return range;
  }
  Array* array = NewArray(node.children.size());
  for (const Node* child : node.children) {
    const Value value = Evaluate(*child, input, frame);
    if (value.is_undefined()) continue;
    child->kind == NodeKind::kArray ? Push(array, value) : PushAll(array, value);
  }
  array->is_cons = node.is_cons;
  return Value::Of(array);
}

Array* Evaluation::Singleton(const Value& value) {
  Array* array = NewArray(1);
  Push(array, value);
  return array;
}

Value Evaluation::EvaluateBlock(const Node& node, const Value& input, Frame* frame) {
  Frame* inner = node.has_frame ? NewFrame(frame, 0) : frame;
  Value result;
  for (const Node* part : node.children) result = Evaluate(*part, input, inner);
  if (node.has_frame) FreeFrame(inner);
  return result;
}

// Of one that is compiled and has run.
constexpr size_t kBytesPerRegex = 64u << 10;

// Evaluates in the frame of whoever calls $eval, so that the text may use what is bound there.
Value Evaluation::EvaluateText(absl::string_view text, const Value& input, Frame* frame) {
  Program& program = *evaluated_programs_.emplace_back(std::make_unique<Program>());
  // Next to the tree, each text has a table of names of its own.
  arena_.Charge(sizeof(Program) + 64 * names_->size() + sizeof(Node) / 2 * text.size());
  Steps(text.size() + names_->size());
  program.is_states_language = settings_.is_states_language;
  program.names = *names_;
  try {
    Parse(text, &program);
    Compile(&program);
    arena_.Charge(program.regexes.size() * kBytesPerRegex);
  } catch (const Failure& failure) {
    Fail({.code = "D3120", .value = Quoted(ToError(failure).message)});
  }
  for (size_t name = globals_.size(); name < program.names.size(); ++name) {
    const Function* function = program.names[static_cast<uint32_t>(name)].function;
    globals_.push_back(function == nullptr ? Value() : Value::Of(function));
  }
  names_ = &program.names;
  const int depth = depth_;
  const int apply_depth = apply_depth_;
  try {
    return Evaluate(*program.root, input, NewFrame(frame, 0));
  } catch (const Failure& failure) {
    const absl::string_view code = failure.code;
    // What has run out is not there again after a mistake in the text.
    if (code == "D1011" || code == "D1012" || code == "D2015" || code == "D2016" ||
        code == "D2017") {
      throw;
    }
    depth_ = depth;
    apply_depth_ = apply_depth;
    Fail({.code = "D3121", .value = Quoted(ToError(failure).message)});
  }
}

}  // namespace millrace::jsonata_internal
