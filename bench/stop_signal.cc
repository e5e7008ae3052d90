#include "bench/stop_signal.h"

#include <signal.h>

#include <algorithm>
#include <atomic>

#include "absl/time/clock.h"

namespace millrace::bench {
namespace {

std::atomic<bool> stopped{false};

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

void CatchStopSignals() {
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

bool WaitUnlessStopped(absl::Duration duration) {
  const sigset_t signals = StopSignals();
  const absl::Time end = absl::Now() + duration;
  while (!stopped) {
    // EINTR ends a wait early, as when a debugger or profiler attaches.
    const absl::Duration left = std::max(end - absl::Now(), absl::ZeroDuration());
    const timespec timeout = absl::ToTimespec(left);
    if (sigtimedwait(&signals, nullptr, &timeout) > 0) stopped = true;
    if (absl::Now() >= end) break;
  }
  return stopped;
}

bool IsStopped() { return WaitUnlessStopped(absl::ZeroDuration()); }

}  // namespace millrace::bench
