#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/base/ids.h"
#include "engine/core/history_event.h"
#include "engine/runtime/catalog_storage.h"
#include "engine/runtime/storage.h"

namespace millrace {

// Who calls, and for which project. Who may do what is decided before the engine is called.
struct Caller {
  std::string principal;
  std::string project;
};

// An execution as a caller sees it.
struct ExecutionView {
  ExecutionKey key;
  ExecutionId id;
  int64_t revision = 0;
  WorkflowType type = WorkflowType::kStandard;
  ExecutionStatus status = ExecutionStatus::kRunning;
  absl::Time started_at;
  std::optional<absl::Time> ended_at;
  std::string input;                  // JSON text; empty in lists
  std::optional<std::string> output;  // JSON text, of one that succeeded
  std::string error;
  std::string cause;
  std::vector<std::string> warnings;  // what it comes near to; empty in lists
};

// An item of a distributed Map, or a batch of them, which has a history of its own.
struct MapItemView {
  FrameId item = 0;              // its number in its execution
  FrameId parent_item = 0;       // the item in whose history the Map is; 0: the execution itself
  int64_t map_run_event_id = 0;  // MapRunStarted, in that history
  std::string state_name;        // of the Map
  int64_t index = 0;             // its place in the run, from 0
  ExecutionStatus status = ExecutionStatus::kRunning;
  absl::Time started_at;
  std::optional<absl::Time> ended_at;
  std::string error;
  std::string cause;
};

// A history event as a caller sees it: texts, and states by name.
struct HistoryEventView {
  int64_t id = 0;
  int64_t previous_id = 0;
  std::string type;  // "TaskStateEntered"
  absl::Time at;
  std::string state_name;                 // of ...Entered and ...Exited; a Map's, of its iterations
  std::optional<std::string> input;       // JSON text: ExecutionStarted, ...Entered
  std::optional<std::string> output;      // JSON text: ...Exited, TaskSucceeded, ExecutionSucceeded
  std::optional<std::string> parameters;  // JSON text: TaskScheduled
  std::string resource_type;              // Task...
  std::string resource;                   // Task...
  std::optional<int64_t> timeout_seconds;    // TaskScheduled
  std::optional<int64_t> heartbeat_seconds;  // TaskScheduled
  std::optional<std::string> error;
  std::optional<std::string> cause;
  std::optional<int64_t> index;                                         // MapIteration...
  std::optional<std::string> location;                                  // EvaluationFailed
  std::optional<int64_t> length;                                        // MapStateStarted
  std::vector<std::pair<std::string, std::string>> assigned_variables;  // name, JSON text
  std::string idempotency_key;  // TaskScheduled: what the function was given
};

}  // namespace millrace
