#pragma once

#include <map>
#include <vector>

#include "engine/core/history_event.h"
#include "engine/core/snapshot.h"
#include "engine/program/program.h"
#include "engine/runtime/views.h"

namespace millrace {

// The items of an execution's distributed Maps, gathered from its journal while that is folded: the
// execution's own history does not show them. One thread.
class MapItems {
 public:
  // The next event, with the snapshot as it is before.
  void See(const Program& program, const HistoryEvent& event, const Snapshot& before);
  // By number. `after` is the snapshot after the last event.
  std::vector<MapItemView> All(const Snapshot& after) const;

  bool contains(FrameId item) const { return items_.contains(item); }

 private:
  void Begin(const Program& program, const HistoryEvent& event, const Snapshot& before);
  void End(const HistoryEvent& event, ExecutionStatus status);

  std::map<FrameId, MapItemView> items_;
};

}  // namespace millrace
