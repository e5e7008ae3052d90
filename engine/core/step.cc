#include "engine/core/step.h"

#include <utility>

#include "engine/core/data_flow.h"
#include "engine/core/error_flow.h"
#include "engine/core/map_run.h"
#include "engine/core/stepper.h"

namespace millrace {
namespace {

// What one row may hold of data before the rest is left to the next, and so how much a step writes
// out at once. An event that is larger goes into a row all the same.
constexpr size_t kRowBytes = 1 << 20;
// Writing out and reading back.
constexpr size_t kBytesPerFuel = 4096;

// Where `data` stands already in the frame that the event is about.
DataSource FindSource(const HistoryEvent& event, const Snapshot& snapshot) {
  const auto found = snapshot.frames.find(event.frame);
  if (!event.data.has_value() || found == snapshot.frames.end()) return DataSource::kInline;
  const Frame& frame = found->second;
  const Json& data = *event.data;
  if (event.type == EventType::kMapIterationStarted) {
    const auto index = static_cast<size_t>(event.index);  // a batch is no item
    const bool is_item =
        index < frame.items.size() && data.IsIdenticalTo(frame.items.elements()[index]);
    return is_item ? DataSource::kItem : DataSource::kInline;
  }
  if (data.IsIdenticalTo(frame.data)) return DataSource::kFrameData;
  if (frame.result.has_value() && data.IsIdenticalTo(*frame.result))
    return DataSource::kFrameResult;
  return DataSource::kInline;
}

}  // namespace

HistoryEvent& Stepper::Draft(const Frame& frame, EventType type) {
  std::vector<HistoryEvent>& history = result_.history;
  // To move events costs as much as to make them.
  if (history.size() == history.capacity()) history.reserve(8 + 3 * history.size());
  HistoryEvent& event = history.emplace_back();
  event.type = type;
  event.previous_id = frame.last_id;
  event.frame = frame.id;
  event.state = frame.state;
  return event;
}

void Stepper::Emit(HistoryEvent&& event) {
  result_.history.push_back(std::move(event));
  EmitDraft();
}

void Stepper::EmitDraft() {
  HistoryEvent& event = result_.history.back();
  event.at = Now();
  if (event.error.has_value()) HoldToLimits(&*event.error);
  event.source = FindSource(event, snapshot_);
  const size_t bytes = BytesOf(event);
  row_bytes_ += bytes;
  fuel_ -= 1 + static_cast<Fuel>(bytes / kBytesPerFuel);
  if (fuel_ < 0) throw OutOfFuel{};
  // Journals keep microseconds; an alarm rings no earlier than it was asked for.
  if (event.wake_at.has_value()) {
    event.wake_at =
        absl::UnixEpoch() + absl::Ceil(*event.wake_at - absl::UnixEpoch(), absl::Microseconds(1));
  }
  event.id = NextIdOf(program_, snapshot_, event);
  NoteLostChild(event);
  Apply(program_, event, &snapshot_);
}

void Stepper::NoteLostChild(const HistoryEvent& event) {
  if (event.type != EventType::kStateAborted && event.type != EventType::kTaskTimedOut) return;
  const Frame& frame = FrameAt(event.frame);
  if (frame.wait != WaitKind::kTask) return;
  const auto& task = std::get<TaskState>(StateOf(frame).body);
  const auto* child = std::get_if<ChildTarget>(&task.target);
  if (child == nullptr || child->answer == ChildAnswer::kStarted) return;
  StartChild call = ChildCallOf(*child, frame.wait_id, *frame.payload);
  // Before it has begun, an execution of a name that the author chose may be somebody else's.
  if (!call.name.empty() && !frame.is_submitted) return;
  stops_.push_back(StopChild{.child = std::move(call)});
}

HistoryEvent Stepper::Of(const Frame& frame, EventType type) const {
  HistoryEvent event;
  event.type = type;
  event.previous_id = frame.last_id;
  event.frame = frame.id;
  event.state = frame.state;
  return event;
}

bool Stepper::IsLong() const { return row_bytes_ >= kRowBytes || fuel_ < fuel_reserve_; }

void Stepper::GatherReady() {
  for (const auto& [id, frame] : snapshot_.frames) {
    if (const std::optional<Readiness> ready = ReadinessOf(program_, frame)) {
      DoLater({*ready, id});
    }
  }
  // What has begun goes before what has not.
  std::stable_sort(queue_.begin(), queue_.end(),
                   [](const Work& a, const Work& b) { return a.kind < b.kind; });
}

AslError Stepper::TooManyEvents() const {
  return {.name = "States.Runtime",
          .cause = absl::StrCat("The execution reached the maximum number of history events (",
                                info_.events_max, ").")};
}

bool Stepper::EndsAtEventLimit(const Frame& frame) {
  if (!NearsEventLimit(frame)) return false;
  if (const FrameId item = frame.history; item != 0) {
    const bool is_cut = !FrameAt(item).children.empty();
    AbortChildren(item);
    if (is_cut) Emit(Of(FrameAt(item), EventType::kStateAborted));
    FailMachine(item, TooManyEvents());
    return true;
  }
  EndExecution(EventType::kExecutionFailed, std::nullopt, TooManyEvents(), frame.last_id);
  return true;
}

// What was to be done has been overtaken: by a failure that is retried, or that was caught.
bool Stepper::IsStale(const Work& work, const Frame& frame) const {
  const bool is_retry = work.kind == Readiness::kExecute && frame.wait == WaitKind::kRetry;
  return !is_retry && ReadinessOf(program_, frame) != work.kind;
}

Stepper::Work Stepper::TakeWork() {
  if (next_.empty()) return queue_[queue_begin_++];
  const Work work = next_.back();
  next_.pop_back();
  return work;
}

void Stepper::Finish() {
  for (bool is_first = true; !IsIdle() && !snapshot_.ended; is_first = false) {
    if (!is_first && IsLong()) {
      result_.commands.push_back(GoOn{});
      break;
    }
    const Work work = TakeWork();
    const auto found = snapshot_.frames.find(work.frame);
    if (found == snapshot_.frames.end()) continue;  // a sibling's failure has removed it
    Frame& frame = found->second;
    if (IsStale(work, frame)) continue;
    if (EndsAtEventLimit(frame)) continue;
    switch (work.kind) {
      case Readiness::kExecute:
        Execute(frame.id);
        break;
      case Readiness::kStartItems:
        StartItems(frame.id, frame.last_id);
        break;
      case Readiness::kStartMachine: {
        const Machine& machine = program_.machines[static_cast<size_t>(frame.machine)];
        EnterState(frame.id, machine.start, frame.data);
        break;
      }
    }
  }
}

// The entered state is executed from Finish(), so that a long run of states is a loop and not a
// recursion.
void Stepper::EnterState(FrameId id, StateIndex state, Json input) {
  HistoryEvent& event = Draft(FrameAt(id), EventType::kStateEntered);
  event.state = state;
  event.data = std::move(input);
  EmitDraft();
  DoNext({Readiness::kExecute, id});
}

void Stepper::Execute(FrameId id) {
  const Frame& frame = FrameAt(id);
  Evaluation evaluation = EvaluationOf(frame);
  Outcome outcome = std::visit(
      [&](const auto& body) -> Outcome {
        if constexpr (std::is_same_v<std::decay_t<decltype(body)>, WaitState>) {
          return Enter(body, evaluation, Now());
        } else {
          return Enter(body, evaluation);
        }
      },
      StateOf(frame).body);
  if (auto* fail = std::get_if<Fail>(&outcome)) return FailEntered(id, std::move(fail->error));
  Carry(id, std::move(outcome));
}

void Stepper::Carry(FrameId id, Outcome outcome) {
  Frame& frame = FrameAt(id);
  if (auto* leave = std::get_if<Leave>(&outcome)) {
    return LeaveState(id, std::move(leave->exit), leave->next);
  }
  if (const auto* fail = std::get_if<Fail>(&outcome)) return FailState(id, fail->error);
  if (auto* call = std::get_if<CallFunction>(&outcome)) return Schedule(id, std::move(*call));
  if (const auto* sleep = std::get_if<SleepUntil>(&outcome)) {
    if (sleep->at <= Now()) return LeaveWait(id);
    HistoryEvent event = Of(frame, EventType::kWaitPlanned);
    event.wake_at = sleep->at;
    Emit(std::move(event));
    result_.commands.push_back(
        SetAlarm{.event_id = FrameAt(id).wait_id, .at = *FrameAt(id).wake_at});
    return;
  }
  if (auto* branches = std::get_if<RunBranches>(&outcome)) {
    HistoryEvent event = Of(frame, EventType::kParallelStateStarted);
    event.data = std::move(branches->input);
    event.index =
        static_cast<int64_t>(std::get<ParallelState>(StateOf(frame).body).branches.size());
    Emit(std::move(event));
    for (const FrameId child : FrameAt(id).children) {
      DoLater({Readiness::kStartMachine, child});
    }
    return;
  }
  StartMap(id, std::move(std::get<RunItems>(outcome)));
}

namespace {

// What does the task that the frame waits for.
Command CallOf(const State& state, const Frame& frame) {
  const auto& task = std::get<TaskState>(state.body);
  if (const auto* child = std::get_if<ChildTarget>(&task.target)) {
    return ChildCallOf(*child, frame.wait_id, *frame.payload);
  }
  return InvokeFunction{.event_id = frame.wait_id,
                        .state = frame.state,
                        .function = frame.function,
                        .version = frame.function_version,
                        .payload = InvocationPayload(task, *frame.payload),
                        .is_queued = std::holds_alternative<QueueTarget>(task.target),
                        .heartbeat_seconds = frame.heartbeat_seconds};
}

}  // namespace

void Stepper::Schedule(FrameId id, CallFunction call) {
  HistoryEvent& event = Draft(FrameAt(id), EventType::kTaskScheduled);
  event.data = std::move(call.parameters);
  event.function = std::move(call.function);
  event.function_version = std::move(call.version);
  if (call.timeout_seconds.has_value()) {
    event.timeout_seconds = static_cast<int64_t>(*call.timeout_seconds);
    event.wake_at = Now() + absl::Seconds(*call.timeout_seconds);
  }
  if (call.heartbeat_seconds.has_value()) {
    event.heartbeat_seconds = static_cast<int64_t>(*call.heartbeat_seconds);
  }
  EmitDraft();
  Draft(FrameAt(id), EventType::kTaskStarted);
  EmitDraft();
  const Frame& frame = FrameAt(id);
  result_.commands.push_back(CallOf(StateOf(frame), frame));
  if (frame.wake_at.has_value()) {
    result_.commands.push_back(SetAlarm{.event_id = frame.wait_id, .at = *frame.wake_at});
  }
}

void Stepper::LeaveState(FrameId id, Exit exit, std::optional<StateIndex> next) {
  const State& state = StateOf(FrameAt(id));
  if (!next.has_value()) next = state.transition.next;
  const FrameId parent = FrameAt(id).parent;
  HistoryEvent& event = Draft(FrameAt(id), EventType::kStateExited);
  event.data = exit.output;
  event.assigned = std::move(exit.assigned);
  event.ends_frame = !next.has_value();
  EmitDraft();
  if (next.has_value()) return EnterState(id, *next, std::move(exit.output));
  if (parent == 0) {
    const int64_t last_id = FrameAt(id).last_id;
    return EndExecution(EventType::kExecutionSucceeded, std::move(exit.output), std::nullopt,
                        last_id);
  }
  if (snapshot_.frames.contains(id)) {  // a Map's iteration; a branch went with its last event
    const int64_t last_id = FrameAt(id).last_id;
    HistoryEvent& succeeded = Draft(FrameAt(id), EventType::kMapIterationSucceeded);
    succeeded.index = FrameAt(id).index;
    succeeded.state = FrameAt(parent).state;
    EmitDraft();
    if (HoldsTooManyResults(parent)) return;
    return StartItems(parent, last_id);
  }
  if (HoldsTooManyResults(parent)) return;
  if (FrameAt(parent).children.empty()) CompleteChildren(parent);
}

// The history says which expression has failed.
void Stepper::ReportEvaluation(FrameId id, const AslError& error) {
  const Frame& frame = FrameAt(id);
  HistoryEvent event = Of(frame, EventType::kEvaluationFailed);
  if (!error.evaluation->is_result) event.previous_id = frame.entered_previous;
  event.error = error;
  event.error->evaluation.reset();
  event.location = error.evaluation->location;
  Emit(std::move(event));
}

// The state has failed before it began: of a Map, the history says so, too, where an expression is
// to blame.
void Stepper::FailEntered(FrameId id, AslError error) {
  const bool is_map = std::holds_alternative<MapState>(StateOf(FrameAt(id)).body);
  if (is_map && error.evaluation.has_value()) {
    HoldToLimits(&error);
    ReportEvaluation(id, error);
    error.evaluation.reset();
    Emit(Of(FrameAt(id), EventType::kMapStateFailed));
  }
  FailState(id, std::move(error));
}

// The frame's state has failed: tried again, caught, or the frame's machine fails with it.
void Stepper::FailState(FrameId id, AslError error, int64_t failed_id) {
  HoldToLimits(&error);
  if (error.evaluation.has_value()) {
    ReportEvaluation(id, error);
    error.evaluation.reset();
  }
  const Frame& frame = FrameAt(id);
  const State& state = StateOf(frame);
  if (const std::optional<Retry> retry = FindRetry(state, frame, error, snapshot_.seed)) {
    HistoryEvent event = Of(frame, EventType::kRetryPlanned);
    event.index = retry->counter;
    event.error = error;
    event.wake_at = Now() + retry->delay;
    Emit(std::move(event));
    result_.commands.push_back(
        SetAlarm{.event_id = FrameAt(id).wait_id, .at = *FrameAt(id).wake_at});
    return;
  }
  if (frame.wait == WaitKind::kChildren) {
    const bool is_map = std::holds_alternative<MapState>(state.body);
    HistoryEvent event =
        Of(frame, is_map ? EventType::kMapStateFailed : EventType::kParallelStateFailed);
    if (failed_id != 0) event.previous_id = failed_id;
    Emit(std::move(event));
  }
  const Catcher* catcher = FindCatcher(state, error);
  if (catcher == nullptr) return FailMachine(id, error);
  Evaluation evaluation = EvaluationOf(FrameAt(id));
  AslResult<Exit> exit = ExitCaught(evaluation, *catcher, error);
  if (!exit.ok()) {
    AslError failure = exit.error();
    if (failure.evaluation.has_value()) ReportEvaluation(id, failure);
    failure.evaluation.reset();
    return FailMachine(id, failure);
  }
  LeaveState(id, *std::move(exit), catcher->next);
}

void Stepper::EndExecution(EventType type, std::optional<Json> output,
                           std::optional<AslError> error, int64_t previous_id) {
  if (type != EventType::kExecutionSucceeded && !snapshot_.frames.empty()) {
    const FrameId root = snapshot_.frames.begin()->first;
    const bool is_cut = type != EventType::kExecutionFailed || !FrameAt(root).children.empty();
    AbortChildren(root);
    if (is_cut && FrameAt(root).state >= 0) Emit(Of(FrameAt(root), EventType::kStateAborted));
    if (is_cut) previous_id = snapshot_.last_id;
  }
  HistoryEvent event;
  event.type = type;
  event.previous_id = previous_id;
  event.frame = snapshot_.frames.empty() ? 0 : snapshot_.frames.begin()->first;
  event.data = std::move(output);
  event.error = std::move(error);
  Emit(std::move(event));
  result_.commands.clear();
}

namespace {

// Commands of waits that the same step has ended again.
void DropEndedWaits(const Snapshot& snapshot, std::vector<Command>* commands) {
  const auto is_over = [&snapshot](const Command& command) {
    const int64_t id = std::visit([](const auto& some) { return some.event_id; }, command);
    return id != 0 && !snapshot.waits.contains(id);
  };
  commands->erase(std::remove_if(commands->begin(), commands->end(), is_over), commands->end());
}

}  // namespace

StepRefusal Step(const Program& program, const ExecutionInfo& info, const Event& event,
                 int64_t fuel, Snapshot* snapshot, StepResult* result) {
  Stepper stepper(program, info, event.at, fuel, snapshot, result);
  try {
    const StepRefusal refusal =
        std::visit([&](const auto& what) { return stepper.Take(what); }, event.what);
    if (refusal != StepRefusal::kNone) return refusal;
    stepper.Finish();
    DropEndedWaits(*snapshot, &result->commands);
    result->commands.insert(result->commands.end(), stepper.stops().begin(), stepper.stops().end());
    return StepRefusal::kNone;
  } catch (const OutOfFuel&) {
    return StepRefusal::kTooLong;
  }
}

namespace {

// What a frame waits for from outside.
void AddOutstanding(const Program& program, const Frame& frame, std::vector<Command>* commands) {
  if (frame.wait == WaitKind::kTask) {
    commands->push_back(CallOf(program.states[static_cast<size_t>(frame.state)], frame));
  }
  if (frame.wait == WaitKind::kReading) commands->push_back(ReadingOf(frame));
  if (frame.wait == WaitKind::kWriting) commands->push_back(WritingOf(frame));
  if (frame.wake_at.has_value()) {
    commands->push_back(SetAlarm{.event_id = frame.wait_id, .at = *frame.wake_at});
  }
}

}  // namespace

int64_t AskedBy(const HistoryEvent& event, const Snapshot& snapshot) {
  switch (event.type) {
    case EventType::kTaskScheduled:
    case EventType::kMapRunStarted:  // whether it has anything to read or not
      return event.id;
    case EventType::kResultsGathered: {  // which has no id of its own
      const auto frame = snapshot.frames.find(event.frame);
      return frame == snapshot.frames.end() ? 0 : frame->second.entered_id;
    }
    default:
      return 0;
  }
}

std::vector<Command> OutstandingCommands(const Program& program, const Snapshot& snapshot) {
  std::vector<Command> commands;
  if (snapshot.ended) return commands;
  if (snapshot.times_out_at.has_value()) {
    commands.push_back(SetAlarm{.event_id = 0, .at = *snapshot.times_out_at});
  }
  bool is_ready = false;
  for (const auto& [id, frame] : snapshot.frames) {
    AddOutstanding(program, frame, &commands);
    is_ready = is_ready || ReadinessOf(program, frame).has_value();
  }
  if (is_ready) commands.push_back(GoOn{});
  return commands;
}

}  // namespace millrace
