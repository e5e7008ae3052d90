#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace millrace {

// Nothing is suggested where there are more candidates: it must not cost more than the compilation.
inline constexpr size_t kCandidatesMax = 1000;

// The candidate that `name` is most likely a misspelling of, or "". Letters' case counts for
// nothing; otherwise a third of the letters may differ, at most three.
absl::string_view Nearest(absl::string_view name, const std::vector<absl::string_view>& candidates);

// "; did you mean 'Next'?" to end a sentence with, or ".".
std::string DidYouMean(absl::string_view name, const std::vector<absl::string_view>& candidates);

}  // namespace millrace
