#include <algorithm>
#include <utility>

#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"
#include "engine/expr/jsonata/matches.h"

// Calling, applying partially and chaining functions. A call that a lambda ends with is left to
// whoever called the lambda, so that functions may call each other forever in one place.

namespace millrace::jsonata_internal {
namespace {

std::string ProcedureName(const Node& procedure) {
  return procedure.kind == NodeKind::kPath ? procedure.children[0]->text : procedure.text;
}

// Says where a failure came from, if nobody nearer has.
void Attribute(Failure* failure, const Node& call) {
  if (!failure->position.has_value()) failure->position = call.position;
  if (!failure->token.has_value()) failure->token = ProcedureName(*call.left);
}

}  // namespace

// What a call calls, which need not be a function. Fails where only a `$` has been forgotten.
Value Evaluation::EvaluateProcedure(const Node& node, const Value& input, Frame* frame) {
  const Value procedure = Evaluate(*node.left, input, frame);
  if (!procedure.is_undefined() || node.left->kind != NodeKind::kPath) return procedure;
  const std::string name = ProcedureName(*node.left);
  const uint32_t number = names_->Find(name);
  const bool is_known = FindBuiltin(name, settings_.is_states_language) != nullptr ||
                        (number != kNoName && !Lookup(number, frame).is_undefined());
  if (!is_known) return procedure;
  Fail({.code = node.kind == NodeKind::kPartial ? "T1007" : "T1005",
        .position = node.position,
        .token = name,
        .text = name});
}

Value Evaluation::EvaluateCall(const Node& node, const Value& input, Frame* frame,
                               const Value* first) {
  const Value procedure = EvaluateProcedure(node, input, frame);
  Arguments arguments;
  if (first != nullptr) arguments.push_back(*first);
  for (const Node* child : node.children) arguments.push_back(Evaluate(*child, input, frame));
  try {
    if (!procedure.is_function()) Fail("T1006");
    return Apply(procedure.function(), &arguments, input, frame);
  } catch (Failure& failure) {
    Attribute(&failure, node);
    throw;
  }
}

Value Evaluation::EvaluateTailCall(const Node& node, const Value& input, Frame* frame) {
  const Value procedure = EvaluateProcedure(node, input, frame);
  Arguments arguments;
  for (const Node* child : node.children) arguments.push_back(Evaluate(*child, input, frame));
  if (!procedure.is_function()) {
    Fail({.code = "T1006", .position = node.position, .token = ProcedureName(*node.left)});
  }
  tail_function_ = &procedure.function();
  tail_arguments_ = std::move(arguments);
  tail_context_ = input;
  tail_node_ = &node;
  return Value();
}

Value Evaluation::Apply(const Function& function, Arguments* arguments, const Value& context,
                        Frame* frame) {
  CheckDepth(++apply_depth_);
  Value result = ApplyOnce(function, arguments, context, frame);
  while (tail_function_ != nullptr) {
    const Function& next = *std::exchange(tail_function_, nullptr);
    const Node& node = *tail_node_;
    Arguments next_arguments = std::move(tail_arguments_);
    try {
      result = ApplyOnce(next, &next_arguments, tail_context_, frame);
    } catch (Failure& failure) {
      Attribute(&failure, node);
      throw;
    }
  }
  --apply_depth_;
  return result;
}

Value Evaluation::Call(const Function& function, std::initializer_list<Value> arguments,
                       Frame* frame) {
  const size_t count = std::clamp<size_t>(ArityOf(function), 1, arguments.size());
  Arguments taken(arguments.begin(), arguments.begin() + count);
  return Apply(function, &taken, Value::Null(), frame);
}

Value Evaluation::ApplyOnce(const Function& function, Arguments* arguments, const Value& context,
                            Frame* frame) {
  Step();
  switch (function.kind) {
    case Function::Kind::kBuiltin: {
      const Builtin& builtin = *function.builtin;
      for (const Value& argument : *arguments) {
        if (argument.is_string()) ChargeBytes(argument.text().size());
      }
      if (builtin.signature != nullptr) builtin.signature->Fit(*this, context, arguments);
      return builtin.code({*this, *arguments, context, frame});
    }
    case Function::Kind::kLambda:
      if (function.node->signature != nullptr) {
        function.node->signature->Fit(*this, context, arguments);
      }
      return ApplyLambda(function, *arguments);
    case Function::Kind::kPartial:
      return ApplyPartial(function, *arguments, context, frame);
    case Function::Kind::kComposition: {
      Arguments results;
      arguments->resize(1);
      results.push_back(Apply(*function.inner, arguments, context, frame));
      return Apply(*function.outer, &results, context, frame);
    }
    case Function::Kind::kRegex:
    case Function::Kind::kNextMatch:
      return ApplyRegex(*this, function, arguments->empty() ? Value() : (*arguments)[0]);
    case Function::Kind::kTransform:
      return ApplyTransform(function, arguments->empty() ? Value() : (*arguments)[0]);
  }
  return Value();
}

Value Evaluation::ApplyLambda(const Function& function, const Arguments& arguments) {
  const std::vector<uint32_t>& parameters = function.node->parameters;
  Frame* frame = NewFrame(function.frame, static_cast<uint32_t>(parameters.size()));
  for (size_t i = 0; i < parameters.size(); ++i) {
    Bind(frame, parameters[i], i < arguments.size() ? arguments[i] : Value());
  }
  const Value result = Evaluate(*function.node->right, function.input, frame);
  FreeFrame(frame);
  return result;
}

// A lambda's signature is not asked for here, for its arguments need not be complete.
Value Evaluation::ApplyPartial(const Function& function, const Arguments& arguments,
                               const Value& context, Frame* frame) {
  Arguments complete(function.bound, function.bound + function.bound_count);
  size_t next = 0;
  for (Value& argument : complete) {
    if (!IsPlaceholder(argument)) continue;
    argument = next < arguments.size() ? arguments[next] : Value();
    ++next;
  }
  if (function.inner->kind == Function::Kind::kLambda) {
    return ApplyLambda(*function.inner, complete);
  }
  return Apply(*function.inner, &complete, context, frame);
}

Value Evaluation::EvaluatePartial(const Node& node, const Value& input, Frame* frame) {
  auto* bound = arena_.NewArray<Value>(node.children.size());
  for (size_t i = 0; i < node.children.size(); ++i) {
    const Node& child = *node.children[i];
    bound[i] = child.kind == NodeKind::kPlaceholder ? Placeholder() : Evaluate(child, input, frame);
  }
  const Value procedure = EvaluateProcedure(node, input, frame);
  if (!procedure.is_function()) {
    Fail({.code = "T1008", .position = node.position, .token = ProcedureName(*node.left)});
  }
  return Value::Of(NewFunction({.kind = Function::Kind::kPartial,
                                .frame = frame,
                                .inner = &procedure.function(),
                                .bound = bound,
                                .bound_count = node.children.size()}));
}

Value Evaluation::EvaluateLambda(const Node& node, const Value& input, Frame* frame) {
  return Value::Of(NewFunction(
      {.kind = Function::Kind::kLambda, .node = &node, .frame = frame, .input = input}));
}

// `value ~> call(...)` is call(value, ...); `value ~> function` is function(value); and
// `function ~> function` is a function that applies one after the other.
Value Evaluation::EvaluateApply(const Node& node, const Value& input, Frame* frame) {
  const Value left = Evaluate(*node.left, input, frame);
  if (node.right->kind == NodeKind::kCall) return EvaluateCall(*node.right, input, frame, &left);
  const Value right = Evaluate(*node.right, input, frame);
  if (!right.is_function()) {
    Fail({.code = "T2006", .position = node.position, .token = "~>", .value = Describe(right)});
  }
  if (left.is_function()) {
    return Value::Of(NewFunction({.kind = Function::Kind::kComposition,
                                  .frame = frame,
                                  .inner = &left.function(),
                                  .outer = &right.function()}));
  }
  Arguments arguments = {left};
  return Apply(right.function(), &arguments, Value(), frame);
}

size_t ArityOf(const Function& function) {
  switch (function.kind) {
    case Function::Kind::kBuiltin:
      return function.builtin->arity;
    case Function::Kind::kLambda:
      return function.node->parameters.size();
    case Function::Kind::kPartial:
      return static_cast<size_t>(
          std::count_if(function.bound, function.bound + function.bound_count, IsPlaceholder));
    case Function::Kind::kRegex:
      return 2;
    default:
      return 1;
  }
}

}  // namespace millrace::jsonata_internal
