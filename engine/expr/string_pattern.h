#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace millrace {

// Where `part` first stands in `text`, or npos. Takes time for the two of them, never for their
// product, as absl::string_view::find does for texts that are made for it.
size_t FindText(absl::string_view text, absl::string_view part);

// What StringMatches compares with: `*` stands for any text, `\*` and `\\` for themselves.
class StringPattern {
 public:
  StringPattern() : StringPattern("") {}
  explicit StringPattern(absl::string_view pattern);
  bool Matches(absl::string_view text) const;

 private:
  std::vector<std::string> pieces_;  // between the asterisks
};

}  // namespace millrace
