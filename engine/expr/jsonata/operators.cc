#include <cmath>

#include "absl/strings/str_cat.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"
#include "engine/expr/jsonata/text.h"

namespace millrace::jsonata_internal {
namespace {

[[noreturn]] void FailAt(const char* code, const Node& node, const Value& value) {
  Fail({.code = code, .position = node.position, .token = node.text, .value = Describe(value)});
}

bool IsInteger(const Value& value) {
  return value.is_number() && std::trunc(value.number()) == value.number();
}

}  // namespace

// Infinity is a number until somebody calculates with it.
bool IsNumber(const Value& value) {
  if (!value.is_number() || std::isnan(value.number())) return false;
  if (!std::isfinite(value.number())) Fail({.code = "D1001", .value = Describe(value)});
  return true;
}

Value Evaluation::EvaluateNegate(const Node& node, const Value& input, Frame* frame) {
  const Value operand = Evaluate(*node.left, input, frame);
  if (operand.is_undefined()) return operand;
  if (!IsNumber(operand)) {
    Fail({.code = "D1002", .position = node.position, .token = "-", .value = Describe(operand)});
  }
  return Value::Of(-operand.number());
}

Value Evaluation::EvaluateArithmetic(const Node& node, const Value& left, const Value& right) {
  if (!left.is_undefined() && !IsNumber(left)) FailAt("T2001", node, left);
  if (!right.is_undefined() && !IsNumber(right)) FailAt("T2002", node, right);
  if (left.is_undefined() || right.is_undefined()) return Value();
  const double a = left.number();
  const double b = right.number();
  switch (node.kind) {
    case NodeKind::kAdd:
      return Value::Of(a + b);
    case NodeKind::kSubtract:
      return Value::Of(a - b);
    case NodeKind::kMultiply:
      return Value::Of(a * b);
    case NodeKind::kDivide:
      return Value::Of(a / b);
    default:
      return Value::Of(std::fmod(a, b));
  }
}

Value Evaluation::EvaluateComparison(const Node& node, const Value& left, const Value& right) {
  const auto is_comparable = [](const Value& value) {
    return value.is_undefined() || value.is_string() || value.is_number();
  };
  if (!is_comparable(left)) FailAt("T2010", node, left);
  if (!is_comparable(right)) FailAt("T2010", node, right);
  if (left.is_undefined() || right.is_undefined()) return Value();
  if (left.kind() != right.kind()) {
    Fail({.code = "T2009",
          .position = node.position,
          .token = node.text,
          .value = Describe(left),
          .value2 = Describe(right)});
  }
  bool is_less;
  bool is_equal;
  if (left.is_number()) {
    is_less = left.number() < right.number();
    is_equal = left.number() == right.number();
  } else {
    const int order = CompareTexts(left.text(), right.text());
    is_less = order < 0;
    is_equal = order == 0;
  }
  switch (node.kind) {
    case NodeKind::kLess:
      return Value::Of(is_less);
    case NodeKind::kLessOrEqual:
      return Value::Of(is_less || is_equal);
    case NodeKind::kGreater:
      return Value::Of(!is_less && !is_equal);
    default:
      return Value::Of(!is_less);
  }
}

Value Evaluation::EvaluateConcatenation(const Value& left, const Value& right) {
  std::string left_text;
  std::string right_text;
  const auto view = [this](const Value& value, std::string* buffer) -> absl::string_view {
    if (value.is_undefined()) return "";
    if (value.is_string()) return value.text();
    AppendText(*this, value, false, buffer);
    return *buffer;
  };
  const absl::string_view a = view(left, &left_text);
  const absl::string_view b = view(right, &right_text);
  if (left.is_string()) return Concatenate(a, b);
  CheckStringSize(a.size() + b.size());
  return Concatenate(Text(a).text(), b);
}

Value Evaluation::EvaluateRange(const Node& node, const Value& left, const Value& right) {
  if (!left.is_undefined() && !IsInteger(left)) FailAt("T2003", node, left);
  if (!right.is_undefined() && !IsInteger(right)) FailAt("T2004", node, right);
  if (left.is_undefined() || right.is_undefined() || left.number() > right.number()) {
    return Value();
  }
  const double size = right.number() - left.number() + 1;
  if (size > static_cast<double>(settings_.limits.range_max)) {
    Fail({.code = "D2014", .position = node.position, .value = Describe(Value::Of(size))});
  }
  const auto count = static_cast<uint32_t>(size);
  if (count > settings_.limits.sequence_max) {
    Fail({.code = "D2015",
          .position = node.position,
          .value = absl::StrCat(settings_.limits.sequence_max)});
  }
  Steps(count / 8);
  Array* range = NewSequence(count);
  for (uint32_t i = 0; i < count; ++i) range->items[i] = Value::Of(left.number() + i);
  range->size = count;
  return Value::Of(range);
}

bool Evaluation::Includes(const Value& right, const Value& left) {
  if (left.is_undefined()) return false;
  Steps(ItemCount(right) / 8);
  for (size_t i = 0; i < ItemCount(right); ++i) {
    const Value item = ItemOf(right, i);
    // Arrays and objects are found as themselves only, not as others with the same contents.
    const bool is_same =
        left.kind() >= Kind::kArray ? left.IsIdenticalTo(item) : AreEqual(left, item);
    if (is_same) return true;
  }
  return false;
}

bool Evaluation::AsBoolean(const Value& value) {
  switch (value.kind()) {
    case Kind::kBool:
      return value.boolean();
    case Kind::kNumber:
      return value.number() != 0 && !std::isnan(value.number());
    case Kind::kString:
      return !value.text().empty();
    case Kind::kArray:
      for (size_t i = 0; i < value.size(); ++i) {
        Step();
        if (AsBoolean(value[i])) return true;
      }
      return false;
    case Kind::kObject:
      return MemberCount(value) > 0;
    default:
      return false;
  }
}

}  // namespace millrace::jsonata_internal
