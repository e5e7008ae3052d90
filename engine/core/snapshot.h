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
enum class WaitKind : uint8_t {
  kNothing,
  kTask,
  kAlarm,
  kRetry,
  kChildren,
  kReading,  // the items of a distributed Map
  kWriting,  // its results
};

// A batch of items of a distributed Map that has failed, and was tolerated.
struct ItemFailure {
  int64_t index = 0;
  AslError error;
};

// One active state, or a Map or Parallel between its children.
struct Frame {
  FrameId id = 0;
  FrameId parent = 0;  // 0 for the root
  MachineIndex machine = 0;
  int64_t index = 0;      // which branch or item of its parent it is
  FrameId history = 0;    // the history that its events belong to: HistoryOf(their ids)
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
  int64_t wait_id = 0;                       // the event that began the wait
  std::optional<absl::Time> wake_at;         // the alarm's time: Wait, retry, or the task's timeout
  std::optional<Json> payload;               // of the task under way
  bool is_submitted = false;                 // its child execution has begun
  std::optional<int64_t> heartbeat_seconds;  // of the task under way
  std::string function;                      // that it calls
  std::string function_version;
  std::vector<int64_t> attempts;  // retries so far, by the state's counters
  int64_t retry_count = 0;        // in this state, for $$.State.RetryCount
  int64_t retried_id = 0;         // last_id, when a retry was last planned

  // While children run:
  std::vector<FrameId> children;             // those that have not ended
  std::vector<std::optional<Json>> results;  // by branch or item
  Json items;                                // a Map's
  int64_t next_item = 0;                     // the next to start
  int64_t concurrency_max = 0;
  int64_t results_bytes = 0;  // of all results so far
  int64_t live_bytes = 0;     // of the inputs of the children that run, where they are no items

  // A distributed Map's:
  Json run;  // its terms (map_run.h); null for all else
  int64_t failed_items = 0;
  std::vector<ItemFailure> failures;

  // A Map's iteration's:
  int64_t input_bytes = 0;  // its part in live_bytes
  int64_t item_count = 0;   // more than one in a batch
  // Of its own history, where it has one: events so far, the frames whose events those are, and
  // silent retries.
  int64_t history_size = 0;
  int64_t own_frames = 0;
  int64_t silent_retries = 0;
};

// All that an execution is between two events: the fold of its journal, nothing else.
struct Snapshot {
  std::map<FrameId, Frame> frames;
  // The frames that wait for something from outside or in time, by the event that began the wait.
  absl::flat_hash_map<int64_t, FrameId> waits;
  FrameId last_frame = 0;
  int64_t own_frames = 0;      // whose events belong to the execution's own history
  int64_t silent_retries = 0;  // in that, planned where none of its events came since the last one
  int64_t last_id = 0;         // history ids given out
  absl::Time last_at;
  absl::Time started_at;
  Json input;
  uint64_t seed = 0;
  std::optional<absl::Time> times_out_at;  // the whole execution
  size_t data_bytes_seen = 0;              // of the largest input, output or parameters so far

  bool ended = false;
  EventType end = EventType::kExecutionStarted;  // the terminal event's type
  std::optional<Json> output;
  std::optional<AslError> error;
};

// How many frames' events belong to the history that those of `frame` belong to.
int64_t OwnFramesOf(const Snapshot& snapshot, const Frame& frame);
// What counts towards the limit of that history: its events, and each attempt that left none.
int64_t EventsOf(const Snapshot& snapshot, const Frame& frame);

// The id before the one that the next event of `frame` gets.
int64_t LastIdOf(const Snapshot& snapshot, const Frame& frame);

// The id that `event`, which is about to happen, gets; 0 for what is no part of any history.
int64_t NextIdOf(const Program& program, const Snapshot& snapshot, const HistoryEvent& event);

// For tests and fsck: a text of everything in `snapshot`, equal exactly when the snapshots are.
std::string DebugText(const Snapshot& snapshot);

}  // namespace millrace
