#include "engine/expr/jsonata/parser.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/lexer.h"
#include "engine/expr/jsonata/signature.h"

namespace millrace::jsonata_internal {
namespace {

// A tree of more levels is refused, so that walking one cannot exhaust the stack.
constexpr int kHeightMax = 600;
constexpr int kNestingMax = 400;
// Each takes some 10 kB, and up to a megabyte while it runs.
constexpr int kRegexesMax = 64;

constexpr size_t kNodeBytesMax = 48u << 20;
constexpr size_t kNodesMax = kNodeBytesMax / sizeof(Node);

struct Infix {
  NodeKind kind;
  int power;  // how strongly it binds to what is left of it
};

const Infix* FindInfix(absl::string_view symbol) {
  using K = NodeKind;
  static const auto* const kInfixes = new absl::flat_hash_map<absl::string_view, Infix>{
      {".", {K::kDot, 75}},          {"[", {K::kPredicate, 80}},
      {"{", {K::kGroup, 70}},        {"(", {K::kCall, 80}},
      {"@", {K::kFocus, 80}},        {"#", {K::kIndexBinding, 80}},
      {"?", {K::kCondition, 20}},    {"+", {K::kAdd, 50}},
      {"-", {K::kSubtract, 50}},     {"*", {K::kMultiply, 60}},
      {"/", {K::kDivide, 60}},       {"%", {K::kModulo, 60}},
      {"=", {K::kEqual, 40}},        {"<", {K::kLess, 40}},
      {">", {K::kGreater, 40}},      {"^", {K::kOrderBy, 40}},
      {":=", {K::kBind, 10}},        {"!=", {K::kUnequal, 40}},
      {"<=", {K::kLessOrEqual, 40}}, {">=", {K::kGreaterOrEqual, 40}},
      {"~>", {K::kApply, 40}},       {"and", {K::kAnd, 30}},
      {"or", {K::kOr, 25}},          {"in", {K::kIn, 40}},
      {"&", {K::kConcatenate, 50}},  {"??", {K::kCoalesce, 40}},
      {"?:", {K::kDefault, 40}},
  };
  const auto found = kInfixes->find(symbol);
  return found == kInfixes->end() ? nullptr : &found->second;
}

// Operators that cannot stand between two operands, though they end what is left of them or begin
// an operand of their own. They bind with no power at all.
bool IsKnownSymbol(absl::string_view symbol) {
  static constexpr absl::string_view kOthers[] = {")", "]", "}", ",", ";", ":", "..", "|", "**"};
  return FindInfix(symbol) != nullptr ||
         std::find(std::begin(kOthers), std::end(kOthers), symbol) != std::end(kOthers);
}

// A Pratt parser: each operator knows how strongly it binds.
class Parser {
 public:
  Parser(absl::string_view text, Program* program)
      : lexer_(text), text_size_(text.size()), program_(*program) {}

  Node* ParseAll() {
    Advance(false);
    Node* root = ParseExpression(0);
    if (token_.kind != TokenKind::kEnd) {
      Fail({.code = "S0201", .position = token_.position, .token = token_.text});
    }
    return root;
  }

 private:
  void Advance(bool expects_operator);
  void Expect(absl::string_view symbol, bool expects_operator = false);
  Node* ParseExpression(int power);
  Node* ParseOperand(const Token& token);
  Node* ParseOperatorOperand(const Token& token);
  Node* ParseInfix(const Token& token, const Infix& infix, Node* left);
  Node* ParseBlock(size_t position);
  Node* ParseArray(size_t position);
  Node* ParseTransform(size_t position);
  Node* ParsePredicate(Node* left, size_t position);
  Node* ParseCall(Node* left, size_t position);
  void ParseLambda(Node* lambda, Node* keyword);
  Node* ParseCondition(Node* condition, size_t position);
  Node* ParseOrderBy(Node* left, size_t position);
  Node* ParseBinding(NodeKind kind, absl::string_view symbol, Node* left, size_t position);
  void ParsePairs(std::vector<Node*>* pairs);

  // A node that knows its height. Its children are given now or reported to Raise().
  Node* Make(NodeKind kind, size_t position, Node* left = nullptr, Node* right = nullptr) {
    if (program_.nodes.size() >= kNodesMax) {
      Fail({.code = "D2017", .position = position, .value = absl::StrCat(kNodeBytesMax)});
    }
    Node* node = program_.NewNode(kind, position);
    node->left = left;
    node->right = right;
    Raise(node, left);
    Raise(node, right);
    return node;
  }
  static void Raise(Node* node, const Node* child) {
    if (child == nullptr) return;
    node->height = std::max(node->height, child->height + 1);
    if (node->height > kHeightMax) Fail({.code = "D1011", .position = node->position});
  }

  Lexer lexer_;
  const size_t text_size_;
  Program& program_;
  Token token_;
  int nesting_ = 0;
  int regexes_ = 0;
};

void Parser::Advance(bool expects_operator) {
  token_ = lexer_.Next(expects_operator);
  if (token_.kind == TokenKind::kOperator && !IsKnownSymbol(token_.text)) {
    Fail({.code = "S0204", .position = token_.position, .token = token_.text});
  }
}

void Parser::Expect(absl::string_view symbol, bool expects_operator) {
  if (!token_.Is(symbol)) {
    Fail({.code = token_.kind == TokenKind::kEnd ? "S0203" : "S0202",
          .position = token_.position,
          .token = token_.text,
          .value = Quoted(symbol)});
  }
  Advance(expects_operator);
}

Node* Parser::ParseExpression(int power) {
  if (++nesting_ > kNestingMax) Fail({.code = "D1011", .position = token_.position});
  Token token = std::move(token_);
  Advance(true);
  Node* left = ParseOperand(token);
  while (token_.kind == TokenKind::kOperator) {
    const Infix* infix = FindInfix(token_.text);
    if (infix == nullptr || infix->power <= power) break;
    token = std::move(token_);
    Advance(false);
    left = ParseInfix(token, *infix, left);
  }
  --nesting_;
  return left;
}

Node* Parser::ParseOperand(const Token& token) {
  const auto leaf = [&](NodeKind kind) {
    Node* node = Make(kind, token.position);
    node->text = token.text;
    return node;
  };
  switch (token.kind) {
    case TokenKind::kName:
      return leaf(NodeKind::kName);
    case TokenKind::kVariable: {
      Node* node = leaf(NodeKind::kVariable);
      node->name = token.text.empty() ? kNoName : program_.names.Intern(token.text);
      return node;
    }
    case TokenKind::kString:
      return leaf(NodeKind::kString);
    case TokenKind::kNumber: {
      Node* node = leaf(NodeKind::kNumber);
      node->literal = Value::Of(token.number);
      return node;
    }
    case TokenKind::kLiteral: {
      Node* node = leaf(NodeKind::kLiteral);
      node->literal = token.text == "null" ? Value::Null() : Value::Of(token.text == "true");
      return node;
    }
    case TokenKind::kRegex: {
      if (++regexes_ > kRegexesMax) {
        Fail({.code = "S0303",
              .position = token.position,
              .text = absl::StrCat("it is one of more than ", kRegexesMax)});
      }
      Node* node = leaf(NodeKind::kRegex);
      node->regex = token.regex;
      return node;
    }
    case TokenKind::kEnd:
      Fail({.code = "S0207", .position = text_size_, .token = "(end)"});
    case TokenKind::kOperator:
      break;
  }
  return ParseOperatorOperand(token);
}

Node* Parser::ParseOperatorOperand(const Token& token) {
  const absl::string_view symbol = token.text;
  if (symbol == "and" || symbol == "or" || symbol == "in") {
    Node* name = Make(NodeKind::kName, token.position);
    name->text = token.text;
    return name;
  }
  if (symbol == "-") return Make(NodeKind::kNegate, token.position, ParseExpression(70));
  if (symbol == "*") return Make(NodeKind::kWildcard, token.position);
  if (symbol == "**") return Make(NodeKind::kDescendants, token.position);
  if (symbol == "%") return Make(NodeKind::kParent, token.position);
  if (symbol == "(") return ParseBlock(token.position);
  if (symbol == "[") return ParseArray(token.position);
  if (symbol == "|") return ParseTransform(token.position);
  if (symbol == "{") {
    Node* object = Make(NodeKind::kObject, token.position);
    ParsePairs(&object->children);
    for (const Node* child : object->children) Raise(object, child);
    return object;
  }
  Fail({.code = "S0211", .position = token.position, .token = token.text});
}

Node* Parser::ParseBlock(size_t position) {
  Node* block = Make(NodeKind::kBlock, position);
  while (!token_.Is(")")) {
    block->children.push_back(ParseExpression(0));
    Raise(block, block->children.back());
    if (!token_.Is(";")) break;
    Advance(false);
  }
  Expect(")", true);
  return block;
}

Node* Parser::ParseArray(size_t position) {
  Node* array = Make(NodeKind::kArray, position);
  while (!token_.Is("]")) {
    Node* item = ParseExpression(0);
    if (token_.Is("..")) {
      const size_t range_position = token_.position;
      Advance(false);
      item = Make(NodeKind::kRange, range_position, item, ParseExpression(0));
      item->text = "..";
    }
    array->children.push_back(item);
    Raise(array, item);
    if (!token_.Is(",")) break;
    Advance(false);
  }
  Expect("]", true);
  return array;
}

// `|location|update, delete|`
Node* Parser::ParseTransform(size_t position) {
  Node* transform = Make(NodeKind::kTransform, position, ParseExpression(0));
  Expect("|");
  transform->right = ParseExpression(0);
  Raise(transform, transform->right);
  if (token_.Is(",")) {
    Advance(false);
    transform->otherwise = ParseExpression(0);
    Raise(transform, transform->otherwise);
  }
  Expect("|", true);
  return transform;
}

void Parser::ParsePairs(std::vector<Node*>* pairs) {
  while (!token_.Is("}")) {
    pairs->push_back(ParseExpression(0));
    Expect(":");
    pairs->push_back(ParseExpression(0));
    if (!token_.Is(",")) break;
    Advance(false);
  }
  Expect("}", true);
}

Node* Parser::ParseInfix(const Token& token, const Infix& infix, Node* left) {
  switch (infix.kind) {
    case NodeKind::kPredicate:
      return ParsePredicate(left, token.position);
    case NodeKind::kCall:
      return ParseCall(left, token.position);
    case NodeKind::kCondition:
      return ParseCondition(left, token.position);
    case NodeKind::kOrderBy:
      return ParseOrderBy(left, token.position);
    case NodeKind::kFocus:
    case NodeKind::kIndexBinding:
    case NodeKind::kBind:
      return ParseBinding(infix.kind, token.text, left, token.position);
    case NodeKind::kGroup: {
      Node* group = Make(NodeKind::kGroup, token.position, left);
      group->grouping = std::make_unique<Grouping>();
      group->grouping->position = token.position;
      ParsePairs(&group->grouping->pairs);
      for (const Node* child : group->grouping->pairs) Raise(group, child);
      return group;
    }
    default: {
      // What stands behind a default may be anything.
      const bool is_default = infix.kind == NodeKind::kDefault || infix.kind == NodeKind::kCoalesce;
      Node* right = ParseExpression(is_default ? 0 : infix.power);
      Node* node = Make(infix.kind, token.position, left, right);
      node->text = token.text;
      return node;
    }
  }
}

// `[]` keeps an array what would else be its only element.
Node* Parser::ParsePredicate(Node* left, size_t position) {
  if (token_.Is("]")) {
    Node* step = left;
    while (step->kind == NodeKind::kPredicate) step = step->left;
    step->keep_array = true;
    Advance(true);
    return left;
  }
  Node* predicate = Make(NodeKind::kPredicate, position, left, ParseExpression(0));
  Expect("]", true);
  return predicate;
}

Node* Parser::ParseCall(Node* left, size_t position) {
  Node* call = Make(NodeKind::kCall, position, left);
  while (!token_.Is(")")) {
    if (token_.Is("?")) {
      call->kind = NodeKind::kPartial;
      call->children.push_back(Make(NodeKind::kPlaceholder, token_.position));
      Advance(true);
    } else {
      call->children.push_back(ParseExpression(0));
      Raise(call, call->children.back());
    }
    if (!token_.Is(",")) break;
    Advance(false);
  }
  Expect(")", true);
  if (left->kind == NodeKind::kName && (left->text == "function" || left->text == "λ")) {
    ParseLambda(call, left);
  }
  return call;
}

// What looked like a call so far is a definition, whose arguments are its parameters.
void Parser::ParseLambda(Node* lambda, Node* keyword) {
  for (size_t i = 0; i < lambda->children.size(); ++i) {
    const Node* parameter = lambda->children[i];
    if (parameter->kind != NodeKind::kVariable) {
      Fail({.code = "S0208",
            .position = parameter->position,
            .token = parameter->text,
            .value = absl::StrCat(i + 1)});
    }
    lambda->parameters.push_back(parameter->name);
  }
  lambda->kind = NodeKind::kLambda;
  lambda->children.clear();
  lambda->left = nullptr;
  if (token_.Is("<")) {
    const size_t position = token_.position;
    std::string signature = "<";
    int depth = 1;
    while (depth > 0) {
      Advance(false);
      if (token_.Is("{") || token_.kind == TokenKind::kEnd) break;
      if (token_.Is(">")) --depth;
      if (token_.Is("<")) ++depth;
      signature += token_.text;
    }
    Expect(">");
    lambda->signature = Signature::Parse(signature, position);
  }
  Expect("{");
  lambda->right = ParseExpression(0);
  Raise(lambda, lambda->right);
  Expect("}", true);
}

Node* Parser::ParseCondition(Node* condition, size_t position) {
  Node* node = Make(NodeKind::kCondition, position, condition, ParseExpression(0));
  if (token_.Is(":")) {
    Advance(false);
    node->otherwise = ParseExpression(0);
    Raise(node, node->otherwise);
  }
  return node;
}

Node* Parser::ParseOrderBy(Node* left, size_t position) {
  Node* order = Make(NodeKind::kOrderBy, position, left);
  Expect("(");
  while (true) {
    SortTerm term;
    if (token_.Is("<")) {
      Advance(false);
    } else if (token_.Is(">")) {
      term.is_descending = true;
      Advance(false);
    }
    term.expression = ParseExpression(0);
    Raise(order, term.expression);
    order->terms.push_back(term);
    if (!token_.Is(",")) break;
    Advance(false);
  }
  Expect(")", true);
  return order;
}

Node* Parser::ParseBinding(NodeKind kind, absl::string_view symbol, Node* left, size_t position) {
  if (kind == NodeKind::kBind) {
    if (left->kind != NodeKind::kVariable) {
      Fail({.code = "S0212", .position = left->position, .token = left->text});
    }
    return Make(kind, position, left, ParseExpression(9));
  }
  Node* variable = ParseExpression(80);
  if (variable->kind != NodeKind::kVariable) {
    Fail({.code = "S0214", .position = variable->position, .token = std::string(symbol)});
  }
  return Make(kind, position, left, variable);
}

}  // namespace

void Parse(absl::string_view text, Program* program) {
  program->root = Parser(text, program).ParseAll();
}

}  // namespace millrace::jsonata_internal
