#include "engine/expr/jsonata/integer_picture.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/number_words.h"
#include "engine/expr/jsonata/text.h"
#include "engine/expr/jsonata/utf8.h"

namespace millrace::jsonata_internal {
namespace {

// The zeros of Unicode's families of decimal digits.
constexpr char32_t kZeros[] = {0x30,   0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6,
                               0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50, 0x0ED0,
                               0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80,
                               0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900,
                               0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10};

// The zero of the family a digit belongs to, or 0.
char32_t ZeroOf(char32_t c) {
  for (const char32_t zero : kZeros) {
    if (c >= zero && c <= zero + 9) return zero;
  }
  return 0;
}

absl::string_view OrdinalSuffix(const std::u32string& digits) {
  const size_t size = digits.size();
  if (size > 1 && digits[size - 2] == '1') return "th";
  switch (size == 0 ? U'0' : digits[size - 1]) {
    case '1':
      return "st";
    case '2':
      return "nd";
    case '3':
      return "rd";
    default:
      return "th";
  }
}

}  // namespace

IntegerPicture IntegerPicture::Parse(absl::string_view picture) {
  IntegerPicture parsed;
  const size_t semicolon = picture.rfind(';');
  const absl::string_view primary = picture.substr(0, semicolon);
  if (semicolon != absl::string_view::npos) {
    parsed.is_ordinal = picture.substr(semicolon + 1, 1) == "o";
  }
  if (primary == "A" || primary == "I" || primary == "W") parsed.letter_case = Case::kUpper;
  if (primary == "A" || primary == "a") {
    parsed.style = Style::kLetters;
  } else if (primary == "I" || primary == "i") {
    parsed.style = Style::kRoman;
  } else if (primary == "W" || primary == "w") {
    parsed.style = Style::kWords;
  } else if (primary == "Ww") {
    parsed.style = Style::kWords;
    parsed.letter_case = Case::kTitle;
  } else {
    parsed.ParseDigits(primary);
  }
  return parsed;
}

void IntegerPicture::ParseDigits(absl::string_view digits) {
  const std::u32string chars = ToUtf32(digits);
  size_t position = 0;
  for (size_t i = chars.size(); i > 0; --i) {
    const char32_t c = chars[i - 1];
    if (const char32_t family = ZeroOf(c)) {
      if (mandatory_digits > 0 && family != zero) Fail("D3131");
      zero = family;
      ++mandatory_digits;
      ++position;
    } else if (c == '#') {
      ++optional_digits;
      ++position;
    } else {
      separators.push_back({.position = position, .character = c});
    }
  }
  if (mandatory_digits == 0) {
    style = Style::kSequence;
    token = std::string(digits);
    return;
  }
  FindRegularDistance();
}

void IntegerPicture::FindRegularDistance() {
  if (separators.empty()) return;
  size_t distance = 0;
  for (const Separator& separator : separators) {
    if (separator.character != separators[0].character) return;
    distance = std::gcd(distance, separator.position);
  }
  for (size_t i = 1; i <= separators.size(); ++i) {
    const bool is_there =
        std::any_of(separators.begin(), separators.end(),
                    [&](const Separator& s) { return s.position == i * distance; });
    if (!is_there) return;
  }
  regular_distance = distance;
}

void IntegerPicture::FailSequence() const { Fail({.code = "D3130", .value = Quoted(token)}); }

std::string IntegerPicture::FormatDecimal(double number) const {
  std::string text;
  AppendShortest(number, &text);
  std::u32string digits = ToUtf32(text);
  if (digits.size() < mandatory_digits) digits.insert(0, mandatory_digits - digits.size(), U'0');
  if (zero != '0') {
    for (char32_t& digit : digits) digit = digit + zero - '0';
  }
  if (regular_distance > 0) {
    const char32_t separator = separators[0].character;
    // From the right, where each one inserted moves the next place one further.
    size_t place = regular_distance;
    for (size_t left = (digits.size() - 1) / regular_distance; left > 0; --left) {
      digits.insert(digits.size() - place, 1, separator);
      place += regular_distance + 1;
    }
  } else {
    // From the left, so that those to the right stay as far from the end as they are.
    for (size_t i = separators.size(); i > 0; --i) {
      const Separator& separator = separators[i - 1];
      if (separator.position > digits.size()) continue;
      digits.insert(digits.size() - separator.position, 1, separator.character);
    }
  }
  std::string formatted = ToUtf8(digits);
  if (is_ordinal) absl::StrAppend(&formatted, OrdinalSuffix(digits));
  return formatted;
}

std::string IntegerPicture::Format(double number) const {
  const double magnitude = std::fabs(number);
  std::string text;
  switch (style) {
    case Style::kDecimal:
      text = FormatDecimal(magnitude);
      break;
    case Style::kLetters:
      text = ToLetters(magnitude, letter_case == Case::kUpper ? 'A' : 'a');
      break;
    case Style::kRoman:
      text = ToRoman(magnitude);
      if (letter_case == Case::kUpper) absl::AsciiStrToUpper(&text);
      break;
    case Style::kWords:
      text = ToWords(magnitude, is_ordinal);
      if (letter_case == Case::kUpper) absl::AsciiStrToUpper(&text);
      if (letter_case == Case::kLower) absl::AsciiStrToLower(&text);
      break;
    case Style::kSequence:
      FailSequence();
  }
  return number < 0 ? absl::StrCat("-", text) : text;
}

std::optional<double> IntegerPicture::Read(absl::string_view text) const {
  const bool is_upper = letter_case == Case::kUpper;
  switch (style) {
    case Style::kLetters:
      return FromLetters(text, is_upper ? 'A' : 'a');
    case Style::kRoman:
      return FromRoman(is_upper ? std::string(text) : absl::AsciiStrToUpper(text));
    case Style::kWords:
      return FromWords(absl::AsciiStrToLower(text));
    case Style::kSequence:
      FailSequence();
    case Style::kDecimal:
      break;
  }
  std::string digits;
  if (is_ordinal && text.size() >= 2) text.remove_suffix(2);
  for (const char32_t c : ToUtf32(text)) {
    const bool is_separator = std::any_of(separators.begin(), separators.end(),
                                          [c](const Separator& s) { return s.character == c; });
    if (is_separator || (regular_distance > 0 && c == ',')) continue;
    if (digits.empty() && c == '-') {
      digits.push_back('-');
      continue;
    }
    if (c < zero || c > zero + 9) break;
    digits.push_back(static_cast<char>('0' + (c - zero)));
  }
  double number;
  return absl::SimpleAtod(digits, &number) ? std::optional<double>(number) : std::nullopt;
}

std::string IntegerPicture::Pattern(size_t digits_max) const {
  const bool is_upper = letter_case == Case::kUpper;
  switch (style) {
    case Style::kLetters:
      return is_upper ? "[A-Z]+" : "[a-z]+";
    case Style::kRoman:
      return is_upper ? "[MDCLXVI]+" : "[mdclxvi]+";
    case Style::kWords:
      return WordPattern();
    case Style::kSequence:
      FailSequence();
    case Style::kDecimal:
      break;
  }
  std::string pattern = "[0-9]+";
  if (digits_max > 0) {
    const size_t least = digits_max > optional_digits ? digits_max - optional_digits : 0;
    pattern = absl::StrCat("[0-9]{", least, ",", digits_max, "}");
  }
  return is_ordinal ? absl::StrCat(pattern, "(?:th|st|nd|rd)") : pattern;
}

}  // namespace millrace::jsonata_internal
