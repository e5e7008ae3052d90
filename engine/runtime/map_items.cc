#include "engine/runtime/map_items.h"

#include <variant>

#include "engine/base/check.h"

namespace millrace {

void MapItems::See(const Program& program, const HistoryEvent& event, const Snapshot& before) {
  switch (event.type) {
    case EventType::kMapIterationStarted:
      return Begin(program, event, before);
    case EventType::kMapIterationSucceeded:
      return End(event, ExecutionStatus::kSucceeded);
    case EventType::kMapIterationFailed:
      return End(event, ExecutionStatus::kFailed);
    case EventType::kMapIterationAborted:
      return End(event, ExecutionStatus::kAborted);
    default:
      return;
  }
}

void MapItems::Begin(const Program& program, const HistoryEvent& event, const Snapshot& before) {
  const State& state = program.states[static_cast<size_t>(event.state)];
  if (!std::get<MapState>(state.body).is_distributed) return;
  const auto map = before.frames.find(event.frame);
  MILLRACE_CHECK(map != before.frames.end());
  const FrameId item = before.last_frame + 1;
  const int64_t run_id = map->second.wait_id;
  items_[item] = {.item = item,
                  .parent_item = HistoryOf(run_id),
                  .map_run_event_id = NumberOf(run_id),
                  .state_name = state.name,
                  .index = event.index,
                  .started_at = event.at};
}

void MapItems::End(const HistoryEvent& event, ExecutionStatus status) {
  const auto found = items_.find(event.frame);
  if (found == items_.end()) return;  // of an inline Map
  MapItemView& item = found->second;
  item.status = status;
  item.ended_at = event.at;
  if (!event.error.has_value()) return;
  item.error = event.error->name.value_or("");
  item.cause = event.error->cause.value_or("");
}

std::vector<MapItemView> MapItems::All(const Snapshot& after) const {
  std::vector<MapItemView> all;
  all.reserve(items_.size());
  for (const auto& [item, view] : items_) {
    all.push_back(view);
    // No event says so of those that run when their execution is ended from outside.
    if (view.status != ExecutionStatus::kRunning || !after.ended) continue;
    all.back().status = ExecutionStatus::kAborted;
    all.back().ended_at = after.last_at;
  }
  return all;
}

}  // namespace millrace
