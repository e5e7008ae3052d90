#include "engine/expr/jsonata/number_format.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <optional>
#include <vector>

#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/rounding.h"
#include "engine/expr/jsonata/utf8.h"

namespace millrace::jsonata_internal {
namespace {

using Chars = std::u32string;
constexpr size_t kNone = Chars::npos;

// The symbols in characters. Those that only ever stand around a number may be several.
struct Symbols {
  char32_t decimal, grouping, exponent, zero, digit, pattern;
  Chars minus, percent, per_mille;

  explicit Symbols(const DecimalFormat& format)
      : decimal(First(format.decimal_separator)),
        grouping(First(format.grouping_separator)),
        exponent(First(format.exponent_separator)),
        zero(First(format.zero_digit)),
        digit(First(format.digit)),
        pattern(First(format.pattern_separator)),
        minus(ToUtf32(format.minus_sign)),
        percent(ToUtf32(format.percent)),
        per_mille(ToUtf32(format.per_mille)) {}

  static char32_t First(absl::string_view text) {
    size_t at = 0;
    return text.empty() ? 0 : NextChar(text, &at);
  }
  bool IsDecimalDigit(char32_t c) const { return c >= zero && c <= zero + 9; }
  bool IsAnyDigit(char32_t c) const { return c == digit || IsDecimalDigit(c); }
  bool IsActive(char32_t c) const {
    return IsAnyDigit(c) || c == decimal || c == grouping || c == exponent || c == pattern;
  }
};

// One of a picture's parts, for positive or for negative numbers.
struct SubPicture {
  Chars text;
  Chars prefix;
  Chars suffix;
  Chars active;  // what is between them
  Chars integer;
  Chars fraction;
  std::optional<Chars> exponent;

  std::vector<size_t> integer_groups;   // digits to the right of each separator
  std::vector<size_t> fraction_groups;  // digits to the left of each separator
  size_t regular_group = 0;
  size_t scale = 0;
  size_t integer_min = 0;
  size_t fraction_min = 0;
  size_t fraction_max = 0;
  size_t exponent_min = 0;
};

size_t CountIf(const Chars& chars, const Symbols& symbols, bool (Symbols::*is)(char32_t) const) {
  return static_cast<size_t>(
      std::count_if(chars.begin(), chars.end(), [&](char32_t c) { return (symbols.*is)(c); }));
}

SubPicture Split(const Chars& text, const Symbols& symbols) {
  SubPicture part{.text = text};
  const auto is_core = [&](char32_t c) { return symbols.IsActive(c) && c != symbols.exponent; };
  const auto first = std::find_if(text.begin(), text.end(), is_core);
  const auto last = std::find_if(text.rbegin(), text.rend(), is_core).base();
  if (first == text.end()) Fail(text.empty() ? "D3085" : "D3086");
  part.prefix.assign(text.begin(), first);
  part.suffix.assign(last, text.end());
  part.active.assign(first, last);
  const size_t exponent = part.active.find(symbols.exponent);
  const Chars mantissa = part.active.substr(0, exponent);
  if (exponent != kNone) part.exponent = part.active.substr(exponent + 1);
  // One that nothing follows has ended up behind the digits.
  if (exponent == kNone && part.suffix.substr(0, 1) == Chars(1, symbols.exponent)) {
    part.exponent.emplace();
  }
  const size_t decimal = mantissa.find(symbols.decimal);
  part.integer = mantissa.substr(0, decimal);
  if (decimal != kNone) part.fraction = mantissa.substr(decimal + 1);
  return part;
}

// Of several mistakes the one that is found last counts, so that they are looked for backwards.
void CheckDigits(const SubPicture& part, const Symbols& symbols) {
  const Chars& text = part.text;
  const size_t last_optional = part.fraction.rfind(symbols.digit);
  if (last_optional != kNone &&
      CountIf(part.fraction.substr(last_optional), symbols, &Symbols::IsDecimalDigit) > 0) {
    Fail("D3091");
  }
  const size_t optional = part.integer.find(symbols.digit);
  if (optional != kNone &&
      CountIf(part.integer.substr(0, optional), symbols, &Symbols::IsDecimalDigit) > 0) {
    Fail("D3090");
  }
  if (text.find(Chars(2, symbols.grouping)) != kNone) Fail("D3089");
  const size_t decimal = text.find(symbols.decimal);
  if (decimal != kNone) {
    const bool is_beside = (decimal > 0 && text[decimal - 1] == symbols.grouping) ||
                           (decimal + 1 < text.size() && text[decimal + 1] == symbols.grouping);
    if (is_beside) Fail("D3087");
  } else if (!part.integer.empty() && part.integer.back() == symbols.grouping) {
    Fail("D3088");
  }
}

void Check(const SubPicture& part, const Symbols& symbols) {
  const Chars& text = part.text;
  const auto occurs_twice = [&](const auto& c) { return text.find(c) != text.rfind(c); };
  const bool has_percent = text.find(symbols.percent) != kNone;
  const bool has_per_mille = text.find(symbols.per_mille) != kNone;
  if (part.exponent &&
      (part.exponent->empty() ||
       CountIf(*part.exponent, symbols, &Symbols::IsDecimalDigit) < part.exponent->size())) {
    Fail("D3093");
  }
  if (part.exponent && (has_percent || has_per_mille)) Fail("D3092");
  CheckDigits(part, symbols);
  if (CountIf(part.active, symbols, &Symbols::IsActive) < part.active.size()) Fail("D3086");
  if (CountIf(part.integer, symbols, &Symbols::IsAnyDigit) == 0 &&
      CountIf(part.fraction, symbols, &Symbols::IsAnyDigit) == 0) {
    Fail("D3085");
  }
  if (has_percent && has_per_mille) Fail("D3084");
  if (occurs_twice(symbols.per_mille)) Fail("D3083");
  if (occurs_twice(symbols.percent)) Fail("D3082");
  if (occurs_twice(symbols.decimal)) Fail("D3081");
}

// The distance of the separators where it is the same everywhere, else 0.
size_t RegularGroup(const std::vector<size_t>& groups) {
  size_t distance = 0;
  for (const size_t group : groups) distance = std::gcd(distance, group);
  for (size_t i = 1; i <= groups.size(); ++i) {
    if (std::find(groups.begin(), groups.end(), i * distance) == groups.end()) return 0;
  }
  return distance;
}

void Analyse(const Symbols& symbols, SubPicture* part) {
  for (size_t at = part->integer.find(symbols.grouping); at != kNone;
       at = part->integer.find(symbols.grouping, at + 1)) {
    part->integer_groups.push_back(
        CountIf(part->integer.substr(at), symbols, &Symbols::IsAnyDigit));
  }
  for (size_t at = part->fraction.find(symbols.grouping); at != kNone;
       at = part->fraction.find(symbols.grouping, at + 1)) {
    part->fraction_groups.push_back(
        CountIf(part->fraction.substr(0, at), symbols, &Symbols::IsAnyDigit));
  }
  part->regular_group = RegularGroup(part->integer_groups);
  part->integer_min = CountIf(part->integer, symbols, &Symbols::IsDecimalDigit);
  part->scale = part->integer_min;
  part->fraction_min = CountIf(part->fraction, symbols, &Symbols::IsDecimalDigit);
  part->fraction_max = CountIf(part->fraction, symbols, &Symbols::IsAnyDigit);
  if (part->integer_min == 0 && part->fraction_max == 0) {
    if (part->exponent) {
      part->fraction_min = part->fraction_max = 1;
    } else {
      part->integer_min = 1;
    }
  }
  if (part->exponent && part->integer_min == 0 && part->integer.find(symbols.digit) != kNone) {
    part->integer_min = 1;
  }
  if (part->integer_min == 0 && part->fraction_min == 0) part->fraction_min = 1;
  if (part->exponent) part->exponent_min = part->exponent->size();
}

Chars ToDigits(double value, size_t places, const Symbols& symbols) {
  const int size = std::snprintf(nullptr, 0, "%.*f", static_cast<int>(places), std::fabs(value));
  std::string text(static_cast<size_t>(size) + 1, '\0');
  std::snprintf(text.data(), text.size(), "%.*f", static_cast<int>(places), std::fabs(value));
  text.pop_back();
  Chars digits;
  for (const char c : text) {
    digits.push_back(c == '.' ? symbols.decimal : symbols.zero + static_cast<char32_t>(c - '0'));
  }
  return digits;
}

// The mantissa with a decimal separator, as many zeros as it needs, and no more.
Chars FormatMantissa(double mantissa, const SubPicture& part, const Symbols& symbols) {
  Chars digits = ToDigits(mantissa, part.fraction_max, symbols);
  if (digits.find(symbols.decimal) == kNone) digits.push_back(symbols.decimal);
  digits.erase(0, digits.find_first_not_of(symbols.zero));
  digits.erase(digits.find_last_not_of(symbols.zero) + 1);
  const size_t integer = digits.find(symbols.decimal);
  const size_t fraction = digits.size() - integer - 1;
  if (integer < part.integer_min) digits.insert(0, part.integer_min - integer, symbols.zero);
  if (fraction < part.fraction_min) digits.append(part.fraction_min - fraction, symbols.zero);
  return digits;
}

void InsertGroups(const SubPicture& part, const Symbols& symbols, Chars* digits) {
  size_t decimal = digits->find(symbols.decimal);
  if (part.regular_group > 0) {
    const size_t groups = decimal == 0 ? 0 : (decimal - 1) / part.regular_group;
    for (size_t i = 1; i <= groups; ++i) {
      digits->insert(decimal - i * part.regular_group, 1, symbols.grouping);
    }
  } else {
    for (const size_t group : part.integer_groups) {
      if (group >= decimal) continue;
      digits->insert(decimal - group, 1, symbols.grouping);
      ++decimal;
    }
  }
  decimal = digits->find(symbols.decimal);
  for (const size_t group : part.fraction_groups) {
    const size_t at = decimal + 1 + group;
    if (at <= digits->size()) digits->insert(at, 1, symbols.grouping);
  }
}

std::vector<SubPicture> ParsePicture(absl::string_view picture, const Symbols& symbols) {
  const Chars chars = ToUtf32(picture);
  if (std::count(chars.begin(), chars.end(), symbols.pattern) > 1) Fail("D3080");
  std::vector<SubPicture> parts;
  size_t start = 0;
  while (true) {
    const size_t end = chars.find(symbols.pattern, start);
    parts.push_back(Split(chars.substr(start, end == kNone ? kNone : end - start), symbols));
    if (end == kNone) break;
    start = end + 1;
  }
  for (SubPicture& part : parts) {
    Check(part, symbols);
    Analyse(symbols, &part);
  }
  if (parts.size() == 1) {
    parts.push_back(parts[0]);
    parts[1].prefix.insert(0, symbols.minus);
  }
  return parts;
}

}  // namespace

void DecimalFormat::Set(absl::string_view name, absl::string_view value) {
  const std::pair<absl::string_view, std::string*> properties[] = {
      {"decimal-separator", &decimal_separator},
      {"grouping-separator", &grouping_separator},
      {"exponent-separator", &exponent_separator},
      {"infinity", &infinity},
      {"minus-sign", &minus_sign},
      {"NaN", &nan},
      {"percent", &percent},
      {"per-mille", &per_mille},
      {"zero-digit", &zero_digit},
      {"digit", &digit},
      {"pattern-separator", &pattern_separator},
  };
  for (const auto& [known, property] : properties) {
    if (known == name) *property = std::string(value);
  }
}

std::string FormatNumber(double value, absl::string_view picture, const DecimalFormat& format) {
  const Symbols symbols(format);
  const SubPicture part = ParsePicture(picture, symbols)[value >= 0 ? 0 : 1];
  if (!std::isfinite(value)) {
    const std::string& name = std::isnan(value) ? format.nan : format.infinity;
    return ToUtf8(part.prefix) + name + ToUtf8(part.suffix);
  }
  double mantissa = value;
  // Percent is not the sign alone, but also in the value.
  if (part.text.find(symbols.percent) != kNone) mantissa *= 100;
  if (part.text.find(symbols.per_mille) != kNone) mantissa *= 1000;
  int exponent = 0;
  if (part.exponent_min > 0 && mantissa != 0) {
    const double most = std::pow(10, static_cast<double>(part.scale));
    for (; std::fabs(mantissa) < most / 10; --exponent) mantissa *= 10;
    for (; std::fabs(mantissa) > most; ++exponent) mantissa /= 10;
  }
  mantissa = RoundHalfToEven(mantissa, static_cast<double>(part.fraction_max));
  Chars digits = FormatMantissa(mantissa, part, symbols);
  InsertGroups(part, symbols, &digits);
  if (part.text.find(symbols.decimal) == kNone || digits.back() == symbols.decimal) {
    digits.pop_back();
  }
  if (part.exponent_min > 0) {
    const Chars written = ToDigits(exponent, 0, symbols);
    digits.push_back(symbols.exponent);
    if (exponent < 0) digits += symbols.minus;
    if (written.size() < part.exponent_min) {
      digits.append(part.exponent_min - written.size(), symbols.zero);
    }
    digits += written;
  }
  return ToUtf8(part.prefix + digits + part.suffix);
}

}  // namespace millrace::jsonata_internal
