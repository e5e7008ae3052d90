#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/core/event.h"
#include "engine/core/history_event.h"
#include "engine/core/snapshot.h"
#include "engine/program/program.h"

namespace millrace {

// What the context object says of the execution, and its limits. The same in every step.
struct ExecutionInfo {
  std::string execution_name;  // resource name: `$$.Execution.Id`
  std::string execution_id;    // `$$.Execution.Name`
  std::string workflow_name;   // resource name: `$$.StateMachine.Id`
  std::string workflow_id;     // `$$.StateMachine.Name`
  size_t data_bytes_max = 262'144;
  int64_t events_max = 25'000;
};

struct StepResult {
  std::vector<HistoryEvent> history;
  std::vector<Command> commands;
};

// How a step that did not give a result stands.
enum class StepRefusal {
  kNone,
  kOutdated,  // the event's wait was given out and has ended: a duplicate
  kUnknown,   // an event id that this snapshot has not given out: the snapshot is stale
  kEnded,     // the execution has ended
  kTooLong,   // the fuel ran out; nothing has changed that is not to be thrown away
};

// Advances one execution by one event. This is the whole engine; the rest of the service stores
// what Step returns and carries out its commands.
//
// Step is pure: time is `event.at` and chance is the snapshot's seed, so the same arguments give
// the same result on any machine, and a crash loses nothing that a second call does not give back.
// Three things always hold:
//   - Apply()ing `result.history` to the snapshot as it was, one by one, gives the snapshot as it
//     is left: Step itself changes it only through Apply;
//   - an execution that has ended never changes again;
//   - after a refusal other than kTooLong, the snapshot is as it was.
// `fuel` is the number of history events after which a step gives up (kTooLong): a lane gives
// little, a spare thread plenty.
// A workflow that fails is no refusal but a result. Throws BrokenInvariant.
StepRefusal Step(const Program& program, const ExecutionInfo& info, const Event& event,
                 int64_t fuel, Snapshot* snapshot, StepResult* result);

// Changes `snapshot` by one journaled event: the only code that does, live and in replay.
void Apply(const Program& program, const HistoryEvent& event, Snapshot* snapshot);

// The id by which the answer to what `event` asks for from outside (a task, the items of a
// distributed Map, the writing of its results) will name it; 0 if it asks for nothing. `snapshot`
// has the event's frame, before or after the event.
int64_t AskedBy(const HistoryEvent& event, const Snapshot& snapshot);

// Whether some event has this id, or had it in the history of an item that is over.
bool IsGivenOut(const Snapshot& snapshot, int64_t event_id);

// Everything that the snapshot waits for from outside or in time: what is to be done again when an
// execution is taken up.
std::vector<Command> OutstandingCommands(const Program& program, const Snapshot& snapshot);

}  // namespace millrace
