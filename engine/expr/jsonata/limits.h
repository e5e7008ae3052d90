#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/time/time.h"

namespace millrace {

// What one evaluation may use. Whoever exceeds a limit gets a JsonataError with the code named
// here, at the same step on every machine; only `deadline` depends on the machine.
struct JsonataLimits {
  int64_t steps_max = 10'000'000;          // D1012
  std::optional<absl::Duration> deadline;  // D1012
  // Nested evaluations; nothing deeper than this is built, either. D1011
  int depth_max = 500;
  size_t sequence_max = 1'000'000;      // D2015
  size_t range_max = 10'000'000;        // D2014
  size_t string_bytes_max = 16u << 20;  // D2016
  // All strings, arrays, objects and frames made, most of them counted even when no longer in use.
  size_t memory_bytes_max = 64u << 20;  // D2017
};

}  // namespace millrace
