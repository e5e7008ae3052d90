#pragma once

#include <optional>

#include "absl/time/time.h"
#include "engine/languages/asl/compilation.h"

namespace millrace::asl {

inline constexpr NumberRule kWaitRule{.min = 0, .max = 99999999};

// Timestamp, where it is written down.
std::optional<absl::Time> ReadTimestamp(ObjectReader& fields);

void ReadWaitState(const StateSource& source, State* state);

}  // namespace millrace::asl
