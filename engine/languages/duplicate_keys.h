#pragma once

#include "absl/strings/string_view.h"
#include "engine/languages/problem_list.h"

namespace millrace {

// Reports each key that an object of `text` has twice, which the parser cannot: it keeps the last.
// `text` has been parsed, so it is valid JSON and nests no deeper than the parser allows. A key
// twice in an object named "States" is a DUPLICATE_STATE, any other a DUPLICATE_FIELD.
void ReportDuplicateKeys(absl::string_view text, ProblemList* problems);

}  // namespace millrace
