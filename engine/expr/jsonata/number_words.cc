#include "engine/expr/jsonata/number_words.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace millrace::jsonata_internal {
namespace {

constexpr absl::string_view kSmall[] = {"Zero",    "One",     "Two",       "Three",    "Four",
                                        "Five",    "Six",     "Seven",     "Eight",    "Nine",
                                        "Ten",     "Eleven",  "Twelve",    "Thirteen", "Fourteen",
                                        "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen"};
constexpr absl::string_view kOrdinals[] = {
    "Zeroth",     "First",     "Second",    "Third",       "Fourth",     "Fifth",     "Sixth",
    "Seventh",    "Eighth",    "Ninth",     "Tenth",       "Eleventh",   "Twelfth",   "Thirteenth",
    "Fourteenth", "Fifteenth", "Sixteenth", "Seventeenth", "Eighteenth", "Nineteenth"};
constexpr absl::string_view kTens[] = {"Twenty", "Thirty",  "Forty",  "Fifty",
                                       "Sixty",  "Seventy", "Eighty", "Ninety"};
constexpr absl::string_view kMagnitudes[] = {"Thousand", "Million", "Billion", "Trillion"};

struct Numeral {
  int value;
  absl::string_view text;
};
constexpr Numeral kRoman[] = {{1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"},
                              {90, "xc"},  {50, "l"},   {40, "xl"}, {10, "x"},   {9, "ix"},
                              {5, "v"},    {4, "iv"},   {1, "i"}};

// `follows` says that there are words before it, to be joined with "and" or a comma.
std::string Words(double number, bool follows, bool is_ordinal) {
  if (number <= 19) {
    const auto index = static_cast<size_t>(number);
    return absl::StrCat(follows ? " and " : "", is_ordinal ? kOrdinals[index] : kSmall[index]);
  }
  if (number < 100) {
    const absl::string_view tens = kTens[static_cast<size_t>(number / 10) - 2];
    const double rest = std::fmod(number, 10);
    const absl::string_view joint = follows ? " and " : "";
    if (rest > 0) return absl::StrCat(joint, tens, "-", Words(rest, false, is_ordinal));
    if (is_ordinal) return absl::StrCat(joint, tens.substr(0, tens.size() - 1), "ieth");
    return absl::StrCat(joint, tens);
  }
  double factor = 100;
  absl::string_view unit = "Hundred";
  if (number >= 1000) {
    size_t magnitude = 1;
    while (magnitude < std::size(kMagnitudes) &&
           number >= std::pow(1000, static_cast<double>(magnitude + 1))) {
      ++magnitude;
    }
    factor = std::pow(1000, static_cast<double>(magnitude));
    unit = kMagnitudes[magnitude - 1];
  }
  const double count = std::floor(number / factor);
  const double rest = number - count * factor;
  std::string words = absl::StrCat(follows ? ", " : "", Words(count, false, false), " ", unit);
  if (rest > 0) return words + Words(rest, true, is_ordinal);
  return is_ordinal ? words + "th" : words;
}

using WordValues = absl::flat_hash_map<std::string, double>;

const WordValues& AllWords() {
  static const auto* const kWords = [] {
    auto* words = new WordValues;
    for (size_t i = 0; i < std::size(kSmall); ++i) {
      (*words)[absl::AsciiStrToLower(kSmall[i])] = static_cast<double>(i);
      (*words)[absl::AsciiStrToLower(kOrdinals[i])] = static_cast<double>(i);
    }
    for (size_t i = 0; i < std::size(kTens); ++i) {
      const std::string tens = absl::AsciiStrToLower(kTens[i]);
      (*words)[tens] = static_cast<double>(10 * (i + 2));
      (*words)[absl::StrCat(tens.substr(0, tens.size() - 1), "ieth")] = (*words)[tens];
    }
    (*words)["hundred"] = (*words)["hundredth"] = 100;
    double value = 1;
    for (const absl::string_view magnitude : kMagnitudes) {
      value *= 1000;
      const std::string word = absl::AsciiStrToLower(magnitude);
      (*words)[word] = (*words)[word + "th"] = value;
    }
    return words;
  }();
  return *kWords;
}

}  // namespace

std::string ToWords(double number, bool is_ordinal) { return Words(number, false, is_ordinal); }

std::string ToRoman(double number) {
  std::string roman;
  auto left = static_cast<int>(std::min(number, 1e6));
  for (const Numeral& numeral : kRoman) {
    for (; left >= numeral.value; left -= numeral.value) absl::StrAppend(&roman, numeral.text);
  }
  return roman;
}

std::string ToLetters(double number, char first) {
  std::string letters;
  while (number > 0) {
    letters.push_back(static_cast<char>(first + std::fmod(number - 1, 26)));
    number = std::floor((number - 1) / 26);
  }
  std::reverse(letters.begin(), letters.end());
  return letters;
}

// Words below a hundred add up, and larger ones multiply what they follow.
std::optional<double> FromWords(absl::string_view words) {
  if (words.empty()) return std::nullopt;
  std::vector<double> segments = {0};
  size_t at = 0;
  while (at <= words.size()) {
    size_t end = words.find_first_of(" -,", at);
    if (end == absl::string_view::npos) end = words.size();
    const absl::string_view word = words.substr(at, end - at);
    at = end + 1;
    if (word.empty() || word == "and") continue;
    const auto found = AllWords().find(word);
    if (found == AllWords().end()) return std::nullopt;
    if (found->second >= 100) {
      segments.back() *= found->second;
    } else if (segments.back() >= 1000) {
      segments.push_back(found->second);
    } else {
      segments.back() += found->second;
    }
  }
  double sum = 0;
  for (const double segment : segments) sum += segment;
  return sum;
}

std::optional<double> FromRoman(absl::string_view roman) {
  static constexpr absl::string_view kDigits = "MDCLXVI";
  static constexpr double kValues[] = {1000, 500, 100, 50, 10, 5, 1};
  double number = 0;
  double largest = 1;
  for (size_t i = roman.size(); i > 0; --i) {
    const size_t digit = kDigits.find(roman[i - 1]);
    if (digit == absl::string_view::npos) return std::nullopt;
    const double value = kValues[digit];
    number += value < largest ? -value : value;
    largest = std::max(largest, value);
  }
  return number;
}

std::optional<double> FromLetters(absl::string_view letters, char first) {
  double number = 0;
  for (const char c : letters) {
    if (c < first || c > first + 25) return std::nullopt;
    number = number * 26 + (c - first + 1);
  }
  return number;
}

std::string WordPattern() {
  std::vector<std::string> words;
  for (const auto& [word, value] : AllWords()) words.push_back(word);
  // Longer ones first, that "sixth" is not taken for "six".
  std::sort(words.begin(), words.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  std::string pattern;
  for (const std::string& word : words) absl::StrAppend(&pattern, word, "|");
  return absl::StrCat("(?:", pattern, "and|[\\-, ])+");
}

}  // namespace millrace::jsonata_internal
