// How a node reads histories: an execution's own, and those of its distributed Maps' items.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/errors.h"
#include "engine/runtime/history_view.h"
#include "engine/runtime/map_items.h"
#include "engine/runtime/resource_names.h"
#include "engine/runtime/runtime.h"

namespace millrace {

absl::StatusOr<FoldedExecution> Runtime::ReadFolded(const ExecutionKey& key, const ReadSink& sink) {
  MILLRACE_ASSIGN_OR_RETURN(ExecutionsRead read, storage_->Read({key}));
  if (read.executions.empty()) return errors::ExecutionNotFound(key.uuid.ToString());
  StoredExecution& stored = read.executions.front();
  MILLRACE_ASSIGN_OR_RETURN(Workflows::Startable of,
                            workflows_->FindByKey(stored.workflow_key, stored.revision));
  const std::vector<JournalRow> rows = std::exchange(stored.rows, {});
  try {
    MILLRACE_ASSIGN_OR_RETURN(FoldedExecution folded, Fold(stored, std::move(of)));
    MILLRACE_RETURN_IF_ERROR(
        FoldOn(rows, &folded, [&](const HistoryEvent& event, const Writer& writer) {
          if (sink) sink(event, writer, folded);
        }));
    return folded;
  } catch (const BrokenInvariant& broken) {
    Log(LogLevel::kError, "a journal cannot be folded",
        {{"execution", key.uuid.ToString()}, {"where", broken.what()}});
    return absl::DataLossError("the execution's journal cannot be folded");
  }
}

absl::StatusOr<Executions::HistoryPage> Runtime::History(const ExecutionId& id, FrameId item,
                                                         int64_t after_id, int limit,
                                                         bool reverse) {
  MILLRACE_ASSIGN_OR_RETURN(const StoredExecution stored, catalog_->GetExecution(id));
  HistoryPage page;
  MapItems items;
  std::vector<HistoryEventView> all;
  const auto sink = [&](const HistoryEvent& event, const Writer& writer,
                        const FoldedExecution& before) {
    const Program& program = *before.of.program;
    if (item != 0) items.See(program, event, before.snapshot);
    if (event.id == 0 || HistoryOf(event.id) != item) return;
    const int64_t number = NumberOf(event.id);
    if (reverse ? after_id != 0 && number >= after_id : number <= after_id) return;
    if (!reverse && all.size() > static_cast<size_t>(limit)) return;
    all.push_back(MakeHistoryEventView(program, event));
    if (event.type == EventType::kTaskScheduled) {
      all.back().idempotency_key = program.is_express
                                       ? IdempotencyKey(stored.key, event.id, stored.claims)
                                       : IdempotencyKey(stored.key, event.id, writer);
    }
  };
  MILLRACE_RETURN_IF_ERROR(ReadFolded(stored.key, sink).status());
  if (item != 0 && !items.contains(item)) {
    return errors::MapItemNotFound(absl::StrCat(NameOf(id), "/mapItems/", item));
  }
  if (reverse) std::reverse(all.begin(), all.end());
  page.more = all.size() > static_cast<size_t>(limit);
  if (page.more) all.resize(static_cast<size_t>(limit));
  page.events = std::move(all);
  return page;
}

absl::StatusOr<Executions::MapItemsPage> Runtime::ListMapItems(const ExecutionId& id, FrameId after,
                                                               int limit) {
  MILLRACE_ASSIGN_OR_RETURN(const StoredExecution stored, catalog_->GetExecution(id));
  MapItems items;
  MILLRACE_ASSIGN_OR_RETURN(const FoldedExecution folded,
                            ReadFolded(stored.key, [&](const HistoryEvent& event, const Writer&,
                                                       const FoldedExecution& before) {
                              items.See(*before.of.program, event, before.snapshot);
                            }));
  MapItemsPage page;
  for (MapItemView& item : items.All(folded.snapshot)) {
    if (item.item <= after) continue;
    page.more = page.items.size() == static_cast<size_t>(limit);
    if (page.more) break;
    page.items.push_back(std::move(item));
  }
  return page;
}

}  // namespace millrace
