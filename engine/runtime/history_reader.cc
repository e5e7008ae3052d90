#include "engine/runtime/history_reader.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/errors.h"
#include "engine/runtime/history_view.h"

namespace millrace {

absl::StatusOr<HistoryReader::News> HistoryReader::ReadOn() {
  MILLRACE_ASSIGN_OR_RETURN(ExecutionsRead read, storage_->ReadFrom(key_, next_seq()));
  if (read.token != token_ && folded_.has_value()) {
    // Rows that were folded may have been lost with a failover.
    folded_.reset();
    MILLRACE_ASSIGN_OR_RETURN(read, storage_->ReadFrom(key_, 1));
  }
  token_ = read.token;
  if (read.executions.empty()) return errors::ExecutionNotFound(key_.uuid.ToString());
  News news;
  try {
    MILLRACE_RETURN_IF_ERROR(FoldRows(read.executions.front(), &news.events));
  } catch (const BrokenInvariant& broken) {
    Log(LogLevel::kError, "a journal cannot be folded",
        {{"execution", key_.uuid.ToString()}, {"where", broken.what()}});
    return absl::DataLossError("the execution's journal cannot be folded");
  }
  if (!news.events.empty()) after_id_ = news.events.back().id;
  news.ended = folded_->snapshot.ended;
  return news;
}

absl::Status HistoryReader::FoldRows(const StoredExecution& stored,
                                     std::vector<HistoryEventView>* events) {
  if (!folded_.has_value()) {
    StoredExecution unread = stored;
    unread.rows.clear();
    MILLRACE_ASSIGN_OR_RETURN(Workflows::Startable of,
                              workflows_->FindByKey(stored.workflow_key, stored.revision));
    MILLRACE_ASSIGN_OR_RETURN(folded_, Fold(unread, std::move(of)));
  }
  const std::shared_ptr<const Program> program = folded_->of.program;
  return FoldOn(stored.rows, &*folded_, [&](const HistoryEvent& event, const Writer& writer) {
    if (!IsShown(event) || event.id <= after_id_) return;
    events->push_back(MakeHistoryEventView(*program, event));
    if (event.type != EventType::kTaskScheduled) return;
    events->back().idempotency_key = program->is_express
                                         ? IdempotencyKey(key_, event.id, stored.claims)
                                         : IdempotencyKey(key_, event.id, writer);
  });
}

}  // namespace millrace
