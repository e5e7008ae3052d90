#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/time/time.h"
#include "engine/base/asl_error.h"
#include "engine/core/history_event.h"
#include "engine/json/json.h"

namespace millrace {

// What happens to an execution.
struct Started {
  Json input;
  uint64_t seed = 0;
};
struct TaskSucceeded {
  int64_t event_id = 0;  // of its TaskScheduled
  Json output;
};
struct TaskFailed {
  int64_t event_id = 0;
  AslError error;
};
// An alarm rang: of a frame's wait (`event_id` began it), or, with 0, the whole execution's
// timeout.
struct AlarmRang {
  int64_t event_id = 0;
};
struct StopRequested {
  AslError error;
};
// An execution that was taken up goes on with what has not begun: an EXPRESS one, whose journal
// says only that it was started.
struct Resumed {};

struct Event {
  absl::Time at;  // the clock's time; the step uses no other
  std::variant<Started, TaskSucceeded, TaskFailed, AlarmRang, StopRequested, Resumed> what;
};

// What the world must now do.
struct InvokeFunction {
  int64_t event_id = 0;
  StateIndex state = -1;
  std::string function;
  std::string version;
  Json payload;
  friend bool operator==(const InvokeFunction&, const InvokeFunction&) = default;
};
struct SetAlarm {
  int64_t event_id = 0;  // 0: the whole execution's timeout
  absl::Time at;
  friend bool operator==(const SetAlarm&, const SetAlarm&) = default;
};
using Command = std::variant<InvokeFunction, SetAlarm>;

}  // namespace millrace
