#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace millrace::jsonata_internal {

// How a whole number is written, as XPath's fn:format-integer has it: "#,##0", "I" for Roman
// numerals, "a" for letters, "Ww" for words, and ";o" behind any of them for ordinals.
struct IntegerPicture {
  enum class Style { kDecimal, kLetters, kRoman, kWords, kSequence };
  enum class Case { kLower, kUpper, kTitle };
  struct Separator {
    size_t position = 0;  // digits to the right of it
    char32_t character = 0;
  };

  Style style = Style::kDecimal;
  Case letter_case = Case::kLower;
  bool is_ordinal = false;
  char32_t zero = '0';
  size_t mandatory_digits = 0;
  size_t optional_digits = 0;
  std::vector<Separator> separators;  // from the right
  size_t regular_distance = 0;        // between all separators; 0: they are irregular
  std::string token;                  // what a sequence would start with

  // Throws D3131.
  static IntegerPicture Parse(absl::string_view picture);

  // Throws D3130 for sequences.
  std::string Format(double number) const;
  // nullopt where `text` is no such number. Throws D3130.
  std::optional<double> Read(absl::string_view text) const;
  // What Read() reads, as a regular expression; `digits_max` of 0 is any number of digits.
  std::string Pattern(size_t digits_max) const;

 private:
  void ParseDigits(absl::string_view digits);
  void FindRegularDistance();
  std::string FormatDecimal(double number) const;
  [[noreturn]] void FailSequence() const;
};

}  // namespace millrace::jsonata_internal
