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
  bool is_endless = false;  // as StepEndless: the execution fails at once
};
// A task has been done, or, for a distributed Map, its items been read or results written.
struct TaskSucceeded {
  int64_t event_id = 0;  // of its command
  Json output;
};
// A task's child execution has begun; `output` is what the history says of it.
struct ChildStarted {
  int64_t event_id = 0;
  Json output;
};
struct TaskFailed {
  int64_t event_id = 0;
  AslError error;
};
// The worker that does a task has not been heard of for longer than the Task allows.
struct HeartbeatMissed {
  int64_t event_id = 0;
};
// An alarm rang: of a frame's wait (`event_id` began it), or, with 0, the whole execution's
// timeout.
struct AlarmRang {
  int64_t event_id = 0;
};
struct StopRequested {
  AslError error;
};
// A step has used up all that one may: the execution fails.
struct StepEndless {};
// An execution goes on with what is ready: what a step has left to the next (GoOn), or, in an
// EXPRESS execution that was taken up, all that there is.
struct Resumed {};

struct Event {
  absl::Time at;  // the clock's time; the step uses no other
  std::variant<Started, TaskSucceeded, ChildStarted, TaskFailed, HeartbeatMissed, AlarmRang,
               StopRequested, StepEndless, Resumed>
      what;
};

// What the world must now do.
struct InvokeFunction {
  int64_t event_id = 0;
  StateIndex state = -1;
  std::string function;
  std::string version;
  Json payload;
  bool is_queued = false;  // `function` is a queue, of which workers take it
  // Of a queue's: the Task fails when its worker has not been heard of for so long.
  std::optional<int64_t> heartbeat_seconds;
  friend bool operator==(const InvokeFunction&, const InvokeFunction&) = default;
};
// Answered, unless at once, with ChildStarted, and with TaskSucceeded or TaskFailed.
struct StartChild {
  int64_t event_id = 0;
  std::string workflow;           // its name
  std::string workflow_as_given;  // or an ARN that ends in it
  std::string name;               // of the execution; "": the caller makes one up
  Json input;
  ChildAnswer answer = ChildAnswer::kStarted;
  friend bool operator==(const StartChild&, const StartChild&) = default;
};
// The Task is over, or its execution, and its child, which may have ended too, is to be stopped.
// Nobody remembers this: a node that dies just now leaves the child to itself.
struct StopChild {
  int64_t event_id = 0;  // none
  StartChild child;
  friend bool operator==(const StopChild&, const StopChild&) = default;
};
struct SetAlarm {
  int64_t event_id = 0;  // 0: the whole execution's timeout
  absl::Time at;
  friend bool operator==(const SetAlarm&, const SetAlarm&) = default;
};
// A distributed Map's items are to be read; answered with their array. `request` says what and how
// (engine/tasks/item_reader.h).
struct ReadItems {
  int64_t event_id = 0;
  Json request;
  friend bool operator==(const ReadItems&, const ReadItems&) = default;
};
// Its results are to be written (engine/tasks/result_writer.h); answered with the Map's result.
struct WriteResults {
  int64_t event_id = 0;
  Json request;
  Json results;
  friend bool operator==(const WriteResults&, const WriteResults&) = default;
};
// There is more to do than one step may: Resumed is to come when this step's row is committed.
struct GoOn {
  int64_t event_id = 0;  // none
  friend bool operator==(const GoOn&, const GoOn&) = default;
};
using Command =
    std::variant<InvokeFunction, StartChild, StopChild, SetAlarm, ReadItems, WriteResults, GoOn>;

}  // namespace millrace
