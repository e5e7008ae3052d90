// The fold: how each journaled event changes a snapshot. Nothing else changes one.
#include <algorithm>

#include "engine/base/check.h"
#include "engine/core/map_run.h"
#include "engine/core/step.h"

namespace millrace {
namespace {

Frame& FrameOf(Snapshot& snapshot, FrameId id) {
  const auto found = snapshot.frames.find(id);
  MILLRACE_CHECK(found != snapshot.frames.end());
  return found->second;
}

void EndWait(Snapshot& snapshot, Frame& frame) {
  if (frame.wait == WaitKind::kNothing) return;
  snapshot.waits.erase(frame.wait_id);
  frame.wait = WaitKind::kNothing;
  frame.wait_id = 0;
  frame.wake_at.reset();
  frame.payload.reset();
  frame.is_submitted = false;
  frame.heartbeat_seconds.reset();
  frame.function.clear();
  frame.function_version.clear();
}

void BeginWait(Snapshot& snapshot, Frame& frame, WaitKind kind, int64_t event_id,
               std::optional<absl::Time> wake_at) {
  EndWait(snapshot, frame);
  frame.wait = kind;
  frame.wait_id = event_id;
  frame.wake_at = wake_at;
  if (kind != WaitKind::kChildren) snapshot.waits[event_id] = frame.id;
}

// The frame is counted in its history, or no longer.
void CountFrame(Snapshot& snapshot, const Frame& frame, int64_t by) {
  (frame.history == 0 ? snapshot.own_frames : FrameOf(snapshot, frame.history).own_frames) += by;
}

Frame& AddFrame(Snapshot& snapshot, MachineIndex machine, Frame* parent, int64_t index, Json data,
                int64_t last_id) {
  const FrameId id = ++snapshot.last_frame;
  Frame& frame = snapshot.frames[id];
  frame.id = id;
  frame.machine = machine;
  frame.index = index;
  frame.data = std::move(data);
  frame.last_id = last_id;
  if (parent != nullptr) {
    frame.parent = parent->id;
    frame.history = parent->history;
    frame.variables = parent->variables;
    parent->children.push_back(id);
  }
  CountFrame(snapshot, frame, 1);
  return frame;
}

void RemoveFrame(Snapshot& snapshot, FrameId id);

void RemoveChildren(Snapshot& snapshot, Frame& frame) {
  for (const FrameId child : std::vector<FrameId>(std::move(frame.children))) {
    RemoveFrame(snapshot, child);
  }
  frame.children.clear();
}

void RemoveFrame(Snapshot& snapshot, FrameId id) {
  Frame& frame = FrameOf(snapshot, id);
  RemoveChildren(snapshot, frame);
  EndWait(snapshot, frame);
  CountFrame(snapshot, frame, -1);
  snapshot.frames.erase(id);
}

// Children that run are over; the frame goes on by itself.
void EndChildren(Snapshot& snapshot, Frame& frame) {
  RemoveChildren(snapshot, frame);
  EndWait(snapshot, frame);
  frame.items = Json();
  frame.next_item = 0;
  frame.results_bytes = 0;
  frame.live_bytes = 0;
  frame.run = Json();
  frame.failed_items = 0;
  frame.failures.clear();
}

void DetachFromParent(Snapshot& snapshot, const Frame& frame, std::optional<Json> result) {
  Frame& parent = FrameOf(snapshot, frame.parent);
  parent.children.erase(std::find(parent.children.begin(), parent.children.end(), frame.id));
  parent.live_bytes -= frame.input_bytes;
  if (!result.has_value()) return;
  parent.results_bytes += static_cast<int64_t>(result->TextSize());
  parent.results[static_cast<size_t>(frame.index)] = std::move(result);
}

// A Map that failed before its children began leaves them too.
void ForgetItems(Frame& frame) {
  frame.results.clear();
  frame.items = Json();
  frame.run = Json();
  frame.next_item = 0;
}

void ApplyEntered(const HistoryEvent& event, Frame& frame) {
  frame.state = event.state;
  frame.entered_at = event.at;
  frame.entered_id = event.id;
  frame.entered_previous = event.previous_id;
  frame.data = *event.data;
  frame.attempts.clear();
  frame.retry_count = 0;
  ForgetItems(frame);
  frame.last_id = event.id;
}

void ApplyExited(const Program& program, const HistoryEvent& event, Snapshot& snapshot) {
  Frame& frame = FrameOf(snapshot, event.frame);
  EndWait(snapshot, frame);
  frame.data = *event.data;
  frame.result.reset();
  ForgetItems(frame);
  frame.last_id = event.id;
  for (const auto& [name, value] : event.assigned) frame.variables[name] = value;
  if (!event.ends_frame || frame.parent == 0) return;
  const Frame& parent = FrameOf(snapshot, frame.parent);
  const State& owner = program.states[static_cast<size_t>(parent.state)];
  if (!std::holds_alternative<ParallelState>(owner.body)) return;
  FrameOf(snapshot, frame.parent).last_id = event.id;
  DetachFromParent(snapshot, frame, frame.data);
  RemoveFrame(snapshot, event.frame);
}

void ApplyEnd(const HistoryEvent& event, Snapshot& snapshot) {
  snapshot.ended = true;
  snapshot.end = event.type;
  snapshot.output = event.data;
  if (event.error.has_value()) snapshot.error = *event.error;
  snapshot.frames.clear();
  snapshot.own_frames = 0;
  snapshot.waits.clear();
  snapshot.times_out_at.reset();
}

void ApplyTask(const HistoryEvent& event, Snapshot& snapshot) {
  Frame& frame = FrameOf(snapshot, event.frame);
  frame.last_id = event.id;
  switch (event.type) {
    case EventType::kTaskScheduled:
      BeginWait(snapshot, frame, WaitKind::kTask, event.id, event.wake_at);
      frame.payload = event.data;
      frame.heartbeat_seconds = event.heartbeat_seconds;
      frame.function = event.function;
      frame.function_version = event.function_version;
      break;
    case EventType::kTaskSucceeded:
      EndWait(snapshot, frame);
      frame.result = event.data;
      break;
    case EventType::kTaskFailed:
    case EventType::kTaskTimedOut:
      EndWait(snapshot, frame);
      break;
    case EventType::kTaskSubmitted:
      frame.is_submitted = true;
      break;
    default:  // kTaskStarted
      break;
  }
}

void BeginChildren(const HistoryEvent& event, Snapshot& snapshot, Frame& frame) {
  BeginWait(snapshot, frame, WaitKind::kChildren, event.id, std::nullopt);
  frame.last_id = event.id;
  frame.results.assign(static_cast<size_t>(event.index), std::nullopt);
}

void ApplyParallel(const Program& program, const HistoryEvent& event, Snapshot& snapshot) {
  Frame& frame = FrameOf(snapshot, event.frame);
  switch (event.type) {
    case EventType::kParallelStateStarted: {
      BeginChildren(event, snapshot, frame);
      const State& state = program.states[static_cast<size_t>(event.state)];
      const auto& branches = std::get<ParallelState>(state.body).branches;
      for (size_t i = 0; i < branches.size(); ++i) {
        AddFrame(snapshot, branches[i], &frame, static_cast<int64_t>(i), *event.data, event.id);
      }
      break;
    }
    case EventType::kParallelStateSucceeded:  // Exited comes after the same event as this one
      EndChildren(snapshot, frame);
      break;
    default:  // kParallelStateFailed
      EndChildren(snapshot, frame);
      frame.last_id = event.id;
      break;
  }
}

void ApplyBranchFailed(const HistoryEvent& event, Snapshot& snapshot) {
  const Frame& branch = FrameOf(snapshot, event.frame);
  // What follows for the Parallel comes after the event that failed the branch.
  FrameOf(snapshot, branch.parent).last_id = event.previous_id;
  DetachFromParent(snapshot, branch, std::nullopt);
  RemoveFrame(snapshot, event.frame);
}

void ApplyIterationStarted(const Program& program, const HistoryEvent& event, Snapshot& snapshot) {
  Frame& map = FrameOf(snapshot, event.frame);
  const auto& state = std::get<MapState>(program.states[static_cast<size_t>(event.state)].body);
  Frame& iteration = AddFrame(snapshot, state.processor, &map, event.index, *event.data, event.id);
  if (event.source == DataSource::kInline) {
    iteration.input_bytes = static_cast<int64_t>(event.data->TextSize());
    map.live_bytes += iteration.input_bytes;
  }
  const Json* batch = IsBatched(map.run) ? event.data->Find("Items") : nullptr;
  iteration.item_count = batch == nullptr ? 1 : static_cast<int64_t>(batch->size());
  map.next_item += iteration.item_count;
  if (!state.is_distributed) return;
  CountFrame(snapshot, iteration, -1);
  iteration.history = iteration.id;
  CountFrame(snapshot, iteration, 1);
  iteration.variables.clear();
  map.results.emplace_back();
}

void ApplyMapIteration(const Program& program, const HistoryEvent& event, Snapshot& snapshot) {
  if (event.type == EventType::kMapIterationStarted) {
    return ApplyIterationStarted(program, event, snapshot);
  }
  const Frame& iteration = FrameOf(snapshot, event.frame);
  Frame& map = FrameOf(snapshot, iteration.parent);
  std::optional<Json> result;
  if (event.type == EventType::kMapIterationSucceeded) {
    result = iteration.data;
    if (event.id != 0) map.last_id = event.id;
  } else if (event.type == EventType::kMapIterationFailed && map.run.is_object()) {
    map.failed_items += iteration.item_count;
    map.failures.push_back({.index = event.index, .error = *event.error});
  } else if (event.type == EventType::kMapIterationFailed) {
    map.last_id = iteration.last_id;  // MapStateFailed, or a retry, comes after the same event
  }
  DetachFromParent(snapshot, iteration, std::move(result));
  RemoveFrame(snapshot, event.frame);
}

void ApplyMapStarted(const Program& program, const HistoryEvent& event, Snapshot& snapshot) {
  Frame& frame = FrameOf(snapshot, event.frame);
  const auto& state = std::get<MapState>(program.states[static_cast<size_t>(event.state)].body);
  if (state.is_distributed) {  // its run begins with MapRunStarted
    frame.last_id = event.id;
  } else {
    BeginChildren(event, snapshot, frame);
  }
  frame.items = *event.data;
  frame.next_item = 0;
  frame.concurrency_max = event.concurrency_max;
}

void ApplyMapRun(const HistoryEvent& event, Snapshot& snapshot) {
  Frame& frame = FrameOf(snapshot, event.frame);
  const int64_t run_id = frame.wait_id;
  switch (event.type) {
    case EventType::kMapRunStarted: {
      frame.run = *event.data;
      frame.results.clear();
      const bool is_reading = frame.run.Find("Read") != nullptr;
      BeginWait(snapshot, frame, is_reading ? WaitKind::kReading : WaitKind::kChildren, event.id,
                std::nullopt);
      break;
    }
    case EventType::kItemsRead:
      frame.items = *event.data;
      return BeginWait(snapshot, frame, WaitKind::kChildren, run_id, std::nullopt);
    case EventType::kResultsGathered:
      // Not the id that the reading had: what comes late for that is not taken for this.
      return BeginWait(snapshot, frame, WaitKind::kWriting, frame.entered_id, std::nullopt);
    case EventType::kMapRunFailed:
      RemoveChildren(snapshot, frame);
      BeginWait(snapshot, frame, WaitKind::kChildren, run_id, std::nullopt);
      break;
    default:  // kMapRunSucceeded
      break;
  }
  frame.last_id = event.id;
}

void ApplyMap(const Program& program, const HistoryEvent& event, Snapshot& snapshot) {
  switch (event.type) {
    case EventType::kMapStateStarted:
      return ApplyMapStarted(program, event, snapshot);
    case EventType::kMapStateSucceeded:
      return EndChildren(snapshot, FrameOf(snapshot, event.frame));
    case EventType::kMapStateFailed: {
      Frame& frame = FrameOf(snapshot, event.frame);
      EndChildren(snapshot, frame);
      frame.last_id = event.id;
      return;
    }
    case EventType::kMapRunStarted:
    case EventType::kMapRunSucceeded:
    case EventType::kMapRunFailed:
    case EventType::kItemsRead:
    case EventType::kResultsGathered:
      return ApplyMapRun(event, snapshot);
    default:
      ApplyMapIteration(program, event, snapshot);
  }
}

void ApplyRetry(const HistoryEvent& event, Snapshot& snapshot) {
  Frame& frame = FrameOf(snapshot, event.frame);
  EndChildren(snapshot, frame);
  frame.results.clear();
  if (frame.attempts.size() <= static_cast<size_t>(event.index)) {
    frame.attempts.resize(static_cast<size_t>(event.index) + 1);
  }
  ++frame.attempts[static_cast<size_t>(event.index)];
  ++frame.retry_count;
  if (frame.retried_id == frame.last_id) {
    ++(frame.history == 0 ? snapshot.silent_retries
                          : FrameOf(snapshot, frame.history).silent_retries);
  }
  frame.retried_id = frame.last_id;
  // By the frame's own last event: another frame may wait by the execution's.
  BeginWait(snapshot, frame, WaitKind::kRetry, frame.last_id, event.wake_at);
}

// What the limit of data is about; the items of a Map and its iterations' inputs are not.
void SeeData(const HistoryEvent& event, Snapshot& snapshot) {
  const bool counts = event.type < EventType::kParallelStateStarted && event.data.has_value() &&
                      event.source == DataSource::kInline;
  if (!counts) return;
  snapshot.data_bytes_seen = std::max(snapshot.data_bytes_seen, event.data->TextSize());
}

void TakeId(const HistoryEvent& event, Snapshot& snapshot) {
  if (event.id == 0) return;
  if (IsShown(event)) {
    MILLRACE_CHECK(event.id == snapshot.last_id + 1);
    snapshot.last_id = event.id;
    return;
  }
  Frame& item = FrameOf(snapshot, HistoryOf(event.id));
  MILLRACE_CHECK(NumberOf(event.id) == item.history_size + 1);
  item.history_size = NumberOf(event.id);
}

void ApplyStarted(const HistoryEvent& event, Snapshot& snapshot) {
  snapshot.input = *event.data;
  snapshot.seed = event.seed;
  snapshot.started_at = event.at;
  snapshot.times_out_at = event.wake_at;
  // The first state comes after nothing, as in the real service's histories.
  AddFrame(snapshot, 0, nullptr, 0, *event.data, 0);
}

}  // namespace

void Apply(const Program& program, const HistoryEvent& event, Snapshot* snapshot) {
  MILLRACE_CHECK(!snapshot->ended);
  MILLRACE_CHECK(event.at >= snapshot->last_at);
  TakeId(event, *snapshot);
  snapshot->last_at = event.at;
  SeeData(event, *snapshot);
  switch (event.type) {
    case EventType::kExecutionStarted:
      return ApplyStarted(event, *snapshot);
    case EventType::kExecutionSucceeded:
    case EventType::kExecutionFailed:
    case EventType::kExecutionTimedOut:
    case EventType::kExecutionAborted:
      return ApplyEnd(event, *snapshot);
    case EventType::kStateEntered:
      return ApplyEntered(event, FrameOf(*snapshot, event.frame));
    case EventType::kWaitPlanned: {
      Frame& frame = FrameOf(*snapshot, event.frame);
      return BeginWait(*snapshot, frame, WaitKind::kAlarm, frame.last_id, event.wake_at);
    }
    case EventType::kStateExited:
      return ApplyExited(program, event, *snapshot);
    case EventType::kEvaluationFailed:
      FrameOf(*snapshot, event.frame).last_id = event.id;
      return;
    case EventType::kStateAborted: {
      Frame& frame = FrameOf(*snapshot, event.frame);
      EndWait(*snapshot, frame);
      frame.last_id = event.id;
      return;
    }
    case EventType::kTaskScheduled:
    case EventType::kTaskStarted:
    case EventType::kTaskSucceeded:
    case EventType::kTaskFailed:
    case EventType::kTaskTimedOut:
    case EventType::kTaskSubmitted:
      return ApplyTask(event, *snapshot);
    case EventType::kParallelStateStarted:
    case EventType::kParallelStateSucceeded:
    case EventType::kParallelStateFailed:
      return ApplyParallel(program, event, *snapshot);
    case EventType::kRetryPlanned:
      return ApplyRetry(event, *snapshot);
    case EventType::kBranchFailed:
      return ApplyBranchFailed(event, *snapshot);
    default:
      return ApplyMap(program, event, *snapshot);
  }
}

}  // namespace millrace
