#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "engine/base/asl_error.h"
#include "engine/core/snapshot.h"
#include "engine/program/program.h"

namespace millrace {

struct Retry {
  int64_t counter = 0;  // of the state's, that counts this attempt
  absl::Duration delay;
};

struct RetrierMatch {
  int64_t retrier = 0;  // its place in the state
  int64_t counter = 0;  // of the frame's attempts
};

// The first retrier that matches, whether it has attempts left or not.
std::optional<RetrierMatch> FindRetrier(const State& state, const AslError& error);

// The retrier that tries the frame's state again, if one matches and has attempts left. Chance, for
// jitter, comes from `seed` and the frame's last event.
std::optional<Retry> FindRetry(const State& state, const Frame& frame, const AslError& error,
                               uint64_t seed);

// The first catcher that matches.
const Catcher* FindCatcher(const State& state, const AslError& error);

}  // namespace millrace
