#pragma once

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "engine/core/evaluation.h"
#include "engine/core/states/outcome.h"
#include "engine/core/step.h"

namespace millrace {

// What a frame, or a Map for its next items, can do without waiting.
enum class Readiness { kExecute, kStartItems, kStartMachine };
std::optional<Readiness> ReadinessOf(const Program& program, const Frame& frame);

// What a Map's children may hold together: their inputs while they run, where that is more than
// one, and their results.
inline constexpr int64_t kLiveBytesMax = 16 << 20;
inline constexpr int64_t kResultsBytesMax = 64 << 20;
// How many items of a distributed Map run at once at most, as in the real service.
inline constexpr int64_t kItemsAtOnceMax = 10'000;

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
        fuel_reserve_(fuel / 2),
        snapshot_(*snapshot),
        result_(*result) {}

  StepRefusal Take(const Started& started);
  StepRefusal Take(const TaskSucceeded& succeeded);
  StepRefusal Take(const ChildStarted& started);
  StepRefusal Take(const TaskFailed& failed);
  StepRefusal Take(const HeartbeatMissed& missed);
  StepRefusal Take(const AlarmRang& rang);
  StepRefusal Take(const StopRequested& stop);
  StepRefusal Take(const StepEndless& endless);
  StepRefusal Take(const Resumed& resumed);

  // Does what is to be done, or as much of it as one step may.
  void Finish();
  // Of children whose Tasks are over.
  const std::vector<Command>& stops() const { return stops_; }

 private:
  struct Work {
    Readiness kind;
    FrameId frame;
  };
  bool IsIdle() const { return next_.empty() && queue_begin_ == queue_.size(); }
  void DoNext(Work work) { next_.push_back(work); }
  void DoLater(Work work) { queue_.push_back(work); }
  Work TakeWork();

  const State& StateOf(const Frame& frame) const {
    return program_.states[static_cast<size_t>(frame.state)];
  }
  Frame& FrameAt(FrameId id) { return snapshot_.frames.at(id); }
  Evaluation EvaluationOf(const Frame& frame) {
    return Evaluation({.program = program_, .info = info_, .snapshot = snapshot_, .at = Now()},
                      frame, &fuel_);
  }
  absl::Time Now() const { return std::max(at_, snapshot_.last_at); }
  // The frame whose wait of this kind the event ends, or why there is none.
  std::pair<Frame*, StepRefusal> FindWait(int64_t event_id, std::initializer_list<WaitKind> kinds);

  bool IsStale(const Work& work, const Frame& frame) const;
  // Most events are made where they stay: nothing else is emitted before EmitDraft().
  HistoryEvent& Draft(const Frame& frame, EventType type);
  void EmitDraft();
  void Emit(HistoryEvent&& event);
  HistoryEvent Of(const Frame& frame, EventType type) const;
  // Where the event takes a task's child from it, that is to be stopped.
  void NoteLostChild(const HistoryEvent& event);
  // Whether the rest is better left to the next step: this one's row is large, or its fuel low.
  bool IsLong() const;
  // All that is ready in the snapshot is to be done.
  void GatherReady();

  void EnterState(FrameId id, StateIndex state, Json input);
  void Execute(FrameId id);
  void Carry(FrameId id, Outcome outcome);
  void LeaveState(FrameId id, Exit exit, std::optional<StateIndex> next);
  void EndMachine(FrameId id);
  void CompleteChildren(FrameId id);
  void StartMap(FrameId id, RunItems items);
  // As many as the concurrency allows; they come after the event `previous_id`.
  void StartItems(FrameId id, int64_t previous_id);
  AslResult<Json> NextInput(const Frame& frame);
  bool MayStartItem(const Frame& frame) const;
  bool HoldsTooManyResults(FrameId id);

  // A distributed Map (map_run.cc).
  void StartRun(FrameId id, AslResult<Json> terms);
  void TakeItems(FrameId id, const Json& items);
  void TakeFailedItem(FrameId id);
  void CompleteRun(FrameId id);
  void EndRun(FrameId id, const Json& result);
  void FailRun(FrameId id, const AslError& error);
  void LeaveWait(FrameId id);
  void TimeOutTask(FrameId id, std::string name);
  // Whether what ending the execution emits, or the item in whose history the frame is, just fits
  // under the limit of events.
  bool NearsEventLimit(const Frame& frame) const {
    const int64_t reserve = 2 + 2 * OwnFramesOf(snapshot_, frame);
    return EventsOf(snapshot_, frame) + reserve >= info_.events_max;
  }
  AslError TooManyEvents() const;
  // Ends the execution, or the item whose history it is, where no more events fit. False: they do.
  bool EndsAtEventLimit(const Frame& frame);
  void ReportEvaluation(FrameId id, const AslError& error);
  void FailEntered(FrameId id, AslError error);
  // ParallelStateFailed comes after `failed_id`, where there is one.
  void FailState(FrameId id, AslError error, int64_t failed_id = 0);
  void FailMachine(FrameId id, const AslError& error);
  void FailIteration(const Frame& frame, const AslError& error);
  void AbortChildren(FrameId id);
  void EndExecution(EventType type, std::optional<Json> output, std::optional<AslError> error,
                    int64_t previous_id);
  void Schedule(FrameId id, CallFunction call);

  const Program& program_;
  const ExecutionInfo& info_;
  const absl::Time at_;
  Fuel fuel_;
  const Fuel fuel_reserve_;
  size_t row_bytes_ = 0;
  Snapshot& snapshot_;
  StepResult& result_;
  // The last of those comes first, and all before these.
  absl::InlinedVector<Work, 4> next_;
  absl::InlinedVector<Work, 4> queue_;
  size_t queue_begin_ = 0;
  std::vector<Command> stops_;
};

}  // namespace millrace
