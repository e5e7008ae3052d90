#include "engine/expr/jsonata/compiler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/expr/jsonata/ancestry.h"
#include "engine/expr/jsonata/builtins.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"

namespace millrace::jsonata_internal {
namespace {

class Compiler {
 public:
  explicit Compiler(Program* program) : program_(*program) {}

  Node* Compile(Node* node) {
    Node* compiled = CompileKind(node);
    if (node->keep_array) compiled->keep_array = true;
    return compiled;
  }

 private:
  Node* CompileKind(Node* node);
  Node* CompileDot(Node* dot);
  Node* CompilePredicate(Node* predicate);
  Node* CompileGroup(Node* group);
  Node* CompileOrderBy(Node* order);
  Node* CompileFocus(Node* focus);
  Node* CompileIndexBinding(Node* binding);
  Node* CompileNegate(Node* negate);
  Node* CompileParent(Node* parent);
  void CompileLambda(Node* lambda);
  void CompileBlock(Node* block);
  void CompileOperand(Node* node, Node** operand);
  void CompileChildren(Node* node, std::vector<Node*>* children);

  Node* NewPath(Node* step) {
    Node* path = program_.NewNode(NodeKind::kPath, step->position);
    path->children.push_back(step);
    path->keep_array = false;
    return path;
  }
  // Marks a name as one that a frame may hold.
  uint32_t Bind(uint32_t name) {
    program_.names[name].is_bound = true;
    return name;
  }

  Program& program_;
  int labels_ = 0;
  bool has_bind_ = false;  // since the block or lambda began
};

Node* LastStep(Node* node) { return node->kind == NodeKind::kPath ? node->children.back() : node; }

void Compiler::CompileOperand(Node* node, Node** operand) {
  if (*operand == nullptr) return;
  *operand = Compile(*operand);
  PushAncestry(node, **operand);
}

void Compiler::CompileChildren(Node* node, std::vector<Node*>* children) {
  for (Node*& child : *children) CompileOperand(node, &child);
}

Node* Compiler::CompileKind(Node* node) {
  switch (node->kind) {
    case NodeKind::kDot:
      return CompileDot(node);
    case NodeKind::kPredicate:
      return CompilePredicate(node);
    case NodeKind::kGroup:
      return CompileGroup(node);
    case NodeKind::kOrderBy:
      return CompileOrderBy(node);
    case NodeKind::kFocus:
      return CompileFocus(node);
    case NodeKind::kIndexBinding:
      return CompileIndexBinding(node);
    case NodeKind::kNegate:
      return CompileNegate(node);
    case NodeKind::kParent:
      return CompileParent(node);
    case NodeKind::kName: {
      Node* path = NewPath(node);
      path->keep_array = node->keep_array;
      return path;
    }
    case NodeKind::kRegex:
      node->function =
          &program_.regexes.emplace_back(Function{.kind = Function::Kind::kRegex, .node = node});
      return node;
    case NodeKind::kBind:
      node->name = Bind(node->left->name);
      has_bind_ = true;
      CompileOperand(node, &node->right);
      return node;
    case NodeKind::kLambda:
      CompileLambda(node);
      return node;
    case NodeKind::kBlock:
      CompileBlock(node);
      return node;
    case NodeKind::kCall:
    case NodeKind::kPartial:
      CompileChildren(node, &node->children);
      node->left = Compile(node->left);
      return node;
    case NodeKind::kApply:
    case NodeKind::kTransform:
      // Each works on another value than the one around it, which has no ancestors here.
      for (Node** operand : {&node->left, &node->right, &node->otherwise}) {
        if (*operand == nullptr) continue;
        *operand = Compile(*operand);
        // `[]` anywhere along a chain keeps its result an array.
        if (node->kind == NodeKind::kApply && (*operand)->keep_array) node->keep_array = true;
      }
      return node;
    default:
      CompileOperand(node, &node->left);
      CompileOperand(node, &node->right);
      CompileOperand(node, &node->otherwise);
      CompileChildren(node, &node->children);
      return node;
  }
}

Node* Compiler::CompileDot(Node* dot) {
  Node* left = Compile(dot->left);
  Node* path = left->kind == NodeKind::kPath ? left : NewPath(left);
  if (left->kind == NodeKind::kParent) path->seeking = {left->slot};
  Node* right = Compile(dot->right);
  std::vector<Node*>& steps = path->children;
  if (right->kind == NodeKind::kPath) {
    steps.insert(steps.end(), right->children.begin(), right->children.end());
  } else {
    right->stages = std::exchange(right->predicates, {});
    steps.push_back(right);
  }
  for (Node* step : steps) {
    if (step->kind == NodeKind::kNumber || step->kind == NodeKind::kLiteral) {
      Fail({.code = "S0213", .position = step->position, .value = step->text});
    }
    if (step->kind == NodeKind::kString) step->kind = NodeKind::kName;
    if (step->keep_array) path->keep_array = true;
  }
  for (Node* step : {steps.front(), steps.back()}) {
    if (step->kind == NodeKind::kArray) step->is_cons = true;
  }
  ResolveAncestry(path);
  return path;
}

Node* Compiler::CompilePredicate(Node* predicate) {
  Node* result = Compile(predicate->left);
  Node* step = LastStep(result);
  if (step->grouping != nullptr) Fail({.code = "S0209", .position = predicate->position});
  Node* filter = Compile(predicate->right);
  ResolvePredicateAncestry(step, *filter);
  auto& stages = result->kind == NodeKind::kPath ? step->stages : step->predicates;
  stages.push_back({.filter = filter});
  return result;
}

Node* Compiler::CompileGroup(Node* group) {
  Node* result = Compile(group->left);
  if (result->grouping != nullptr) Fail({.code = "S0210", .position = group->position});
  for (Node*& node : group->grouping->pairs) node = Compile(node);
  result->grouping = std::move(group->grouping);
  return result;
}

Node* Compiler::CompileOrderBy(Node* order) {
  Node* result = Compile(order->left);
  if (result->kind != NodeKind::kPath) result = NewPath(result);
  Node* sort = program_.NewNode(NodeKind::kSort, order->position);
  for (SortTerm& term : order->terms) {
    term.expression = Compile(term.expression);
    PushAncestry(sort, *term.expression);
  }
  sort->terms = std::move(order->terms);
  result->children.push_back(sort);
  ResolveAncestry(result);
  return result;
}

Node* Compiler::CompileFocus(Node* focus) {
  Node* result = Compile(focus->left);
  Node* step = LastStep(result);
  if (!step->stages.empty() || !step->predicates.empty()) {
    Fail({.code = "S0215", .position = focus->position});
  }
  if (step->kind == NodeKind::kSort) Fail({.code = "S0216", .position = focus->position});
  if (focus->keep_array) step->keep_array = true;
  step->focus = Bind(focus->right->name);
  step->is_tuple = true;
  return result;
}

Node* Compiler::CompileIndexBinding(Node* binding) {
  Node* result = Compile(binding->left);
  Node* step = LastStep(result);
  if (result->kind != NodeKind::kPath) {
    result = NewPath(result);
    step->stages = std::exchange(step->predicates, {});
  }
  const uint32_t name = Bind(binding->right->name);
  if (step->stages.empty()) {
    step->index = name;
  } else {
    step->stages.push_back({.index_name = name});
  }
  step->is_tuple = true;
  return result;
}

Node* Compiler::CompileNegate(Node* negate) {
  Node* operand = Compile(negate->left);
  if (operand->kind == NodeKind::kNumber) {
    operand->literal = Value::Of(-operand->literal.number());
    return operand;
  }
  negate->left = operand;
  PushAncestry(negate, *operand);
  return negate;
}

// No variable's name begins with an exclamation mark, so the labels are safe from them.
Node* Compiler::CompileParent(Node* parent) {
  AncestorSlot& slot = program_.slots.emplace_back();
  slot.parent = parent;
  parent->slot = &slot;
  parent->name = Bind(program_.names.Intern(absl::StrCat("!", labels_++)));
  return parent;
}

// Marks the calls that are the value of `node`.
void MarkTailCalls(Node* node) {
  if (!node->predicates.empty() || node->grouping != nullptr || node->keep_array) return;
  switch (node->kind) {
    case NodeKind::kCall:
      node->is_tail_call = true;
      break;
    case NodeKind::kCondition:
      MarkTailCalls(node->right);
      if (node->otherwise != nullptr) MarkTailCalls(node->otherwise);
      break;
    case NodeKind::kBlock:
      if (!node->children.empty()) MarkTailCalls(node->children.back());
      break;
    default:
      break;
  }
}

void Compiler::CompileLambda(Node* lambda) {
  for (const uint32_t name : lambda->parameters) Bind(name);
  const bool had_bind = std::exchange(has_bind_, false);
  lambda->right = Compile(lambda->right);
  MarkTailCalls(lambda->right);
  // A body that is a block may as well use the frame of the parameters.
  if (lambda->right->kind == NodeKind::kBlock) lambda->right->has_frame = false;
  has_bind_ = had_bind;
}

void Compiler::CompileBlock(Node* block) {
  const bool had_bind = std::exchange(has_bind_, false);
  CompileChildren(block, &block->children);
  block->has_frame = std::exchange(has_bind_, had_bind);
  for (const Node* part : block->children) {
    const Node* first = part->kind == NodeKind::kPath ? part->children.front() : part;
    if (first->is_cons) block->is_cons = true;
  }
}

}  // namespace

void Compile(Program* program) {
  program->root = Compiler(program).Compile(program->root);
  const Node& root = *program->root;
  if (root.kind == NodeKind::kParent || !root.seeking.empty()) {
    Fail({.code = "S0217", .position = root.position, .token = root.text});
  }
  for (uint32_t name = 1; name < program->names.size(); ++name) {
    NameInfo& info = program->names[name];
    info.function = FindBuiltin(info.text, program->is_states_language);
  }
  for (Node& node : program->nodes) {
    if (node.kind == NodeKind::kVariable) node.is_free = !program->names[node.name].is_bound;
    node.is_bare =
        node.predicates.empty() && (node.grouping == nullptr || node.kind == NodeKind::kPath);
    node.is_plain_name = node.kind == NodeKind::kName && node.is_bare && node.stages.empty();
    if (node.kind == NodeKind::kPath) {
      node.has_tuple_step = std::any_of(node.children.begin(), node.children.end(),
                                        [](const Node* step) { return step->is_tuple; });
    }
  }
}

}  // namespace millrace::jsonata_internal
