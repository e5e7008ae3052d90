#pragma once

#include <vector>

#include "absl/strings/string_view.h"

namespace millrace::asl {

// The variables that a text mentions: `$name`, but not `$`, `$.x`, `$$`, a function that is called
// or what stands in quotes. `text` is a path or an intrinsic function of JSONPath mode.
std::vector<absl::string_view> VariablesInPath(absl::string_view text);

// Likewise of an expression, between `{%` and `%}`, of JSONata mode: `$states`, built-in functions,
// and names that the expression itself binds are none.
std::vector<absl::string_view> VariablesInExpression(absl::string_view text);

}  // namespace millrace::asl
