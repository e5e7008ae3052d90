#include "engine/expr/jsonata/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"
#include "engine/expr/jsonata/utf8.h"

namespace millrace::jsonata_internal {
namespace {

constexpr int kDigits = 15;
constexpr double kExactIntegerMax = 9007199254740992.0;

class Printer {
 public:
  Printer(Evaluation& evaluation, bool is_pretty, std::string* out)
      : evaluation_(evaluation), is_pretty_(is_pretty), out_(*out) {}

  void Print(const Value& value) {
    evaluation_.Step();
    evaluation_.CheckStringSize(out_.size());
    switch (value.kind()) {
      case Kind::kBool:
        out_ += value.boolean() ? "true" : "false";
        break;
      case Kind::kNumber:
        if (IsNumber(value)) {
          AppendNumber(value.number(), &out_);
        } else {
          out_ += "null";
        }
        break;
      case Kind::kString:
        AppendJsonString(value.text(), &out_);
        break;
      case Kind::kArray:
        PrintArray(value);
        break;
      case Kind::kObject:
        PrintObject(value);
        break;
      case Kind::kFunction:
        out_ += "\"\"";
        break;
      default:
        out_ += "null";
    }
  }

 private:
  void PrintArray(const Value& array) {
    out_.push_back('[');
    ++indent_;
    for (size_t i = 0; i < array.size(); ++i) {
      if (i > 0) out_.push_back(',');
      BreakLine();
      Print(array[i]);
    }
    --indent_;
    if (array.size() > 0) BreakLine();
    out_.push_back(']');
  }

  void PrintObject(const Value& object) {
    out_.push_back('{');
    ++indent_;
    bool is_first = true;
    for (size_t i = 0; i < MemberCount(object); ++i) {
      const ObjectMember member = MemberAt(object, i);
      if (member.value.is_undefined()) continue;
      if (!is_first) out_.push_back(',');
      is_first = false;
      BreakLine();
      AppendJsonString(member.key, &out_);
      out_ += is_pretty_ ? ": " : ":";
      Print(member.value);
    }
    --indent_;
    if (!is_first) BreakLine();
    out_.push_back('}');
  }

  void BreakLine() {
    if (!is_pretty_) return;
    out_.push_back('\n');
    out_.append(2 * indent_, ' ');
  }

  Evaluation& evaluation_;
  const bool is_pretty_;
  std::string& out_;
  size_t indent_ = 0;
};

}  // namespace

void AppendShortest(double number, std::string* out) {
  const double magnitude = std::fabs(number);
  if (magnitude < kExactIntegerMax || magnitude >= 1e21) return AppendJsonNumber(number, out);
  char buffer[32];
  const auto end =
      std::to_chars(buffer, std::end(buffer), magnitude, std::chars_format::scientific);
  const absl::string_view text(buffer, static_cast<size_t>(end.ptr - buffer));
  const size_t e = text.find('e');
  size_t digits = 0;
  if (!absl::SimpleAtoi(text.substr(e + 2), &digits)) return;
  if (number < 0) out->push_back('-');
  const size_t start = out->size();
  absl::StrAppend(out, text.substr(0, 1), e > 2 ? text.substr(2, e - 2) : "");
  out->append(start + digits + 1 - out->size(), '0');
}

void AppendNumber(double number, std::string* out) {
  if (std::trunc(number) == number && std::fabs(number) < kExactIntegerMax) {
    absl::StrAppend(out, static_cast<int64_t>(number));
    return;
  }
  const size_t start = out->size();
  AppendShortest(number, out);
  if (std::trunc(number) == number) return;
  const auto digits = std::count_if(out->begin() + static_cast<std::ptrdiff_t>(start), out->end(),
                                    [](char c) { return c >= '0' && c <= '9'; });
  if (digits <= kDigits) return;
  char rounded[32];
  std::snprintf(rounded, sizeof rounded, "%.*g", kDigits, number);
  out->resize(start);
  AppendJsonNumber(std::strtod(rounded, nullptr), out);
}

void AppendText(Evaluation& evaluation, const Value& value, bool is_pretty, std::string* out) {
  if (value.is_undefined() || value.is_function()) return;
  if (value.is_string()) {
    absl::StrAppend(out, value.text());
    return;
  }
  if (value.is_number() && !std::isfinite(value.number())) {
    Fail({.code = "D3001", .value = "null"});
  }
  const bool is_wrapped =
      value.is_array() && value.array() != nullptr && value.array()->is_outer_wrapper;
  Printer(evaluation, is_pretty, out).Print(is_wrapped ? value[0] : value);
  evaluation.CheckStringSize(out->size());
}

std::string Describe(const Value& value) {
  constexpr size_t kBytesMax = 256;
  switch (value.kind()) {
    case Kind::kUndefined:
      return "undefined";
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return value.boolean() ? "true" : "false";
    case Kind::kNumber: {
      std::string text;
      std::isfinite(value.number()) ? AppendShortest(value.number(), &text)
                                    : absl::StrAppend(&text, "null");
      return text;
    }
    case Kind::kString:
      return Quoted(PrefixOf(value.text(), kBytesMax));
    case Kind::kArray:
      if (value.size() == 0) return "[]";
      return absl::StrCat("[", Describe(value[0]), value.size() > 1 ? ",...]" : "]");
    case Kind::kObject:
      return MemberCount(value) == 0 ? "{}" : "{...}";
    default:
      return "function";
  }
}

}  // namespace millrace::jsonata_internal
