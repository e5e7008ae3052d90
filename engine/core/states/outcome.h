#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/time/time.h"
#include "engine/base/asl_error.h"
#include "engine/core/data_flow.h"
#include "engine/core/evaluation.h"
#include "engine/core/event.h"
#include "engine/json/json.h"
#include "engine/program/program.h"

namespace millrace {

// What a state, once entered (or tried again), wants to happen. step.cc makes it happen.
struct Leave {  // along the state's transition, or to `next`
  Exit exit;
  std::optional<StateIndex> next;
};
struct Fail {
  AslError error;
};
struct CallFunction {
  Json parameters;  // as the history shows them, and as the journal keeps them
  std::string function;
  std::string version;
  std::optional<double> timeout_seconds;
  std::optional<double> heartbeat_seconds;
};
struct SleepUntil {
  absl::Time at;
};
struct RunBranches {
  Json input;
};
struct RunItems {
  Json items;
  int64_t concurrency_max = 0;
  // A distributed Map's terms (map_run.h), or why it cannot have any.
  AslResult<Json> run = Json();
};
using Outcome = std::variant<Leave, Fail, CallFunction, SleepUntil, RunBranches, RunItems>;

// Each sees its state and its frame, and decides; none changes anything.
Outcome Enter(const PassState& pass, Evaluation& evaluation);
Outcome Enter(const TaskState& task, Evaluation& evaluation);
Outcome Enter(const ChoiceState& choice, Evaluation& evaluation);
Outcome Enter(const WaitState& wait, Evaluation& evaluation, absl::Time now);
Outcome Enter(const SucceedState& succeed, Evaluation& evaluation);
Outcome Enter(const FailState& fail, Evaluation& evaluation);
Outcome Enter(const ParallelState& parallel, Evaluation& evaluation);
Outcome Enter(const MapState& map, Evaluation& evaluation);

// The state's work is done: its result takes its way to the output.
Outcome LeaveWith(Evaluation& evaluation, const Json& result);

// What the function is called with, and what its answer becomes: a wrapped invocation
// (`states:::lambda:invoke`) has both in an envelope.
Json InvocationPayload(const TaskState& task, const Json& parameters);
Json InvocationOutput(const TaskState& task, const Json& parameters, Json output);

// What is wrong with a child's parameters, before the task is scheduled.
std::optional<AslError> CheckChildParameters(const ChildTarget& target,
                                             const Evaluation& evaluation, const Json& parameters);

// The child execution that a task is; its parameters have passed Enter().
StartChild ChildCallOf(const ChildTarget& target, int64_t event_id, const Json& parameters);

// The input of iteration `index`. States.DataLimitExceeded for one that is larger than a state's
// data.
AslResult<Json> ItemInput(const MapState& map, Evaluation& evaluation, int64_t index,
                          const Json& item);

// A batch of items of a distributed Map, from the Map's next item on, as one input, which is
// limited likewise; at least one item, also where that is more than MaxInputBytesPerBatch.
AslResult<Json> BatchInput(const MapState& map, Evaluation& evaluation);

// A number that is written down, or found by its path: an integer, not below 0. Errors are
// States.Runtime.
AslResult<double> ReadNumber(const NumberField& field, Evaluation& evaluation, const Json& data);
// As above, of a field that is no expression: any number.
AslResult<double> ReadFraction(const NumberField& field, Evaluation& evaluation, const Json& data);

}  // namespace millrace
