#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/asl_error.h"
#include "engine/base/boxed.h"
#include "engine/json/json.h"
#include "engine/program/program.h"

namespace millrace {

// The history's vocabulary is that of Step Functions' GetExecutionHistory. The numbers stand in
// journals: they are never given to another type.
enum class EventType : int {
  kExecutionStarted = 1,
  kExecutionSucceeded = 2,
  kExecutionFailed = 3,
  kExecutionTimedOut = 4,
  kExecutionAborted = 5,
  // `...StateEntered`, `...StateExited` and `...StateAborted`: the state says which type.
  kStateEntered = 10,
  kStateExited = 11,
  kStateAborted = 12,
  kTaskScheduled = 20,
  kTaskStarted = 21,
  kTaskSucceeded = 22,
  kTaskFailed = 23,
  kTaskTimedOut = 24,
  kTaskSubmitted = 25,  // its child execution has begun
  kParallelStateStarted = 30,
  kParallelStateSucceeded = 31,
  kParallelStateFailed = 32,
  kMapStateStarted = 40,
  kMapStateSucceeded = 41,
  kMapStateFailed = 42,
  kMapIterationStarted = 43,
  kMapIterationSucceeded = 44,
  kMapIterationFailed = 45,
  kMapIterationAborted = 46,
  // The items of a distributed Map. Its ...Iteration... events are journaled, but not shown.
  kMapRunStarted = 47,
  kMapRunSucceeded = 48,
  kMapRunFailed = 49,
  // An expression of JSONata mode has failed; the state fails by it.
  kEvaluationFailed = 50,
  // Journaled, but no part of the history, so without an id of its own: a failed state is tried
  // again at `wake_at`; a Wait ends then.
  kRetryPlanned = 100,
  kWaitPlanned = 101,
  // A Parallel's branch has failed: its frame is gone.
  kBranchFailed = 102,
  // The items of a distributed Map have been read; its results are to be written.
  kItemsRead = 103,
  kResultsGathered = 104,
};

// Where an event's data stands already, so that the journal need not repeat it. The numbers stand
// in journals.
enum class DataSource : int {
  kInline = 0,
  kFrameData = 1,    // the frame's data
  kFrameResult = 2,  // the frame's result
  kItem = 3,         // of the frame's items, the one at `index`
};

// A frame's number, unique in its execution and given out in order. The root's is 1.
using FrameId = int32_t;

// What the journal says happened; also the unit in which a snapshot changes.
struct HistoryEvent {
  EventType type = EventType::kExecutionStarted;
  int64_t id = 0;           // from 1, without gaps; 0 for what is no part of any history
  int64_t previous_id = 0;  // the event that led to this one; 0 for the first two
  absl::Time at;
  // The frame that it happens in. MapIterationStarted: the Map's; the new frame is the next number.
  FrameId frame = 0;
  // The state that it is about; -1 for the execution's own. For kMapIteration...: the Map state.
  StateIndex state = -1;

  // Input of ExecutionStarted and ...Entered; output of ...Exited, TaskSucceeded and
  // ExecutionSucceeded; parameters of TaskScheduled; MapStateStarted, ItemsRead: the items;
  // MapIterationStarted: the iteration's input; MapRunStarted: the terms of the run (map_run.h).
  std::optional<Json> data;
  DataSource source = DataSource::kInline;
  Boxed<AslError> error;  // ...Failed, ...TimedOut, ExecutionAborted, RetryPlanned

  // MapIteration...: the item's place. MapStateStarted: the number of items. ParallelStateStarted:
  // the number of branches. RetryPlanned: the counter of attempts.
  int64_t index = 0;
  int64_t concurrency_max = 0;  // MapStateStarted; 0: no limit
  // TaskScheduled: when it times out. WaitPlanned: when it ends. RetryPlanned: when it is tried.
  // ExecutionStarted: when the whole execution times out.
  std::optional<absl::Time> wake_at;
  std::optional<int64_t> timeout_seconds;    // TaskScheduled: as the history shows it
  std::optional<int64_t> heartbeat_seconds;  // likewise
  std::string function;                      // TaskScheduled: what is called
  std::string function_version;              // TaskScheduled
  uint64_t seed = 0;                         // ExecutionStarted: of all chance in this execution
  std::string location;                      // EvaluationFailed: the field
  bool ends_frame = false;                   // ...Exited: the frame's machine ends with it
  std::vector<std::pair<std::string, Json>> assigned;  // ...Exited: variables, by name
};

// "TaskStateEntered", "LambdaFunctionScheduled" ...: what the API calls the event.
std::string EventTypeName(const HistoryEvent& event, const Program& program);

// What it adds to its row, about: what it refers to is not in there.
size_t BytesOf(const HistoryEvent& event);

bool IsTerminal(EventType type);

// An item of a distributed Map has a history of its own, named by the item's frame: its ids are
// above all of the execution's own history, whose name is 0.
inline constexpr int kHistoryBits = 32;
constexpr FrameId HistoryOf(int64_t event_id) {
  return static_cast<FrameId>(event_id >> kHistoryBits);
}
// An id as its own history counts it.
constexpr int64_t NumberOf(int64_t event_id) {
  return event_id & ((int64_t{1} << kHistoryBits) - 1);
}

// Whether the execution's own history shows it.
constexpr bool IsShown(const HistoryEvent& event) {
  return event.id != 0 && HistoryOf(event.id) == 0;
}

}  // namespace millrace
