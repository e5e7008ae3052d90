#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"
#include "engine/json/json.h"

namespace millrace {

// Finds the member of one name in many objects, one after the other. Objects of one array tend to
// have their members in the same places: it looks first where the last one was. For one thread;
// `key` outlives it.
class MemberFinder {
 public:
  explicit MemberFinder(absl::string_view key) : key_(key) {}

  // The member's value, or nullptr; also for what is no object.
  const Json* FindIn(const Json& object);

 private:
  const absl::string_view key_;
  size_t place_ = 0;
};

}  // namespace millrace
