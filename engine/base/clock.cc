#include "engine/base/clock.h"

#include <time.h>

#include <algorithm>

namespace millrace {

int64_t SteadyNanos() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

SynchronizedClock::SynchronizedClock()
    : offset_nanos_(absl::GetCurrentTimeNanos() - SteadyNanos()) {}

absl::Time SynchronizedClock::Now() const {
  const int64_t now = SteadyNanos() + offset_nanos_.load(std::memory_order_relaxed);
  int64_t latest = latest_nanos_.load(std::memory_order_relaxed);
  while (latest < now &&
         !latest_nanos_.compare_exchange_weak(latest, now, std::memory_order_relaxed)) {
  }
  return absl::FromUnixNanos(std::max(latest, now));
}

void SynchronizedClock::Synchronize(absl::Time database_now, int64_t steady_nanos) {
  offset_nanos_.store(absl::ToUnixNanos(database_now) - steady_nanos, std::memory_order_relaxed);
}

}  // namespace millrace
