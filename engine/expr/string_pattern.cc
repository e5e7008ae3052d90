#include "engine/expr/string_pattern.h"

#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace millrace {

size_t FindText(absl::string_view text, absl::string_view part) {
  if (part.empty()) return 0;
  if (text.empty()) return absl::string_view::npos;
  const void* found = memmem(text.data(), text.size(), part.data(), part.size());
  if (found == nullptr) return absl::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

StringPattern::StringPattern(absl::string_view pattern) : pieces_(1) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
    if (pattern[i] == '*') {
      pieces_.emplace_back();
    } else if (pattern[i] == '\\' && (next == '*' || next == '\\')) {
      pieces_.back().push_back(pattern[++i]);
    } else {
      pieces_.back().push_back(pattern[i]);
    }
  }
}

// Between the first and the last piece, the leftmost place for each is as good as any other.
bool StringPattern::Matches(absl::string_view text) const {
  if (pieces_.size() == 1) return text == pieces_[0];
  if (!absl::ConsumePrefix(&text, pieces_.front())) return false;
  if (!absl::ConsumeSuffix(&text, pieces_.back())) return false;
  for (size_t i = 1; i + 1 < pieces_.size(); ++i) {
    const size_t found = FindText(text, pieces_[i]);
    if (found == absl::string_view::npos) return false;
    text.remove_prefix(found + pieces_[i].size());
  }
  return true;
}

}  // namespace millrace
