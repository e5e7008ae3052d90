#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace millrace {

// The rows of a CSV text (RFC 4180): fields may stand in double quotes, where a double one is one,
// and delimiters and ends of lines are text. Empty lines are no rows. At most `rows_max`.
std::vector<std::vector<std::string>> ParseCsv(absl::string_view text, char delimiter,
                                               int64_t rows_max);

}  // namespace millrace
