#include "engine/expr/jsonata/rounding.h"

#include <cmath>
#include <cstdlib>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/expr/jsonata/text.h"

namespace millrace::jsonata_internal {
namespace {

double MovePoint(double value, double places) {
  if (!std::isfinite(value)) return value;
  std::string text;
  AppendShortest(value, &text);
  double exponent = places;
  const size_t e = text.find('e');
  if (e != std::string::npos) {
    exponent += std::strtod(text.c_str() + e + 1, nullptr);
    text.resize(e);
  }
  return std::strtod(absl::StrCat(text, "e", static_cast<int64_t>(exponent)).c_str(), nullptr);
}

int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (!absl::ascii_isalpha(static_cast<unsigned char>(c))) return 99;
  return absl::ascii_tolower(static_cast<unsigned char>(c)) - 'a' + 10;
}

bool ParseWithPrefix(absl::string_view text, double* number) {
  if (text.size() < 3 || text[0] != '0') return false;
  const char letter = absl::ascii_tolower(static_cast<unsigned char>(text[1]));
  const int base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
  *number = 0;
  for (const char c : text.substr(2)) {
    if (DigitValue(c) >= base) return false;
    *number = *number * base + DigitValue(c);
  }
  return true;
}

}  // namespace

double RoundHalfToEven(double value, double places) {
  const double moved = places == 0 ? value : MovePoint(value, places);
  double rounded = std::floor(moved + 0.5);
  if (std::fabs(rounded - moved) == 0.5 && std::fabs(std::fmod(rounded, 2)) == 1) rounded -= 1;
  // There are no halves up there, and adding one would round to a neighbour.
  if (std::fabs(moved) >= 4503599627370496.0) rounded = moved;
  const double result = places == 0 ? rounded : MovePoint(rounded, -places);
  return result == 0 ? 0 : result;
}

bool ParseNumber(absl::string_view text, double* number) {
  if (ParseWithPrefix(text, number)) return true;
  size_t at = 0;
  const auto skip_digits = [&] {
    const size_t start = at;
    while (at < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[at]))) ++at;
    return at > start;
  };
  if (at < text.size() && text[at] == '-') ++at;
  if (!skip_digits()) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!skip_digits()) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (!skip_digits()) return false;
  }
  return at == text.size() && absl::SimpleAtod(text, number) && std::isfinite(*number);
}

}  // namespace millrace::jsonata_internal
