#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "engine/expr/jsonpath_parser.h"

// Filters: `?` and what follows, with the types of function calls checked as RFC 9535 asks.
namespace millrace::jsonpath_internal {
namespace {

using Operator = Filter::Operator;

struct Spelling {
  absl::string_view text;
  Operator comparison;
};

constexpr Spelling kSymbols[] = {
    {"==", Operator::kEqual},          {"!=", Operator::kNotEqual}, {"<=", Operator::kLessOrEqual},
    {">=", Operator::kGreaterOrEqual}, {"<", Operator::kLess},      {">", Operator::kGreater},
};
constexpr Spelling kWords[] = {
    {"in", Operator::kIn},     {"nin", Operator::kNotIn},   {"contains", Operator::kContains},
    {"size", Operator::kSize}, {"empty", Operator::kEmpty},
};

bool IsLogical(Function function) {
  return function == Function::kMatch || function == Function::kSearch;
}

bool TakesNodes(Function function) {
  return function == Function::kCount || function == Function::kValue;
}

std::optional<Function> FunctionNamed(absl::string_view name) {
  if (name == "length") return Function::kLength;
  if (name == "count") return Function::kCount;
  if (name == "match") return Function::kMatch;
  if (name == "search") return Function::kSearch;
  if (name == "value") return Function::kValue;
  return std::nullopt;
}

// One filter alone, or the several under one And or Or.
bool Combine(Filter::Kind kind, std::vector<Filter> parts, Filter* filter) {
  if (parts.size() == 1) {
    *filter = std::move(parts[0]);
  } else {
    filter->kind = kind;
    filter->children = std::move(parts);
  }
  return true;
}

}  // namespace

bool Parser::TakeWord(absl::string_view word) {
  if (text_.substr(at_, word.size()) != word || IsNameByte(word.size())) return false;
  at_ += word.size();
  return true;
}

bool Parser::ParseFilter(Filter* filter) {
  SkipSpace();
  return ParseOr(filter);
}

bool Parser::ParseOr(Filter* filter) {
  if (++depth_ > kDepthMax) return Fail("nesting too deep");
  std::vector<Filter> parts;
  do {
    SkipSpace();
    if (!ParseAnd(&parts.emplace_back())) return false;
    SkipSpace();
  } while (Take("||"));
  --depth_;
  return Combine(Filter::Kind::kOr, std::move(parts), filter);
}

bool Parser::ParseAnd(Filter* filter) {
  std::vector<Filter> parts;
  do {
    SkipSpace();
    if (!ParseBasic(&parts.emplace_back())) return false;
    SkipSpace();
  } while (Take("&&"));
  return Combine(Filter::Kind::kAnd, std::move(parts), filter);
}

bool Parser::ParseBasic(Filter* filter) {
  if (Take("!")) {
    SkipSpace();
    filter->kind = Filter::Kind::kNot;
    Filter& negated = filter->children.emplace_back();
    if (Peek() == '(') return ParseBasic(&negated);
    return ParseOperand(&negated.left) && CheckTest(negated.left);
  }
  if (!Take("(")) return ParseComparisonOrTest(filter);
  if (!ParseOr(filter)) return false;
  return Take(")") ? true : Fail("no ')'");
}

bool Parser::ParseComparisonOrTest(Filter* filter) {
  if (!ParseOperand(&filter->left)) return false;
  const size_t before = at_;
  SkipSpace();
  bool is_comparison = false;
  if (!ParseOperator(&filter->comparison, &is_comparison)) return false;
  if (is_comparison) {
    filter->kind = Filter::Kind::kCompare;
    return ParseComparison(filter);
  }
  at_ = before;
  return CheckTest(filter->left);
}

bool Parser::ParseComparison(Filter* filter) {
  if (!CheckComparable(filter->left)) return false;
  SkipSpace();
  if (filter->comparison == Operator::kMatchesPattern) return ParsePattern(&filter->right.pattern);
  return ParseOperand(&filter->right) && CheckComparable(filter->right);
}

bool Parser::ParseOperator(Operator* comparison, bool* found) {
  *found = true;
  if (lenient_ && Take("=~")) {
    *comparison = Operator::kMatchesPattern;
    return true;
  }
  for (const Spelling& symbol : kSymbols) {
    if (!Take(symbol.text)) continue;
    *comparison = symbol.comparison;
    return true;
  }
  for (const Spelling& word : kWords) {
    if (!lenient_ || !TakeWord(word.text)) continue;
    *comparison = word.comparison;
    return true;
  }
  *found = false;
  return true;
}

bool Parser::ParseOperand(Operand* operand) {
  if (Peek() == '@' || Peek() == '$') {
    operand->kind = Operand::Kind::kQuery;
    if (Take("@")) {
      operand->query.root = Query::Root::kCurrent;
    } else if (!ParseRoot(&operand->query)) {
      return false;
    }
    return ParseQuery(&operand->query);
  }
  size_t end = 0;
  while (IsNameByte(end)) ++end;
  if (end > 0 && Peek(end) == '(' && absl::ascii_islower(static_cast<uint8_t>(Peek()))) {
    const absl::string_view name = text_.substr(at_, end);
    at_ += end;
    return ParseCall(name, operand);
  }
  return ParseLiteral(&operand->literal);
}

bool Parser::ParseCall(absl::string_view name, Operand* call) {
  if (++depth_ > kDepthMax) return Fail("nesting too deep");
  const std::optional<Function> function = FunctionNamed(name);
  if (!function.has_value()) return Fail("an unknown function");
  call->kind = Operand::Kind::kCall;
  call->function = *function;
  if (!ParseArguments(call) || !CheckArguments(call)) return false;
  --depth_;
  return true;
}

bool Parser::ParseArguments(Operand* call) {
  ++at_;
  SkipSpace();
  if (Take(")")) return true;
  do {
    SkipSpace();
    if (!ParseOperand(&call->arguments.emplace_back())) return false;
    SkipSpace();
  } while (Take(","));
  return Take(")") ? true : Fail("no ')'");
}

bool Parser::CheckArguments(Operand* call) {
  const size_t count = IsLogical(call->function) ? 2 : 1;
  if (call->arguments.size() != count) return Fail("a wrong number of arguments");
  if (TakesNodes(call->function)) {
    if (call->arguments[0].kind != Operand::Kind::kQuery) return Fail("an argument is no query");
    return true;
  }
  for (const Operand& argument : call->arguments) {
    if (!CheckComparable(argument)) return false;
  }
  if (IsLogical(call->function) && call->arguments[1].kind == Operand::Kind::kLiteral &&
      call->arguments[1].literal.is_string()) {
    call->pattern = CompilePattern(call->arguments[1].literal.AsString());
  }
  return true;
}

bool Parser::CheckTest(const Operand& operand) {
  if (operand.kind == Operand::Kind::kQuery) return true;
  if (operand.kind == Operand::Kind::kCall && IsLogical(operand.function)) return true;
  return Fail("a value where a condition is due");
}

bool Parser::CheckComparable(const Operand& operand) {
  if (operand.kind == Operand::Kind::kQuery && !operand.query.is_singular) {
    return Fail("a query that may select several values where one is due");
  }
  if (operand.kind == Operand::Kind::kCall && IsLogical(operand.function)) {
    return Fail("a condition where a value is due");
  }
  return true;
}

}  // namespace millrace::jsonpath_internal
