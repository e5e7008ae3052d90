#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace millrace {

// A place in a definition: a chain of keys and indexes on the stack, each link no longer alive than
// the one it was made from. Its text is made only when something is wrong there, so that a deep
// definition with long names costs nothing.
class Place {
 public:
  Place() = default;  // the whole definition

  Place At(absl::string_view key) const;  // `key` outlives the place
  Place At(size_t index) const;

  absl::string_view key() const { return key_; }  // the last; empty for an index and for the root
  std::string Pointer() const;                    // RFC 6901: "/States/Pay/Retry/0"

 private:
  const Place* parent_ = nullptr;
  absl::string_view key_;
  size_t index_ = 0;
  bool is_index_ = false;
};

// `key` as a part of a JSON pointer: '~' is "~0" and '/' is "~1".
std::string EscapePointer(absl::string_view key);

}  // namespace millrace
