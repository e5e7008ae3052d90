#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace re2 {
class RE2;
}

namespace millrace::jsonata_internal {

struct RegexFlags {
  bool ignores_case = false;
  bool is_multiline = false;
};

struct RegexMatch {
  size_t start = 0;  // in bytes
  size_t end = 0;
  std::vector<absl::string_view> groups;  // null data where a group took no part
};

// A regular expression of JavaScript, run by RE2 in time linear in the text. What RE2 lacks, which
// is looking around and referring back to a group, is refused.
class Regex {
 public:
  static constexpr size_t kPatternBytesMax = 4096;
  static constexpr int kProgramBytesMax = 1 << 20;

  // Throws S0303 at `position`.
  static std::shared_ptr<const Regex> Compile(absl::string_view pattern, RegexFlags flags,
                                              size_t position);
  ~Regex();

  // The first match that begins at `from` or later.
  bool Find(absl::string_view text, size_t from, RegexMatch* match) const;
  const std::string& pattern() const { return pattern_; }
  // Whether a match is known as such where it ends, or soon after: nothing in the pattern goes on
  // over text that need not belong to the match.
  bool is_prompt() const { return is_prompt_; }

 private:
  Regex(absl::string_view pattern, std::unique_ptr<re2::RE2> regex, bool is_prompt);

  const std::string pattern_;
  const std::unique_ptr<re2::RE2> regex_;
  const bool is_prompt_;
};

}  // namespace millrace::jsonata_internal
