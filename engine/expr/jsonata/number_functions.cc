#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/expr/jsonata/builtins.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"
#include "engine/expr/jsonata/number_format.h"
#include "engine/expr/jsonata/rounding.h"
#include "engine/expr/jsonata/text.h"

namespace millrace::jsonata_internal {
namespace {

Value Abs(const Call& call) {
  return call[0].is_undefined() ? Value() : Value::Of(std::fabs(call[0].number()));
}

Value Floor(const Call& call) {
  return call[0].is_undefined() ? Value() : Value::Of(std::floor(call[0].number()));
}

Value Ceil(const Call& call) {
  return call[0].is_undefined() ? Value() : Value::Of(std::ceil(call[0].number()));
}

Value Round(const Call& call) {
  if (call[0].is_undefined()) return Value();
  return Value::Of(RoundHalfToEven(call[0].number(), call[1].is_number() ? call[1].number() : 0));
}

Value Sqrt(const Call& call) {
  if (call[0].is_undefined()) return Value();
  if (call[0].number() < 0) Fail({.code = "D3060", .value = Describe(call[0]), .index = 1});
  return Value::Of(std::sqrt(call[0].number()));
}

Value Power(const Call& call) {
  if (call[0].is_undefined()) return Value();
  const double exponent =
      call[1].is_number() ? call[1].number() : std::numeric_limits<double>::quiet_NaN();
  const double power = std::pow(call[0].number(), exponent);
  if (!std::isfinite(power)) {
    Fail({.code = "D3061", .value = Describe(call[0]), .value2 = Describe(call[1]), .index = 1});
  }
  return Value::Of(power);
}

Value Number(const Call& call) {
  const Value& value = call[0];
  if (value.is_undefined() || value.is_number()) return value;
  if (value.is_bool()) return Value::Of(value.boolean() ? 1.0 : 0.0);
  double number;
  if (value.is_string() && ParseNumber(value.text(), &number)) return Value::Of(number);
  Fail({.code = "D3030", .value = Describe(value), .index = 1});
}

Value Sum(const Call& call) {
  if (call[0].is_undefined()) return Value();
  double sum = 0;
  const size_t size = call[0].size();
  call.evaluation.Steps(size / 8);
  for (size_t i = 0; i < size; ++i) sum += call[0][i].number();
  return Value::Of(sum);
}

Value Average(const Call& call) {
  if (call[0].is_undefined() || call[0].size() == 0) return Value();
  return Value::Of(Sum(call).number() / static_cast<double>(call[0].size()));
}

Value Extreme(const Call& call, double sign) {
  if (call[0].is_undefined() || call[0].size() == 0) return Value();
  double best = -std::numeric_limits<double>::infinity();
  call.evaluation.Steps(call[0].size() / 8);
  for (size_t i = 0; i < call[0].size(); ++i) best = std::max(best, sign * call[0][i].number());
  return Value::Of(sign * best);
}

Value Max(const Call& call) { return Extreme(call, 1); }
Value Min(const Call& call) { return Extreme(call, -1); }

Value FormatBase(const Call& call) {
  if (call[0].is_undefined()) return Value();
  double value = RoundHalfToEven(call[0].number(), 0);
  const double radix = call[1].is_number() ? RoundHalfToEven(call[1].number(), 0) : 10;
  if (radix < 2 || radix > 36) Fail({.code = "D3100", .value = Describe(Value::Of(radix))});
  const bool is_negative = value < 0;
  value = std::fabs(value);
  std::string digits;
  do {
    const auto digit = static_cast<int>(std::fmod(value, radix));
    digits.push_back("0123456789abcdefghijklmnopqrstuvwxyz"[digit]);
    value = std::floor(value / radix);
  } while (value >= 1);
  if (is_negative) digits.push_back('-');
  std::reverse(digits.begin(), digits.end());
  return call.evaluation.Text(digits);
}

Value FormatNumberCall(const Call& call) {
  if (call[0].is_undefined()) return Value();
  DecimalFormat format;
  if (call[2].is_object()) {
    for (size_t i = 0; i < MemberCount(call[2]); ++i) {
      const ObjectMember member = MemberAt(call[2], i);
      if (!member.value.is_string()) continue;
      call.evaluation.ChargePicture(member.value.text());
      format.Set(member.key, member.value.text());
    }
  }
  const absl::string_view picture = call[1].is_string() ? call[1].text() : absl::string_view();
  call.evaluation.ChargePicture(picture);
  return call.evaluation.Text(FormatNumber(call[0].number(), picture, format));
}

Value RandomNumber(const Call& call) { return Value::Of(call.evaluation.random().NextDouble()); }

constexpr BuiltinEntry kFunctions[] = {
    {"abs", Abs, "<n-:n>", 1},
    {"floor", Floor, "<n-:n>", 1},
    {"ceil", Ceil, "<n-:n>", 1},
    {"round", Round, "<n-n?:n>", 2},
    {"sqrt", Sqrt, "<n-:n>", 1},
    {"power", Power, "<n-n:n>", 2},
    {"number", Number, "<(nsb)-:n>", 1},
    {"sum", Sum, "<a<n>:n>", 1},
    {"average", Average, "<a<n>:n>", 1},
    {"max", Max, "<a<n>:n>", 1},
    {"min", Min, "<a<n>:n>", 1},
    {"formatBase", FormatBase, "<n-n?:s>", 2},
    {"formatNumber", FormatNumberCall, "<n-so?:s>", 3},
    {"random", RandomNumber, "<:n>", 0, Availability::kPlainOnly},
};

}  // namespace

absl::Span<const BuiltinEntry> NumberFunctions() { return kFunctions; }

}  // namespace millrace::jsonata_internal
