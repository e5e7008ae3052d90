#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "engine/core/history_event.h"
#include "engine/expr/scope.h"
#include "engine/json/json.h"
#include "engine/program/program.h"

namespace millrace {

// What a frame waits for. Whatever is waited for from outside or in time is known by the id of the
// history event that began the wait.
enum class WaitKind : uint8_t { kNothing, kTask, kAlarm, kRetry, kChildren };

// One active state, or a Map or Parallel between its children.
struct Frame {
  FrameId id = 0;
  FrameId parent = 0;  // 0 for the root
  MachineIndex machine = 0;
  int64_t index = 0;      // which branch or item of its parent it is
  StateIndex state = -1;  // -1 before the first state is entered
  absl::Time entered_at;
  int64_t entered_id = 0;        // of the ...Entered event
  int64_t entered_previous = 0;  // and its previous id
  int64_t last_id = 0;           // what the frame's next event comes after

  // From entering to leaving: the state's raw input. After leaving: its output.
  Json data;
  std::optional<Json> result;  // of a task that succeeded, until the state is left
  Variables variables;         // those assigned in this frame's scope

  WaitKind wait = WaitKind::kNothing;
  int64_t wait_id = 0;                // the event that began the wait
  std::optional<absl::Time> wake_at;  // the alarm's time: Wait, retry, or the task's timeout
  std::optional<Json> payload;        // of the task under way
  std::string function;               // that it calls
  std::string function_version;
  std::vector<int64_t> attempts;  // retries so far, by the state's counters
  int64_t retry_count = 0;        // in this state, for $$.State.RetryCount

  // While children run:
  std::vector<FrameId> children;             // those that have not ended
  std::vector<std::optional<Json>> results;  // by branch or item
  Json items;                                // a Map's
  int64_t next_item = 0;                     // the next to start
  int64_t concurrency_max = 0;
};

// All that an execution is between two events: the fold of its journal, nothing else.
struct Snapshot {
  std::map<FrameId, Frame> frames;
  // The frames that wait for something from outside or in time, by the event that began the wait.
  absl::flat_hash_map<int64_t, FrameId> waits;
  FrameId last_frame = 0;
  int64_t last_id = 0;  // history ids given out
  absl::Time last_at;
  absl::Time started_at;
  Json input;
  uint64_t seed = 0;
  std::optional<absl::Time> times_out_at;  // the whole execution

  bool ended = false;
  EventType end = EventType::kExecutionStarted;  // the terminal event's type
  std::optional<Json> output;
  std::optional<AslError> error;
};

// For tests and fsck: a text of everything in `snapshot`, equal exactly when the snapshots are.
std::string DebugText(const Snapshot& snapshot);

}  // namespace millrace
