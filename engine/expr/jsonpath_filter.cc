#include <algorithm>
#include <vector>

#include "engine/expr/jsonpath_evaluator.h"
#include "engine/expr/jsonpath_parser.h"
#include "engine/expr/string_pattern.h"

// Conditions: RFC 9535, sections 2.3.5 and 2.4, and the Jayway library's further operators.
namespace millrace::jsonpath_internal {
namespace {

using Operator = Filter::Operator;
using Value = std::optional<Json>;

re2::StringPiece ToPiece(absl::string_view text) { return {text.data(), text.size()}; }

int64_t CountCharacters(absl::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; });
}

bool IsLess(const Value& a, const Value& b) {
  if (!a.has_value() || !b.has_value()) return false;
  if (a->is_number() && b->is_number()) return CompareNumbers(*a, *b) < 0;
  if (a->is_string() && b->is_string()) return a->AsString() < b->AsString();
  return false;
}

bool IsIn(const Value& value, const Value& list) {
  if (!value.has_value() || !list.has_value() || !list->is_array()) return false;
  const auto elements = list->elements();
  return std::find(elements.begin(), elements.end(), *value) != elements.end();
}

bool Contains(const Value& whole, const Value& part) {
  if (!whole.has_value() || !part.has_value()) return false;
  if (whole->is_string() && part->is_string()) {
    return FindText(whole->AsString(), part->AsString()) != absl::string_view::npos;
  }
  return IsIn(part, whole);
}

Value SizeOf(const Value& value) {
  if (!value.has_value()) return std::nullopt;
  const std::optional<int64_t> length = LengthOf(*value);
  return length.has_value() ? Value(Json(*length)) : std::nullopt;
}

bool Compare(Operator comparison, const Value& a, const Value& b) {
  switch (comparison) {
    case Operator::kEqual:
      return a == b;
    case Operator::kNotEqual:
      return !(a == b);
    case Operator::kLess:
      return IsLess(a, b);
    case Operator::kLessOrEqual:
      return IsLess(a, b) || a == b;
    case Operator::kGreater:
      return IsLess(b, a);
    case Operator::kGreaterOrEqual:
      return IsLess(b, a) || a == b;
    case Operator::kIn:
      return IsIn(a, b);
    case Operator::kNotIn:
      return !IsIn(a, b);
    case Operator::kContains:
      return Contains(a, b);
    case Operator::kSize: {
      const Value size = SizeOf(a);
      return size.has_value() && size == b;
    }
    case Operator::kEmpty: {
      const Value size = SizeOf(a);
      return size.has_value() && b == Json(*size == Json(0));
    }
    case Operator::kMatchesPattern:
      break;
  }
  return false;
}

// What a pattern or a comparison reads in the time of a visit.
constexpr size_t kBytesPerVisit = 64;
// To compile a pattern.
constexpr size_t kVisitsPerPattern = 500;

// How many values there are in `json`, and in its texts as if each were several; counted no
// further than `most`.
size_t Weigh(const Json& json, int64_t most) {
  std::vector<const Json*> pending = {&json};
  size_t weight = 0;
  while (!pending.empty() && static_cast<int64_t>(weight) <= most) {
    const Json& next = *pending.back();
    pending.pop_back();
    ++weight;
    if (next.is_string()) weight += next.AsString().size() / kBytesPerVisit;
    if (next.is_array()) {
      for (const Json& element : next.elements()) pending.push_back(&element);
    } else if (next.is_object()) {
      for (const JsonMember& member : next.members()) pending.push_back(&member.value);
    }
  }
  return weight;
}

}  // namespace

std::optional<int64_t> LengthOf(const Json& json) {
  if (json.is_string()) return CountCharacters(json.AsString());
  if (json.is_array() || json.is_object()) return static_cast<int64_t>(json.size());
  return std::nullopt;
}

bool Evaluator::Holds(const Filter& filter, const Json* current) {
  if (!Visit()) return false;
  const auto holds = [this, current](const Filter& child) { return Holds(child, current); };
  switch (filter.kind) {
    case Filter::Kind::kOr:
      return std::any_of(filter.children.begin(), filter.children.end(), holds);
    case Filter::Kind::kAnd:
      return std::all_of(filter.children.begin(), filter.children.end(), holds);
    case Filter::Kind::kNot:
      return !holds(filter.children[0]);
    case Filter::Kind::kTest:
      return TestHolds(filter.left, current);
    case Filter::Kind::kCompare:
      break;
  }
  return ComparisonHolds(filter, current);
}

bool Evaluator::TestHolds(const Operand& operand, const Json* current) {
  if (operand.kind == Operand::Kind::kCall) return Matches(operand, current);
  if (operand.query.is_singular) return SelectOne(operand.query, current) != nullptr;
  return !Select(operand.query, current).empty();
}

void Evaluator::ChargeText(const Value& text) {
  if (text.has_value() && text->is_string()) Charge(text->AsString().size() / kBytesPerVisit);
}

// Two texts, or two arrays or objects, are read at most as far as the smaller one goes.
void Evaluator::ChargeComparison(const Filter& filter, const Value& a, const Value& b) {
  if (!a.has_value() || !b.has_value()) return;
  const auto is_container = [](const Json& json) { return json.is_array() || json.is_object(); };
  switch (filter.comparison) {
    case Operator::kIn:
    case Operator::kNotIn:
      return Charge(Weigh(*b, visits_left_));
    case Operator::kContains:
      return a->is_string() ? ChargeText(a) : Charge(Weigh(*a, visits_left_));
    case Operator::kSize:
    case Operator::kEmpty:
      return ChargeText(a);
    default:
      break;
  }
  if (a->is_string() && b->is_string()) {
    ChargeText(a->AsString().size() < b->AsString().size() ? a : b);
  } else if (is_container(*a) && is_container(*b) && a->size() == b->size()) {
    Charge(Weigh(*a, visits_left_));
  }
}

bool Evaluator::ComparisonHolds(const Filter& filter, const Json* current) {
  const Value left = ValueOf(filter.left, current);
  if (filter.comparison == Operator::kMatchesPattern) {
    ChargeText(left);
    if (gave_up()) return false;
    return left.has_value() && left->is_string() &&
           RE2::FullMatch(ToPiece(left->AsString()), *filter.right.pattern);
  }
  const Value right = ValueOf(filter.right, current);
  ChargeComparison(filter, left, right);
  return !gave_up() && Compare(filter.comparison, left, right);
}

std::optional<Json> Evaluator::ValueOf(const Operand& operand, const Json* current) {
  if (operand.kind == Operand::Kind::kLiteral) return operand.literal;
  if (operand.kind == Operand::Kind::kCall) return Call(operand, current);
  const Json* node = SelectOne(operand.query, current);
  if (node == nullptr) return std::nullopt;
  if (operand.query.is_length) {
    if (node->is_string()) ChargeText(*node);
    return SizeOf(*node);
  }
  return *node;
}

std::optional<Json> Evaluator::Call(const Operand& call, const Json* current) {
  const Operand& argument = call.arguments[0];
  if (call.function == Function::kLength) {
    const Value value = ValueOf(argument, current);
    ChargeText(value);
    return SizeOf(value);
  }
  const Nodes nodes = Select(argument.query, current);
  if (call.function == Function::kCount) return Json(static_cast<int64_t>(nodes.size()));
  if (nodes.size() != 1) return std::nullopt;
  return *nodes[0];
}

bool Evaluator::Matches(const Operand& call, const Json* current) {
  const Value text = ValueOf(call.arguments[0], current);
  if (!text.has_value() || !text->is_string()) return false;
  std::shared_ptr<const RE2> pattern = call.pattern;
  if (pattern == nullptr) {
    const Value written = ValueOf(call.arguments[1], current);
    if (!written.has_value() || !written->is_string()) return false;
    Charge(kVisitsPerPattern + written->AsString().size());
    if (gave_up()) return false;
    pattern = CompilePattern(written->AsString());
    if (pattern == nullptr) return false;
  }
  ChargeText(text);
  if (gave_up()) return false;
  const re2::StringPiece piece = ToPiece(text->AsString());
  return call.function == Function::kMatch ? RE2::FullMatch(piece, *pattern)
                                           : RE2::PartialMatch(piece, *pattern);
}

}  // namespace millrace::jsonpath_internal
