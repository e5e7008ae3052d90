#include "engine/runtime/held.h"

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/journal/row_codec.h"

namespace millrace {

ExecutionInfo InfoOf(const WorkflowRow& workflow, const std::string& execution_id) {
  ExecutionInfo info;
  info.workflow_name =
      absl::StrCat("projects/", workflow.id.project, "/workflows/", workflow.id.workflow);
  info.workflow_id = workflow.id.workflow;
  info.execution_name = absl::StrCat(info.workflow_name, "/executions/", execution_id);
  info.execution_id = execution_id;
  return info;
}

void NoteWriter(const HistoryEvent& event, const Snapshot& snapshot, const Writer& writer,
                TaskWriters* writers) {
  const int64_t asked = AskedBy(event, snapshot);
  // A Map that is tried again writes its results under the id that it had before: the newest row
  // counts.
  if (asked != 0) (*writers)[asked] = writer;
}

absl::StatusOr<FoldedExecution> Fold(const StoredExecution& stored, Workflows::Startable of,
                                     const FoldSink& sink) {
  FoldedExecution folded;
  folded.key = stored.key;
  folded.execution_id = stored.execution_id;
  folded.info = InfoOf(of.workflow, stored.execution_id);
  folded.claims = stored.claims;
  folded.of = std::move(of);
  MILLRACE_RETURN_IF_ERROR(FoldOn(stored.rows, &folded, sink));
  return folded;
}

absl::Status FoldOn(const std::vector<JournalRow>& rows, FoldedExecution* folded,
                    const FoldSink& sink) {
  for (const JournalRow& row : rows) {
    if (row.seq != folded->next_seq) {
      return absl::DataLossError(absl::StrCat("journal row ", folded->next_seq, " is missing"));
    }
    ++folded->next_seq;
    const HistorySink per_event = [&](const HistoryEvent& event) {
      NoteWriter(event, folded->snapshot, row.writer, &folded->writers);
      if (sink) sink(event, row.writer);
    };
    MILLRACE_RETURN_IF_ERROR(
        FoldRow(*folded->of.program, row.format, row.events, &folded->snapshot, per_event));
  }
  absl::erase_if(folded->writers,
                 [&](const auto& entry) { return !folded->snapshot.waits.contains(entry.first); });
  return absl::OkStatus();
}

ExecutionStatus StatusOf(const Snapshot& snapshot) {
  if (!snapshot.ended) return ExecutionStatus::kRunning;
  switch (snapshot.end) {
    case EventType::kExecutionSucceeded:
      return ExecutionStatus::kSucceeded;
    case EventType::kExecutionTimedOut:
      return ExecutionStatus::kTimedOut;
    case EventType::kExecutionAborted:
      return ExecutionStatus::kAborted;
    default:
      return ExecutionStatus::kFailed;
  }
}

std::optional<ExecutionEnd> EndOf(const Snapshot& snapshot) {
  if (!snapshot.ended) return std::nullopt;
  ExecutionEnd end{.status = StatusOf(snapshot), .at = snapshot.last_at};
  if (snapshot.error.has_value()) end.error = snapshot.error->name.value_or("");
  return end;
}

namespace {

// From four fifths of a limit on.
template <typename Number>
bool IsNear(Number number, Number most) {
  return number >= most - most / 5;
}

std::vector<std::string> WarningsOf(const Snapshot& snapshot, const ExecutionInfo& info) {
  std::vector<std::string> warnings;
  if (IsNear(snapshot.last_id, info.events_max)) {
    warnings.push_back(absl::StrCat("The history has ", snapshot.last_id, " of at most ",
                                    info.events_max, " events."));
  }
  if (IsNear(snapshot.data_bytes_seen, info.data_bytes_max)) {
    warnings.push_back(absl::StrCat("The largest data of a state has ", snapshot.data_bytes_seen,
                                    " of at most ", info.data_bytes_max, " bytes."));
  }
  return warnings;
}

}  // namespace

ExecutionView ViewOf(const ExecutionKey& key, const std::string& execution_id,
                     const Workflows::Startable& of, const Snapshot& snapshot) {
  ExecutionView view;
  view.key = key;
  view.id = {.workflow = of.workflow.id, .execution = execution_id};
  view.revision = of.revision;
  view.type = of.workflow.type;
  view.status = StatusOf(snapshot);
  view.started_at = snapshot.started_at;
  view.input = snapshot.input.ToText();
  view.warnings = WarningsOf(snapshot, InfoOf(of.workflow, execution_id));
  if (!snapshot.ended) return view;
  view.ended_at = snapshot.last_at;
  if (snapshot.end == EventType::kExecutionSucceeded) view.output = snapshot.output->ToText();
  if (snapshot.error.has_value()) {
    view.error = snapshot.error->name.value_or("");
    view.cause = snapshot.error->cause.value_or("");
  }
  return view;
}

std::string IdempotencyKey(const ExecutionKey& key, int64_t event_id, const Writer& writer) {
  return absl::StrCat(key.uuid.ToString(), ":", event_id, ":", writer.node.uuid.ToString(), ":",
                      writer.batch);
}

std::string IdempotencyKey(const ExecutionKey& key, int64_t event_id, int64_t claims) {
  return absl::StrCat(key.uuid.ToString(), ":", event_id, ":", claims);
}

}  // namespace millrace
