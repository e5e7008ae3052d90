#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace millrace {

// A timestamp as the States Language writes it: RFC 3339 with `T`, seconds, and `Z` or an offset,
// as in 2016-08-18T17:33:00.5Z. nullopt for all else, impossible dates included.
std::optional<absl::Time> ParseTimestamp(absl::string_view text);

}  // namespace millrace
