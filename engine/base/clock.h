#pragma once

#include <atomic>
#include <cstdint>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace millrace {

// Where the engine gets its time from. The database's clock is the only wall clock: a node's
// Clock is the database's time at the last synchronization plus what a steady clock measured
// since, so a wrong clock on a node's machine moves no alarm. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

// Nanoseconds of a clock that never jumps; its zero means nothing.
int64_t SteadyNanos();

// The system's clock until the first Synchronize(), then the database's. Never runs backwards.
class SynchronizedClock : public Clock {
 public:
  SynchronizedClock();
  absl::Time Now() const override;
  // `database_now` was read no later than `steady_nanos`, both taken around one query.
  void Synchronize(absl::Time database_now, int64_t steady_nanos);

 private:
  std::atomic<int64_t> offset_nanos_;  // wall time minus steady time
  mutable std::atomic<int64_t> latest_nanos_{0};
};

// For tests: stands still until told.
class FakeClock : public Clock {
 public:
  explicit FakeClock(absl::Time now) : nanos_(absl::ToUnixNanos(now)) {}
  absl::Time Now() const override { return absl::FromUnixNanos(nanos_.load()); }
  void Advance(absl::Duration duration) { nanos_ += absl::ToInt64Nanoseconds(duration); }
  void Set(absl::Time now) { nanos_ = absl::ToUnixNanos(now); }

 private:
  std::atomic<int64_t> nanos_;
};

}  // namespace millrace
