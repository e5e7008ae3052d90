#include "engine/core/error_flow.h"

#include <algorithm>
#include <cmath>

namespace millrace {
namespace {

// Attempts so far that the state's counters `begin` to `end` have counted.
int64_t Attempts(const Frame& frame, int64_t begin, int64_t end) {
  int64_t sum = 0;
  for (int64_t i = begin; i < end && i < static_cast<int64_t>(frame.attempts.size()); ++i) {
    sum += frame.attempts[static_cast<size_t>(i)];
  }
  return sum;
}

// A number in [0, 1) that is the same for the same arguments (splitmix64).
double Chance(uint64_t seed, uint64_t salt) {
  uint64_t x = seed + salt * 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  x ^= x >> 31;
  return static_cast<double>(x >> 11) * 0x1.0p-53;
}

}  // namespace

std::optional<RetrierMatch> FindRetrier(const State& state, const AslError& error) {
  for (size_t i = 0; i < state.retry.size(); ++i) {
    const Retrier& retrier = state.retry[i];
    const std::optional<size_t> place =
        FindErrorName(retrier.dialect, retrier.error_equals, error.name.value_or(""));
    if (!place.has_value()) continue;
    return RetrierMatch{.retrier = static_cast<int64_t>(i),
                        .counter = retrier.first_counter +
                                   (retrier.counters > 1 ? static_cast<int64_t>(*place) : 0)};
  }
  return std::nullopt;
}

std::optional<Retry> FindRetry(const State& state, const Frame& frame, const AslError& error,
                               uint64_t seed) {
  if (const std::optional<RetrierMatch> match = FindRetrier(state, error)) {
    const Retrier& retrier = state.retry[static_cast<size_t>(match->retrier)];
    const int64_t counter = match->counter;
    if (Attempts(frame, counter, counter + 1) >= retrier.attempts_max) return std::nullopt;
    const int64_t attempts =
        Attempts(frame, retrier.first_counter, retrier.first_counter + retrier.counters);
    double seconds =
        retrier.interval_seconds * std::pow(retrier.backoff_rate, static_cast<double>(attempts));
    if (retrier.delay_seconds_max.has_value())
      seconds = std::min(seconds, *retrier.delay_seconds_max);
    if (retrier.full_jitter) seconds *= Chance(seed, static_cast<uint64_t>(frame.last_id));
    // A year is the longest that an execution may last.
    seconds = std::min(seconds, 366.0 * 86400);
    return Retry{.counter = counter, .delay = absl::Seconds(seconds)};
  }
  return std::nullopt;
}

const Catcher* FindCatcher(const State& state, const AslError& error) {
  for (const Catcher& catcher : state.catches) {
    if (FindErrorName(catcher.dialect, catcher.error_equals, error.name.value_or(""))) {
      return &catcher;
    }
  }
  return nullptr;
}

}  // namespace millrace
