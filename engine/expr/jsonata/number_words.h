#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace millrace::jsonata_internal {

// Whole numbers in words ("Twelve Hundred" is "One Thousand, Two Hundred"), as Roman numerals and
// as letters (27 is "aa"). All take numbers from 0.
std::string ToWords(double number, bool is_ordinal);
std::string ToRoman(double number);  // in lower case; at most 1e6
std::string ToLetters(double number, char first);

// nullopt for what is none. Words are in lower case.
std::optional<double> FromWords(absl::string_view words);
std::optional<double> FromRoman(absl::string_view roman);  // in upper case
std::optional<double> FromLetters(absl::string_view letters, char first);

// All words, as alternatives of a regular expression.
std::string WordPattern();

}  // namespace millrace::jsonata_internal
