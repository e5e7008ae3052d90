#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace millrace::jsonata_internal {

// The symbols of a picture for numbers, as XPath's decimal formats have them.
struct DecimalFormat {
  std::string decimal_separator = ".";
  std::string grouping_separator = ",";
  std::string exponent_separator = "e";
  std::string infinity = "Infinity";
  std::string minus_sign = "-";
  std::string nan = "NaN";
  std::string percent = "%";
  std::string per_mille = "‰";
  std::string zero_digit = "0";
  std::string digit = "#";
  std::string pattern_separator = ";";

  // Sets the property of this name, as "decimal-separator"; others are ignored.
  void Set(absl::string_view name, absl::string_view value);
};

// XPath's fn:format-number, as in "#,##0.00". Throws D3080 to D3093.
std::string FormatNumber(double value, absl::string_view picture, const DecimalFormat& format);

}  // namespace millrace::jsonata_internal
