#pragma once

#include "absl/time/time.h"

namespace millrace::bench {

// SIGINT and SIGTERM end a benchmark early but in order, so that no PostgreSQL and no folder stays
// behind. To be called before threads are started: they inherit that the signals are blocked.
void CatchStopSignals();

// Waits so long, or until a stop is wanted. Returns whether one is; then all later waits are none.
bool WaitUnlessStopped(absl::Duration duration);
bool IsStopped();

}  // namespace millrace::bench
