// How a step takes what happens to an execution.
#include <algorithm>
#include <utility>

#include "engine/core/data_flow.h"
#include "engine/core/map_run.h"
#include "engine/core/stepper.h"

namespace millrace {

bool IsGivenOut(const Snapshot& snapshot, int64_t event_id) {
  if (event_id < 1) return false;
  const FrameId history = HistoryOf(event_id);
  if (history == 0) return event_id <= snapshot.last_id;
  const auto found = snapshot.frames.find(history);
  if (found == snapshot.frames.end()) return history <= snapshot.last_frame;
  return event_id <= LastIdOf(snapshot, found->second);
}

std::pair<Frame*, StepRefusal> Stepper::FindWait(int64_t event_id,
                                                 std::initializer_list<WaitKind> kinds) {
  if (snapshot_.ended) return {nullptr, StepRefusal::kEnded};
  if (!IsGivenOut(snapshot_, event_id)) return {nullptr, StepRefusal::kUnknown};
  const auto found = snapshot_.waits.find(event_id);
  if (found == snapshot_.waits.end()) return {nullptr, StepRefusal::kOutdated};
  Frame& frame = FrameAt(found->second);
  if (std::find(kinds.begin(), kinds.end(), frame.wait) == kinds.end()) {
    return {nullptr, StepRefusal::kOutdated};
  }
  return {&frame, StepRefusal::kNone};
}

StepRefusal Stepper::Take(const Started& started) {
  if (snapshot_.last_id != 0) return StepRefusal::kOutdated;
  HistoryEvent event;
  event.type = EventType::kExecutionStarted;
  event.data = started.input;
  event.seed = started.seed;
  if (program_.timeout_seconds.has_value()) {
    event.wake_at = at_ + absl::Seconds(*program_.timeout_seconds);
  }
  Emit(std::move(event));
  if (snapshot_.times_out_at.has_value()) {
    result_.commands.push_back(SetAlarm{.event_id = 0, .at = *snapshot_.times_out_at});
  }
  if (started.is_endless) return Take(StepEndless{});
  DoLater({Readiness::kStartMachine, snapshot_.last_frame});
  return StepRefusal::kNone;
}

StepRefusal Stepper::Take(const TaskSucceeded& succeeded) {
  const auto [frame, refusal] =
      FindWait(succeeded.event_id, {WaitKind::kTask, WaitKind::kReading, WaitKind::kWriting});
  if (frame == nullptr) return refusal;
  const FrameId id = frame->id;
  if (frame->wait != WaitKind::kTask) {
    frame->wait == WaitKind::kReading ? TakeItems(id, succeeded.output)
                                      : EndRun(id, succeeded.output);
    return StepRefusal::kNone;
  }
  const auto& task = std::get<TaskState>(StateOf(*frame).body);
  const Json output = InvocationOutput(task, *frame->payload, succeeded.output);
  Evaluation evaluation = EvaluationOf(*frame);
  const std::string& named = task.wraps_invocation ? task.resource_type : task.resource;
  if (std::optional<AslError> error = CheckSize(evaluation, named, output)) {
    return Take(TaskFailed{.event_id = succeeded.event_id, .error = *std::move(error)});
  }
  if (EndsAtEventLimit(*frame)) return StepRefusal::kNone;
  Draft(*frame, EventType::kTaskSucceeded).data = output;
  EmitDraft();
  Evaluation after = EvaluationOf(FrameAt(id));
  Carry(id, LeaveWith(after, output));
  return StepRefusal::kNone;
}

StepRefusal Stepper::Take(const ChildStarted& started) {
  const auto [frame, refusal] = FindWait(started.event_id, {WaitKind::kTask});
  if (frame == nullptr) return refusal;
  if (frame->is_submitted) return StepRefusal::kOutdated;  // said before, maybe by another node
  if (EndsAtEventLimit(*frame)) return StepRefusal::kNone;
  HistoryEvent event = Of(*frame, EventType::kTaskSubmitted);
  event.data = started.output;
  Emit(std::move(event));
  return StepRefusal::kNone;
}

StepRefusal Stepper::Take(const TaskFailed& failed) {
  const auto [frame, refusal] =
      FindWait(failed.event_id, {WaitKind::kTask, WaitKind::kReading, WaitKind::kWriting});
  if (frame == nullptr) return refusal;
  if (frame->wait != WaitKind::kTask) {
    FailRun(frame->id, failed.error);
    return StepRefusal::kNone;
  }
  if (EndsAtEventLimit(*frame)) return StepRefusal::kNone;
  HistoryEvent event = Of(*frame, EventType::kTaskFailed);
  event.error = failed.error;
  const FrameId id = frame->id;
  Emit(std::move(event));
  FailState(id, failed.error);
  return StepRefusal::kNone;
}

StepRefusal Stepper::Take(const HeartbeatMissed& missed) {
  const auto [frame, refusal] = FindWait(missed.event_id, {WaitKind::kTask});
  if (frame == nullptr) return refusal;
  TimeOutTask(frame->id, "States.HeartbeatTimeout");
  return StepRefusal::kNone;
}

StepRefusal Stepper::Take(const AlarmRang& rang) {
  if (rang.event_id == 0) {
    if (snapshot_.ended) return StepRefusal::kEnded;
    if (!snapshot_.times_out_at.has_value()) return StepRefusal::kOutdated;
    if (at_ < *snapshot_.times_out_at) return StepRefusal::kOutdated;
    EndExecution(EventType::kExecutionTimedOut, std::nullopt,
                 AslError{.name = "States.Timeout", .cause = std::nullopt}, snapshot_.last_id);
    return StepRefusal::kNone;
  }
  const auto [frame, refusal] =
      FindWait(rang.event_id, {WaitKind::kTask, WaitKind::kAlarm, WaitKind::kRetry});
  if (frame == nullptr) return refusal;
  const FrameId id = frame->id;
  // Never early: an alarm that rings before its time is not this wait's.
  if (!frame->wake_at.has_value() || at_ < *frame->wake_at) return StepRefusal::kOutdated;
  switch (frame->wait) {
    case WaitKind::kRetry:
      DoLater({Readiness::kExecute, id});
      break;
    case WaitKind::kAlarm:
      LeaveWait(id);
      break;
    default:
      TimeOutTask(id, "States.Timeout");
  }
  return StepRefusal::kNone;
}

void Stepper::LeaveWait(FrameId id) {
  Evaluation evaluation = EvaluationOf(FrameAt(id));
  const AslResult<Json> input = EffectiveInput(evaluation);
  if (!input.ok()) return FailState(id, input.error());
  AslResult<Exit> exit = PassOn(evaluation, *input);
  if (!exit.ok()) return FailState(id, exit.error());
  LeaveState(id, *std::move(exit), std::nullopt);
}

void Stepper::TimeOutTask(FrameId id, std::string name) {
  const AslError error{.name = std::move(name), .cause = std::nullopt};
  if (EndsAtEventLimit(FrameAt(id))) return;
  HistoryEvent event = Of(FrameAt(id), EventType::kTaskTimedOut);
  event.error = error;
  Emit(std::move(event));
  FailState(id, error);
}

StepRefusal Stepper::Take(const StopRequested& stop) {
  if (snapshot_.ended) return StepRefusal::kEnded;
  if (snapshot_.last_id == 0) return StepRefusal::kUnknown;
  EndExecution(EventType::kExecutionAborted, std::nullopt, stop.error, snapshot_.last_id);
  return StepRefusal::kNone;
}

StepRefusal Stepper::Take(const StepEndless&) {
  if (snapshot_.ended) return StepRefusal::kEnded;
  if (snapshot_.last_id == 0) return StepRefusal::kUnknown;
  const AslError error{.name = "States.Runtime",
                       .cause =
                           "A step of the execution takes more than one step may take: its "
                           "expressions look at too much, or make too much."};
  EndExecution(EventType::kExecutionFailed, std::nullopt, error, snapshot_.last_id);
  return StepRefusal::kNone;
}

StepRefusal Stepper::Take(const Resumed&) {
  if (snapshot_.ended) return StepRefusal::kEnded;
  GatherReady();
  return IsIdle() ? StepRefusal::kOutdated : StepRefusal::kNone;
}

}  // namespace millrace
