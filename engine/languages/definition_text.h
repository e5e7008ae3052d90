#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "engine/json/json.h"
#include "engine/languages/problem_list.h"

namespace millrace {

// The JSON of a definition of at most `bytes_max`. Reports, and gives nothing for, one that is too
// large, no JSON, or too deep; keys that stand twice are reported too.
std::optional<Json> ParseDefinition(absl::string_view text, size_t bytes_max,
                                    ProblemList* problems);

}  // namespace millrace
