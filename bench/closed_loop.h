#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace millrace::bench {

struct LoopOptions {
  std::string address;
  std::string workflow;  // of the project `default`
  int in_flight = 1;
  absl::Duration warm_up;
  absl::Duration measured;
};

// What ended within the measured time.
struct LoopFigures {
  double workflows_per_second = 0;
  absl::Duration p50, p99;
};

// Keeps so many RunExecution calls under way: each one that ends begins the next. A call's time is
// what its client waits for. Returns when none is left, with an error if one failed or its
// execution did not succeed.
absl::StatusOr<LoopFigures> RunClosedLoop(const LoopOptions& options);

}  // namespace millrace::bench
