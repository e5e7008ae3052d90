#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "engine/core/event.h"
#include "engine/core/history_event.h"
#include "engine/core/snapshot.h"
#include "engine/core/step.h"
#include "engine/json/json.h"
#include "engine/program/program.h"
#include "engine/tasks/function_host.h"
#include "engine/tasks/object_store.h"

namespace millrace {

// How a local run calls functions. `done` is to be called exactly once: from any thread, within the
// call or later, also when the run is over.
using LocalInvoke = std::function<void(const InvokeFunction& call, InvocationDone done)>;
// Ends the call for this event, which nobody waits for any more.
using LocalCancel = std::function<void(int64_t event_id)>;

// The code of a function by its name and version; NOT_FOUND if there is none.
using FunctionLoader = std::function<absl::StatusOr<std::shared_ptr<const FunctionCode>>(
    const std::string& function, const std::string& version)>;

// Calls what `loader` finds on `host`, which outlives the result. A function that is not found
// fails its task.
LocalInvoke InvokeThrough(FunctionHost& host, FunctionLoader loader, std::string execution_name);
// For what is called like that. At most one run of this name may be under way on the host.
LocalCancel CancelThrough(FunctionHost& host, std::string execution_name);

// What a function sees as the key of a task: its event's in the execution of this name.
std::string LocalIdempotencyKey(absl::string_view execution_name, int64_t event_id);

struct LocalRunOptions {
  ExecutionInfo info;
  uint64_t seed = 1;
  absl::Time starts_at = absl::Now();
  // Waiting takes no time: while no function is under way, the clock jumps to the next alarm.
  bool virtual_time = false;
  // What distributed Maps read from and write to; null: they fail. Outlives the run.
  ObjectStore* objects = nullptr;
  // The workflows that Tasks may start, by name: null for one that is not there. They run at once,
  // before their parent goes on.
  std::function<std::shared_ptr<const Program>(const std::string& workflow)> find_workflow;
  LocalCancel cancel;  // null: what nobody waits for goes on
};

struct LocalRun {
  Snapshot snapshot;                  // has ended
  std::vector<HistoryEvent> history;  // all that was journaled, so also what has no id
};

// Runs one execution of `program` from its start to its end in the calling thread, with no
// database: nothing is kept, and a crash loses it. A workflow that fails is no error here. INTERNAL
// if the execution can never end because it waits for nothing. Throws BrokenInvariant.
absl::StatusOr<LocalRun> RunLocally(const Program& program, Json input,
                                    const LocalRunOptions& options, const LocalInvoke& invoke);

}  // namespace millrace
