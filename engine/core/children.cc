// How a step runs the branches of a Parallel and the iterations of a Map.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/core/map_run.h"
#include "engine/core/stepper.h"

namespace millrace {
namespace {

bool IsMap(const State& state) { return std::holds_alternative<MapState>(state.body); }

// How many of a Map's children may run at once; 0: any number.
int64_t ConcurrencyOf(const Frame& map) {
  const bool is_distributed = map.run.is_object();
  if (!is_distributed) return map.concurrency_max;
  if (map.concurrency_max <= 0) return kItemsAtOnceMax;
  return std::min(map.concurrency_max, kItemsAtOnceMax);
}

bool HasRoom(const Frame& map) {
  const int64_t most = ConcurrencyOf(map);
  if (most > 0 && static_cast<int64_t>(map.children.size()) >= most) return false;
  return map.children.empty() || map.live_bytes < kLiveBytesMax;
}

}  // namespace

std::optional<Readiness> ReadinessOf(const Program& program, const Frame& frame) {
  if (frame.state < 0) return Readiness::kStartMachine;
  if (frame.wait == WaitKind::kNothing) return Readiness::kExecute;
  const State& state = program.states[static_cast<size_t>(frame.state)];
  if (frame.wait != WaitKind::kChildren || !IsMap(state)) return std::nullopt;
  const bool has_items = frame.next_item < static_cast<int64_t>(frame.items.size());
  if (has_items && HasRoom(frame)) return Readiness::kStartItems;
  return std::nullopt;
}

void Stepper::StartMap(FrameId id, RunItems items) {
  HistoryEvent event = Of(FrameAt(id), EventType::kMapStateStarted);
  event.index = static_cast<int64_t>(items.items.size());
  event.data = std::move(items.items);
  event.concurrency_max = items.concurrency_max;
  Emit(std::move(event));
  if (std::get<MapState>(StateOf(FrameAt(id)).body).is_distributed) {
    return StartRun(id, std::move(items.run));
  }
  StartItems(id, FrameAt(id).last_id);
}

AslResult<Json> Stepper::NextInput(const Frame& frame) {
  const auto& map = std::get<MapState>(StateOf(frame).body);
  Evaluation evaluation = EvaluationOf(frame);
  if (IsBatched(frame.run)) return BatchInput(map, evaluation);
  return ItemInput(map, evaluation, frame.next_item,
                   frame.items.elements()[static_cast<size_t>(frame.next_item)]);
}

void Stepper::StartItems(FrameId id, int64_t previous_id) {
  const bool is_distributed = std::get<MapState>(StateOf(FrameAt(id)).body).is_distributed;
  while (FrameAt(id).next_item < static_cast<int64_t>(FrameAt(id).items.size())) {
    const Frame& frame = FrameAt(id);
    if (!HasRoom(frame)) return;
    if (IsLong() || (!is_distributed && NearsEventLimit(frame))) {
      return DoNext({Readiness::kStartItems, id});
    }
    AslResult<Json> input = NextInput(frame);
    if (!input.ok()) {
      if (is_distributed) return FailRun(id, input.error());
      AbortChildren(id);
      return FailState(id, input.error());
    }
    HistoryEvent& event = Draft(frame, EventType::kMapIterationStarted);
    event.previous_id = is_distributed ? 0 : previous_id;
    event.index = is_distributed ? static_cast<int64_t>(frame.results.size()) : frame.next_item;
    event.data = *std::move(input);
    EmitDraft();
    DoLater({Readiness::kStartMachine, snapshot_.last_frame});
  }
  if (FrameAt(id).children.empty()) CompleteChildren(id);
}

void Stepper::CompleteChildren(FrameId id) {
  const Frame& frame = FrameAt(id);
  if (frame.run.is_object()) return CompleteRun(id);
  std::vector<Json> results;
  results.reserve(frame.results.size());
  for (const std::optional<Json>& result : frame.results) results.push_back(*result);
  const bool is_map = IsMap(StateOf(frame));
  Emit(Of(frame, is_map ? EventType::kMapStateSucceeded : EventType::kParallelStateSucceeded));
  Evaluation evaluation = EvaluationOf(FrameAt(id));
  Carry(id, LeaveWith(evaluation, Json::Array(std::move(results))));
}

// Together they would not pass as an output anyway; what is kept of them is bounded.
bool Stepper::HoldsTooManyResults(FrameId id) {
  const Frame& frame = FrameAt(id);
  const auto most = std::max<int64_t>(kResultsBytesMax, static_cast<int64_t>(info_.data_bytes_max));
  if (frame.results_bytes <= most) return false;
  AslError error{
      .name = "States.DataLimitExceeded",
      .cause = absl::StrCat("The state/task '", StateOf(frame).name,
                            "' returned a result with a size exceeding the maximum number of "
                            "bytes service limit.")};
  if (frame.run.is_object()) {
    FailRun(id, error);
  } else {
    AbortChildren(id);
    FailState(id, std::move(error));
  }
  return true;
}

void Stepper::FailMachine(FrameId id, const AslError& error) {
  const Frame& frame = FrameAt(id);
  if (frame.parent == 0) {
    return EndExecution(EventType::kExecutionFailed, std::nullopt, error, frame.last_id);
  }
  const FrameId parent = frame.parent;
  if (IsMap(StateOf(FrameAt(parent)))) {
    FailIteration(frame, error);
    if (FrameAt(parent).run.is_object()) return TakeFailedItem(parent);
    AbortChildren(parent);
    return FailState(parent, error);
  }
  // As in the real service's histories, the Task that fails its branch is aborted, too; a retry of
  // the Parallel comes after the failure all the same.
  const bool is_task = frame.state >= 0 && std::holds_alternative<TaskState>(StateOf(frame).body);
  HistoryEvent failed = Of(frame, EventType::kBranchFailed);
  int64_t aborted_id = 0;
  if (is_task) {
    Emit(Of(frame, EventType::kStateAborted));
    aborted_id = FrameAt(id).last_id;
  }
  Emit(std::move(failed));
  AbortChildren(parent);
  FailState(parent, error, aborted_id);
}

void Stepper::FailIteration(const Frame& frame, const AslError& error) {
  HistoryEvent event = Of(frame, EventType::kMapIterationFailed);
  event.index = frame.index;
  event.state = FrameAt(frame.parent).state;
  event.error = error;
  Emit(std::move(event));
}

// Those that still run, deepest first.
void Stepper::AbortChildren(FrameId id) {
  const std::vector<FrameId> children = FrameAt(id).children;
  if (children.empty()) return;  // also a frame that has not entered a state yet
  const StateIndex owner = FrameAt(id).state;
  const bool is_map = IsMap(StateOf(FrameAt(id)));
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

}  // namespace millrace
