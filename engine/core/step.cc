#include "engine/core/step.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "engine/base/check.h"
#include "engine/core/data_flow.h"
#include "engine/core/error_flow.h"
#include "engine/core/evaluation.h"
#include "engine/core/states/outcome.h"

namespace millrace {
namespace {

// One call of Step: emits history events, applies each at once, and goes on until every frame
// waits or the execution has ended.
class Stepper {
 public:
  Stepper(const Program& program, const ExecutionInfo& info, absl::Time at, int64_t fuel,
          Snapshot* snapshot, StepResult* result)
      : program_(program),
        info_(info),
        at_(absl::UnixEpoch() + absl::Floor(at - absl::UnixEpoch(), absl::Microseconds(1))),
        fuel_(fuel),
        snapshot_(*snapshot),
        result_(*result) {}

  StepRefusal Take(const Started& started);
  StepRefusal Take(const TaskSucceeded& succeeded);
  StepRefusal Take(const TaskFailed& failed);
  StepRefusal Take(const AlarmRang& rang);
  StepRefusal Take(const StopRequested& stop);
  StepRefusal Take(const Resumed& resumed);

  // Works off `todo_`, then turns what is waited for since into commands.
  void Finish();

 private:
  enum class WorkKind { kStartMachine, kExecute, kStartItems };
  struct Work {
    WorkKind kind;
    FrameId frame;
  };

  const State& StateOf(const Frame& frame) const {
    return program_.states[static_cast<size_t>(frame.state)];
  }
  Frame& FrameAt(FrameId id) { return snapshot_.frames.at(id); }
  Evaluation EvaluationOf(const Frame& frame) {
    return Evaluation(
        {.program = program_, .info = info_, .snapshot = snapshot_, .at = Now()}, frame, &fuel_);
  }
  absl::Time Now() const { return std::max(at_, snapshot_.last_at); }
  // The frame whose wait of this kind the event ends, or why there is none.
  std::pair<Frame*, StepRefusal> FindWait(int64_t event_id, std::initializer_list<WaitKind> kinds);

  void Emit(HistoryEvent event);
  HistoryEvent Of(const Frame& frame, EventType type) const;

  void EnterState(FrameId id, StateIndex state, Json input);
  void Execute(FrameId id);
  void Carry(FrameId id, Outcome outcome);
  void LeaveState(FrameId id, Exit exit, std::optional<StateIndex> next);
  void EndMachine(FrameId id);
  void CompleteChildren(FrameId id);
  // As many as the concurrency allows; they come after the event `previous_id`.
  void StartItems(FrameId id, int64_t previous_id);
  void LeaveWait(FrameId id);
  void TimeOutTask(FrameId id);
  // Whether what ending the execution itself emits just fits under the limit of events.
  bool NearsEventLimit() const {
    const int64_t reserve = 2 + 2 * static_cast<int64_t>(snapshot_.frames.size());
    return snapshot_.last_id + reserve >= info_.events_max;
  }
  void ReportEvaluation(FrameId id, const AslError& error);
  void FailState(FrameId id, AslError error);
  void FailMachine(FrameId id, const AslError& error);
  void AbortChildren(FrameId id);
  void EndExecution(EventType type, std::optional<Json> output, std::optional<AslError> error,
                    int64_t previous_id);
  void Schedule(FrameId id, CallFunction call);

  const Program& program_;
  const ExecutionInfo& info_;
  const absl::Time at_;
  int64_t fuel_;
  Snapshot& snapshot_;
  StepResult& result_;
  std::deque<Work> todo_;
};

// Where `data` stands already in the frame that the event is about.
DataSource FindSource(const HistoryEvent& event, const Snapshot& snapshot) {
  const auto found = snapshot.frames.find(event.frame);
  if (!event.data.has_value() || found == snapshot.frames.end()) return DataSource::kInline;
  const Frame& frame = found->second;
  const Json& data = *event.data;
  if (event.type == EventType::kMapIterationStarted) {
    const Json& item = frame.items.elements()[static_cast<size_t>(event.index)];
    return data.IsIdenticalTo(item) ? DataSource::kItem : DataSource::kInline;
  }
  if (data.IsIdenticalTo(frame.data)) return DataSource::kFrameData;
  if (frame.result.has_value() && data.IsIdenticalTo(*frame.result))
    return DataSource::kFrameResult;
  return DataSource::kInline;
}

void Stepper::Emit(HistoryEvent event) {
  if (--fuel_ < 0) throw OutOfFuel{};
  event.at = std::max(at_, snapshot_.last_at);
  event.source = FindSource(event, snapshot_);
  // Journals keep microseconds; an alarm rings no earlier than it was asked for.
  if (event.wake_at.has_value()) {
    event.wake_at =
        absl::UnixEpoch() + absl::Ceil(*event.wake_at - absl::UnixEpoch(), absl::Microseconds(1));
  }
  event.id = IsShown(event.type) ? snapshot_.last_id + 1 : 0;
  result_.history.push_back(std::move(event));
  Apply(program_, result_.history.back(), &snapshot_);
}

HistoryEvent Stepper::Of(const Frame& frame, EventType type) const {
  HistoryEvent event;
  event.type = type;
  event.previous_id = frame.last_id;
  event.frame = frame.id;
  event.state = frame.state;
  return event;
}

std::pair<Frame*, StepRefusal> Stepper::FindWait(int64_t event_id,
                                                 std::initializer_list<WaitKind> kinds) {
  if (snapshot_.ended) return {nullptr, StepRefusal::kEnded};
  if (event_id > snapshot_.last_id || event_id < 1) return {nullptr, StepRefusal::kUnknown};
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
  todo_.push_back({WorkKind::kStartMachine, snapshot_.last_frame});
  return StepRefusal::kNone;
}

StepRefusal Stepper::Take(const TaskSucceeded& succeeded) {
  const auto [frame, refusal] = FindWait(succeeded.event_id, {WaitKind::kTask});
  if (frame == nullptr) return refusal;
  const FrameId id = frame->id;
  const auto& task = std::get<TaskState>(StateOf(*frame).body);
  const Json output = InvocationOutput(task, succeeded.output);
  Evaluation evaluation = EvaluationOf(*frame);
  const std::string named = task.wraps_invocation ? task.resource_type : task.resource;
  if (std::optional<AslError> error = CheckSize(evaluation, named, output)) {
    return Take(TaskFailed{.event_id = succeeded.event_id, .error = *std::move(error)});
  }
  HistoryEvent event = Of(*frame, EventType::kTaskSucceeded);
  event.data = output;
  Emit(std::move(event));
  Evaluation after = EvaluationOf(FrameAt(id));
  Carry(id, LeaveWith(after, output));
  return StepRefusal::kNone;
}

StepRefusal Stepper::Take(const TaskFailed& failed) {
  const auto [frame, refusal] = FindWait(failed.event_id, {WaitKind::kTask});
  if (frame == nullptr) return refusal;
  HistoryEvent event = Of(*frame, EventType::kTaskFailed);
  event.error = failed.error;
  const FrameId id = frame->id;
  Emit(std::move(event));
  FailState(id, failed.error);
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
      todo_.push_back({WorkKind::kExecute, id});
      break;
    case WaitKind::kAlarm:
      LeaveWait(id);
      break;
    default:
      TimeOutTask(id);
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

void Stepper::TimeOutTask(FrameId id) {
  const AslError error{.name = "States.Timeout", .cause = std::nullopt};
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

StepRefusal Stepper::Take(const Resumed&) {
  if (snapshot_.ended) return StepRefusal::kEnded;
  for (const auto& [id, frame] : snapshot_.frames) {
    if (frame.state < 0) todo_.push_back({WorkKind::kStartMachine, id});
  }
  return todo_.empty() ? StepRefusal::kOutdated : StepRefusal::kNone;
}

void Stepper::Finish() {
  while (!todo_.empty() && !snapshot_.ended) {
    const Work work = todo_.front();
    todo_.pop_front();
    const auto found = snapshot_.frames.find(work.frame);
    if (found == snapshot_.frames.end()) continue;  // a sibling's failure has removed it
    Frame& frame = found->second;
    if (NearsEventLimit()) {
      EndExecution(
          EventType::kExecutionFailed, std::nullopt,
          AslError{.name = "States.Runtime",
                   .cause = "The execution reached the maximum number of history events (" +
                            std::to_string(info_.events_max) + ")."},
          frame.last_id);
      break;
    }
    switch (work.kind) {
      case WorkKind::kStartMachine: {
        const Machine& machine = program_.machines[static_cast<size_t>(frame.machine)];
        EnterState(frame.id, machine.start, frame.data);
        break;
      }
      case WorkKind::kExecute:
        Execute(frame.id);
        break;
      case WorkKind::kStartItems:
        StartItems(frame.id, frame.last_id);
        break;
    }
  }
}

// The entered state is executed from `todo_`, so that a long run of states is a loop and not a
// recursion.
void Stepper::EnterState(FrameId id, StateIndex state, Json input) {
  HistoryEvent event = Of(FrameAt(id), EventType::kStateEntered);
  event.state = state;
  event.data = std::move(input);
  Emit(std::move(event));
  todo_.push_front({WorkKind::kExecute, id});
}

void Stepper::Execute(FrameId id) {
  const Frame& frame = FrameAt(id);
  Evaluation evaluation = EvaluationOf(frame);
  Carry(id, std::visit(
                [&](const auto& body) -> Outcome {
                  if constexpr (std::is_same_v<std::decay_t<decltype(body)>, WaitState>) {
                    return Enter(body, evaluation, std::max(at_, snapshot_.last_at));
                  } else {
                    return Enter(body, evaluation);
                  }
                },
                StateOf(frame).body));
}

void Stepper::Carry(FrameId id, Outcome outcome) {
  Frame& frame = FrameAt(id);
  if (auto* leave = std::get_if<Leave>(&outcome)) {
    return LeaveState(id, std::move(leave->exit), leave->next);
  }
  if (const auto* fail = std::get_if<Fail>(&outcome)) return FailState(id, fail->error);
  if (auto* call = std::get_if<CallFunction>(&outcome)) return Schedule(id, std::move(*call));
  if (const auto* sleep = std::get_if<SleepUntil>(&outcome)) {
    if (sleep->at <= std::max(at_, snapshot_.last_at)) return LeaveWait(id);
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
      todo_.push_back({WorkKind::kStartMachine, child});
    }
    return;
  }
  auto& items = std::get<RunItems>(outcome);
  HistoryEvent event = Of(frame, EventType::kMapStateStarted);
  event.index = static_cast<int64_t>(items.items.size());
  event.data = std::move(items.items);
  event.concurrency_max = items.concurrency_max;
  Emit(std::move(event));
  StartItems(id, FrameAt(id).last_id);
}

void Stepper::Schedule(FrameId id, CallFunction call) {
  HistoryEvent event = Of(FrameAt(id), EventType::kTaskScheduled);
  event.data = std::move(call.parameters);
  event.function = std::move(call.function);
  event.function_version = std::move(call.version);
  if (call.timeout_seconds.has_value()) {
    event.timeout_seconds = static_cast<int64_t>(*call.timeout_seconds);
    event.wake_at = std::max(at_, snapshot_.last_at) + absl::Seconds(*call.timeout_seconds);
  }
  Emit(std::move(event));
  Emit(Of(FrameAt(id), EventType::kTaskStarted));
  const Frame& frame = FrameAt(id);
  const auto& task = std::get<TaskState>(StateOf(frame).body);
  result_.commands.push_back(InvokeFunction{.event_id = frame.wait_id,
                                            .state = frame.state,
                                            .function = frame.function,
                                            .version = frame.function_version,
                                            .payload = InvocationPayload(task, *frame.payload)});
  if (frame.wake_at.has_value()) {
    result_.commands.push_back(SetAlarm{.event_id = frame.wait_id, .at = *frame.wake_at});
  }
}

void Stepper::LeaveState(FrameId id, Exit exit, std::optional<StateIndex> next) {
  const State& state = StateOf(FrameAt(id));
  if (!next.has_value()) next = state.transition.next;
  HistoryEvent event = Of(FrameAt(id), EventType::kStateExited);
  event.data = exit.output;
  event.assigned = std::move(exit.assigned);
  event.ends_frame = !next.has_value();
  const FrameId parent = FrameAt(id).parent;
  Emit(std::move(event));
  if (next.has_value()) return EnterState(id, *next, std::move(exit.output));
  if (parent == 0) {
    const int64_t last_id = FrameAt(id).last_id;
    return EndExecution(EventType::kExecutionSucceeded, std::move(exit.output), std::nullopt,
                        last_id);
  }
  if (snapshot_.frames.contains(id)) {  // a Map's iteration; a branch went with its last event
    const int64_t last_id = FrameAt(id).last_id;
    HistoryEvent succeeded = Of(FrameAt(id), EventType::kMapIterationSucceeded);
    succeeded.index = FrameAt(id).index;
    succeeded.state = FrameAt(parent).state;
    Emit(std::move(succeeded));
    return StartItems(parent, last_id);
  }
  if (FrameAt(parent).children.empty()) CompleteChildren(parent);
}

void Stepper::StartItems(FrameId id, int64_t previous_id) {
  const auto& map = std::get<MapState>(StateOf(FrameAt(id)).body);
  const int64_t count = static_cast<int64_t>(FrameAt(id).results.size());
  while (true) {
    const Frame& frame = FrameAt(id);
    const int64_t index = frame.next_item;
    if (index >= count) break;
    if (NearsEventLimit()) return todo_.push_front({WorkKind::kStartItems, id});
    const bool is_full = frame.concurrency_max > 0 &&
                         static_cast<int64_t>(frame.children.size()) >= frame.concurrency_max;
    if (is_full) return;
    Evaluation evaluation = EvaluationOf(frame);
    AslResult<Json> input =
        ItemInput(map, evaluation, index, frame.items.elements()[static_cast<size_t>(index)]);
    if (!input.ok()) {
      AbortChildren(id);
      return FailState(id, input.error());
    }
    HistoryEvent event = Of(frame, EventType::kMapIterationStarted);
    event.previous_id = previous_id;
    event.index = index;
    event.data = *std::move(input);
    Emit(std::move(event));
    todo_.push_back({WorkKind::kStartMachine, snapshot_.last_frame});
  }
  if (FrameAt(id).children.empty()) CompleteChildren(id);
}

void Stepper::CompleteChildren(FrameId id) {
  const Frame& frame = FrameAt(id);
  std::vector<Json> results;
  results.reserve(frame.results.size());
  for (const std::optional<Json>& result : frame.results) results.push_back(*result);
  const bool is_map = std::holds_alternative<MapState>(StateOf(frame).body);
  Emit(Of(frame, is_map ? EventType::kMapStateSucceeded : EventType::kParallelStateSucceeded));
  Evaluation evaluation = EvaluationOf(FrameAt(id));
  Carry(id, LeaveWith(evaluation, Json::Array(std::move(results))));
}

// The history says which expression has failed; a Map that was to start has then failed, too.
void Stepper::ReportEvaluation(FrameId id, const AslError& error) {
  const Frame& frame = FrameAt(id);
  HistoryEvent event = Of(frame, EventType::kEvaluationFailed);
  if (!error.evaluation->is_result) event.previous_id = frame.entered_previous;
  event.error = error;
  event.error->evaluation.reset();
  event.location = error.evaluation->location;
  Emit(std::move(event));
  const bool is_start = std::holds_alternative<MapState>(StateOf(frame).body) &&
                        frame.wait == WaitKind::kNothing && frame.results.empty();
  if (is_start) Emit(Of(FrameAt(id), EventType::kMapStateFailed));
}

// The frame's state has failed: tried again, caught, or the frame's machine fails with it.
void Stepper::FailState(FrameId id, AslError error) {
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
    event.wake_at = std::max(at_, snapshot_.last_at) + retry->delay;
    Emit(std::move(event));
    result_.commands.push_back(
        SetAlarm{.event_id = FrameAt(id).wait_id, .at = *FrameAt(id).wake_at});
    return;
  }
  if (frame.wait == WaitKind::kChildren) {
    const bool is_map = std::holds_alternative<MapState>(state.body);
    Emit(Of(frame, is_map ? EventType::kMapStateFailed : EventType::kParallelStateFailed));
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

void Stepper::FailMachine(FrameId id, const AslError& error) {
  const Frame& frame = FrameAt(id);
  if (frame.parent == 0) {
    return EndExecution(EventType::kExecutionFailed, std::nullopt, error, frame.last_id);
  }
  const FrameId parent = frame.parent;
  const State& owner = StateOf(FrameAt(parent));
  if (std::holds_alternative<MapState>(owner.body)) {
    HistoryEvent event = Of(frame, EventType::kMapIterationFailed);
    event.index = frame.index;
    event.state = FrameAt(parent).state;
    event.error = error;
    Emit(std::move(event));
  } else {
    Emit(Of(frame, EventType::kBranchFailed));
  }
  AbortChildren(parent);
  FailState(parent, error);
}

// Those that still run, deepest first.
void Stepper::AbortChildren(FrameId id) {
  const std::vector<FrameId> children = FrameAt(id).children;
  if (children.empty()) return;  // also a frame that has not entered a state yet
  const StateIndex owner = FrameAt(id).state;
  const bool is_map = std::holds_alternative<MapState>(StateOf(FrameAt(id)).body);
  for (const FrameId child : children) {
    AbortChildren(child);
    const Frame& frame = FrameAt(child);
    if (frame.state >= 0) Emit(Of(frame, EventType::kStateAborted));
    if (!is_map) continue;
    HistoryEvent event = Of(FrameAt(child), EventType::kMapIterationAborted);
    event.index = FrameAt(child).index;
    event.state = owner;
    Emit(std::move(event));
  }
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
    return StepRefusal::kNone;
  } catch (const OutOfFuel&) {
    return StepRefusal::kTooLong;
  }
}

std::vector<Command> OutstandingCommands(const Program& program, const Snapshot& snapshot) {
  std::vector<Command> commands;
  if (snapshot.ended) return commands;
  if (snapshot.times_out_at.has_value()) {
    commands.push_back(SetAlarm{.event_id = 0, .at = *snapshot.times_out_at});
  }
  for (const auto& [id, frame] : snapshot.frames) {
    if (frame.wait == WaitKind::kTask) {
      const State& state = program.states[static_cast<size_t>(frame.state)];
      commands.push_back(InvokeFunction{
          .event_id = frame.wait_id,
          .state = frame.state,
          .function = frame.function,
          .version = frame.function_version,
          .payload = InvocationPayload(std::get<TaskState>(state.body), *frame.payload)});
    }
    if (frame.wake_at.has_value()) {
      commands.push_back(SetAlarm{.event_id = frame.wait_id, .at = *frame.wake_at});
    }
  }
  return commands;
}

}  // namespace millrace
