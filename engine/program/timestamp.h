#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace millrace {

// Reads a timestamp as the States Language has it: RFC 3339 with a capital 'T', seconds, and 'Z' or
// an offset, as in "2026-03-14T01:59:00.5+01:00". nullopt for anything else, also for a day that
// does not exist.
std::optional<absl::Time> ParseTimestamp(absl::string_view text);

}  // namespace millrace
