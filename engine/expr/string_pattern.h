#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace millrace {

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
