#include "engine/core/error_flow.h"

#include <algorithm>
#include <cmath>

namespace millrace {
namespace {

bool Matches(const std::vector<std::string>& error_equals, const AslError& error) {
  const std::string name = error.name.value_or("");
  // The real service lets nobody handle it: the definition itself is wrong.
  if (name == "States.Runtime") return false;
  return std::any_of(error_equals.begin(), error_equals.end(), [&name](const std::string& given) {
    if (given == "States.ALL" || given == name) return true;
    // What a task itself fails with is any name but the time-outs.
    return given == "States.TaskFailed" && name != "States.Timeout" &&
           name != "States.HeartbeatTimeout" && name.rfind("States.", 0) != 0;
  });
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

std::optional<int64_t> FindRetrier(const State& state, const AslError& error) {
  for (size_t i = 0; i < state.retry.size(); ++i) {
    if (Matches(state.retry[i].error_equals, error)) return static_cast<int64_t>(i);
  }
  return std::nullopt;
}

std::optional<Retry> FindRetry(const State& state, const Frame& frame, const AslError& error,
                               uint64_t seed) {
  if (const std::optional<int64_t> found = FindRetrier(state, error)) {
    const auto i = static_cast<size_t>(*found);
    const Retrier& retrier = state.retry[i];
    const int64_t attempts = i < frame.attempts.size() ? frame.attempts[i] : 0;
    if (attempts >= retrier.attempts_max) return std::nullopt;
    double seconds =
        retrier.interval_seconds * std::pow(retrier.backoff_rate, static_cast<double>(attempts));
    if (retrier.delay_seconds_max.has_value())
      seconds = std::min(seconds, *retrier.delay_seconds_max);
    if (retrier.full_jitter) seconds *= Chance(seed, static_cast<uint64_t>(frame.last_id));
    // A year is the longest that an execution may last.
    seconds = std::min(seconds, 366.0 * 86400);
    return Retry{.retrier = static_cast<int64_t>(i), .delay = absl::Seconds(seconds)};
  }
  return std::nullopt;
}

const Catcher* FindCatcher(const State& state, const AslError& error) {
  for (const Catcher& catcher : state.catches) {
    if (Matches(catcher.error_equals, error)) return &catcher;
  }
  return nullptr;
}

}  // namespace millrace
