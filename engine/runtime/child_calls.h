#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "engine/core/event.h"
#include "engine/core/step.h"
#include "engine/json/json.h"
#include "engine/tasks/function_host.h"

namespace millrace {

// How a child execution stands, as a Task of its parent is told.
struct ChildView {
  std::string execution_name;  // resource name
  std::string execution_id;
  bool has_succeeded = false;
  std::string status;  // "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"
  Json input;
  std::optional<Json> output;
  std::string error;
  std::string cause;
  absl::Time started_at;
  absl::Time ended_at;
};

// Of one that has ended, as its snapshot stands.
ChildView ViewOfChild(const ExecutionInfo& info, const Snapshot& snapshot);

// {ExecutionArn, StartDate}: what a Task that does not wait becomes, and what TaskSubmitted says.
Json DescribeStart(const ChildView& child);

// What the Task of `call` becomes when its child has ended: the child's description or output, or
// States.TaskFailed with the description as its cause.
InvocationResult DescribeEnd(const StartChild& call, const ChildView& child);

// The Task's error where there is no such workflow, or where another execution has the name.
AslError NoSuchWorkflow(const StartChild& call);
AslError NameIsTaken(const StartChild& call);

// A Task that starts a child, on its way. Both are called from any thread: `started` any number of
// times, `done` once; not at all when the call is cancelled, or the node stops, since the journal
// knows what is outstanding.
struct ChildCall {
  std::string call_id;  // unique in this process
  std::string project;
  StartChild what;
  std::string execution_id;  // the child's: the same in every try
  std::function<void(Json)> started;
  InvocationDone done;
};

}  // namespace millrace
