#include "engine/runtime/integrity_rules.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/base/check.h"
#include "engine/runtime/held.h"
#include "engine/runtime/resource_names.h"

namespace millrace {
namespace {

// How far ahead a parked execution may wake.
constexpr absl::Duration kWakeAheadMax = absl::Hours(24);

bool IsOpen(ExecutionStatus status) {
  return status == ExecutionStatus::kRunning || status == ExecutionStatus::kQuarantined;
}

absl::string_view NameOf(ExecutionStatus status) {
  switch (status) {
    case ExecutionStatus::kRunning:
      return "running";
    case ExecutionStatus::kSucceeded:
      return "succeeded";
    case ExecutionStatus::kFailed:
      return "failed";
    case ExecutionStatus::kTimedOut:
      return "timed out";
    case ExecutionStatus::kAborted:
      return "aborted";
    case ExecutionStatus::kQuarantined:
      return "quarantined";
  }
  return "unknown";
}

std::string ShownName(const ExecutionId& id) {
  return id.workflow.workflow.empty() ? "" : NameOf(id);
}

IntegrityFinding Finding(IntegrityRule rule, const ExecutionFacts& facts, std::string words) {
  return {.rule = rule, .key = facts.key, .name = ShownName(facts.id), .words = std::move(words)};
}

IntegrityFinding Finding(IntegrityRule rule, const StoredExecution& stored, std::string words) {
  return {.rule = rule, .key = stored.key, .name = NameOf(stored), .words = std::move(words)};
}

std::string Seconds(absl::Duration duration) {
  return absl::StrCat(absl::ToInt64Seconds(duration), " s");
}

// Its rows since the last checkpoint go on from there, or begin with 1.
std::optional<std::string> FindGap(const ExecutionFacts& facts) {
  if (facts.rows_since == 0) return std::nullopt;
  const int64_t first = facts.checkpoint_seq + 1;
  const int64_t expected = facts.last_seq_since - first + 1;
  if (facts.first_seq_since == first && facts.rows_since == expected) return std::nullopt;
  return absl::StrCat("of the rows ", first, " to ", facts.last_seq_since, " of the journal, ",
                      expected - facts.rows_since, " are missing");
}

std::optional<std::string> FindWrongTerminals(const ExecutionFacts& facts) {
  const int64_t expected = IsOpen(facts.status) ? 0 : 1;
  if (facts.terminal_rows == expected) return std::nullopt;
  return absl::StrCat("the execution is ", NameOf(facts.status), ", and its journal has ",
                      facts.terminal_rows, " terminal rows in place of ", expected);
}

// As the database keeps a text that is only shown: it has no zero byte.
std::string KeptText(const std::string& text) {
  return absl::StrReplaceAll(text, {{absl::string_view("\0", 1), "\uFFFD"}});
}

// What the fold gave against what the row says.
std::optional<std::string> FindContradiction(const StoredExecution& stored,
                                             const Snapshot& snapshot) {
  const ExecutionStatus folded = StatusOf(snapshot);
  const bool is_quarantined = stored.status == ExecutionStatus::kQuarantined;
  if (folded != stored.status && !(is_quarantined && folded == ExecutionStatus::kRunning)) {
    return absl::StrCat("the execution is ", NameOf(stored.status), ", by its journal ",
                        NameOf(folded));
  }
  const std::optional<ExecutionEnd> end = EndOf(snapshot);
  if (!end.has_value()) {
    if (is_quarantined || stored.error.empty()) return std::nullopt;
    return "the execution runs, and its row has an error";
  }
  if (KeptText(end->error) != stored.error) {
    return "the error's name is another one than in the journal";
  }
  if (!stored.ended_at.has_value() ||
      absl::ToUnixMicros(*stored.ended_at) != absl::ToUnixMicros(end->at)) {
    return absl::StrCat(
        "by its journal the execution ended at ", absl::FormatTime(end->at), ", by its row ",
        stored.ended_at.has_value() ? absl::StrCat("at ", absl::FormatTime(*stored.ended_at))
                                    : "never");
  }
  return std::nullopt;
}

// A fold, row by row, that sees which row brought the end.
struct EndSeeker {
  FoldedExecution folded;
  // Rows, or 0: the one with the end, the one that is marked as terminal, and the first one in
  // which the history goes on after its end.
  int64_t end_seq = 0;
  int64_t marked_seq = 0;
  int64_t goes_on_seq = 0;

  absl::Status FoldOneRow(JournalRow row) {
    const int64_t seq = row.seq;
    if (row.terminal) marked_seq = seq;
    std::vector<JournalRow> rows;
    rows.push_back(std::move(row));
    return FoldOn(rows, &folded, [&](const HistoryEvent& event, const Writer&) {
      // What settles an execution's debts comes after its end, and is no part of its history.
      if (end_seq != 0 && event.id != 0 && goes_on_seq == 0) goes_on_seq = seq;
      if (end_seq == 0 && IsTerminal(event.type)) end_seq = seq;
    });
  }
};

}  // namespace

std::string NameOf(const StoredExecution& stored) {
  return NameOf(ExecutionId{{stored.project, stored.workflow}, stored.execution_id});
}

absl::string_view CodeOf(IntegrityRule rule) {
  switch (rule) {
    case IntegrityRule::kUnattended:
      return "UNATTENDED";
    case IntegrityRule::kHeldAndParked:
      return "HELD_AND_PARKED";
    case IntegrityRule::kHeldAtRest:
      return "HELD_AT_REST";
    case IntegrityRule::kEndTime:
      return "END_TIME";
    case IntegrityRule::kWorkflowMissing:
      return "WORKFLOW_MISSING";
    case IntegrityRule::kJournalMissing:
      return "JOURNAL_MISSING";
    case IntegrityRule::kJournalGap:
      return "JOURNAL_GAP";
    case IntegrityRule::kTerminalRow:
      return "TERMINAL_ROW";
    case IntegrityRule::kRowAfterTerminal:
      return "ROW_AFTER_TERMINAL";
    case IntegrityRule::kJournalWithoutExecution:
      return "JOURNAL_WITHOUT_EXECUTION";
    case IntegrityRule::kMailNotTaken:
      return "MAIL_NOT_TAKEN";
    case IntegrityRule::kWaitWithoutExecution:
      return "WAIT_WITHOUT_EXECUTION";
    case IntegrityRule::kChildEndNotTold:
      return "CHILD_END_NOT_TOLD";
    case IntegrityRule::kJournalUnreadable:
      return "JOURNAL_UNREADABLE";
    case IntegrityRule::kJournalContradicts:
      return "JOURNAL_CONTRADICTS";
    case IntegrityRule::kQuarantined:
      return "QUARANTINED";
    case IntegrityRule::kNewerFormat:
      return "NEWER_FORMAT";
  }
  return "UNKNOWN";
}

bool IsNote(IntegrityRule rule) {
  return rule == IntegrityRule::kQuarantined || rule == IntegrityRule::kNewerFormat;
}

std::optional<std::string> WhyUnattended(const ExecutionFacts& facts, const AttentionTerms& terms) {
  if (facts.status != ExecutionStatus::kRunning) return std::nullopt;
  if (facts.owner.has_value() && facts.wake_at.has_value()) return std::nullopt;  // its own rule
  if (facts.owner.has_value()) {
    if (!terms.has_live_nodes) return std::nullopt;
    if (!facts.owner_beat_at.has_value()) return "its owner is no live server";
    if (terms.now - *facts.owner_beat_at <= terms.patience) return std::nullopt;
    return absl::StrCat("its owner has not been heard of for ",
                        Seconds(terms.now - *facts.owner_beat_at));
  }
  if (!facts.wake_at.has_value()) return "it has no owner and no time to wake";
  if (*facts.wake_at > terms.now + kWakeAheadMax) {
    return absl::StrCat("it is parked until ", absl::FormatTime(*facts.wake_at),
                        ", more than 24 h ahead");
  }
  if (!terms.has_live_nodes || terms.now - *facts.wake_at <= terms.patience) return std::nullopt;
  return absl::StrCat("it should have been woken ", Seconds(terms.now - *facts.wake_at), " ago");
}

IntegrityFinding Unattended(const ExecutionFacts& facts, std::string why) {
  return Finding(IntegrityRule::kUnattended, facts,
                 absl::StrCat("nobody looks after it: ", std::move(why)));
}

IntegrityFindings JudgeFacts(const ExecutionFacts& facts) {
  IntegrityFindings findings;
  const auto add = [&](IntegrityRule rule, std::string words) {
    findings.push_back(Finding(rule, facts, std::move(words)));
  };
  if (facts.status == ExecutionStatus::kQuarantined) {
    add(IntegrityRule::kQuarantined, "it waits for an operator: its error says why");
  }
  if (facts.status != ExecutionStatus::kRunning &&
      (facts.owner.has_value() || facts.wake_at.has_value())) {
    add(IntegrityRule::kHeldAtRest,
        absl::StrCat("it is ", NameOf(facts.status), ", and has ",
                     facts.owner.has_value() ? "an owner" : "a time to wake"));
  } else if (facts.owner.has_value() && facts.wake_at.has_value()) {
    add(IntegrityRule::kHeldAndParked, "it has both an owner and a time to wake");
  }
  if (IsOpen(facts.status) == facts.ended_at.has_value()) {
    add(IntegrityRule::kEndTime,
        absl::StrCat("it is ", NameOf(facts.status),
                     facts.ended_at.has_value() ? ", and has a time of its end"
                                                : ", and has no time of its end"));
  }
  if (!facts.has_revision) {
    add(IntegrityRule::kWorkflowMissing, "its workflow, or the revision that it runs, is gone");
  }
  if (facts.rows == 0 && facts.checkpoint_seq == 0) {
    add(IntegrityRule::kJournalMissing, "it has no journal");
    return findings;
  }
  if (std::optional<std::string> gap = FindGap(facts)) {
    add(IntegrityRule::kJournalGap, *std::move(gap));
  }
  if (std::optional<std::string> wrong = FindWrongTerminals(facts)) {
    add(IntegrityRule::kTerminalRow, *std::move(wrong));
  }
  return findings;
}

bool IsFoldable(const ExecutionFacts& facts, const IntegrityFindings& findings) {
  if (facts.first_seq != 1) return false;
  for (const IntegrityFinding& finding : findings) {
    switch (finding.rule) {
      case IntegrityRule::kQuarantined:
      case IntegrityRule::kHeldAtRest:
      case IntegrityRule::kHeldAndParked:
        break;
      default:
        return false;
    }
  }
  return true;
}

std::optional<IntegrityFinding> JudgeKey(IntegrityStorage::KeyedTable table, const KeyFacts& key) {
  IntegrityFinding finding{.key = key.key, .name = ShownName(key.id)};
  switch (table) {
    case IntegrityStorage::KeyedTable::kJournal:
    case IntegrityStorage::KeyedTable::kCheckpoints:
      if (key.exists) return std::nullopt;
      finding.rule = IntegrityRule::kJournalWithoutExecution;
      finding.words = absl::StrCat(
          table == IntegrityStorage::KeyedTable::kJournal ? "a journal" : "a checkpoint",
          " of an execution that there is not");
      return finding;
    case IntegrityStorage::KeyedTable::kMail:
      // One in quarantine takes its mail when it is released.
      if (key.exists && key.status == ExecutionStatus::kQuarantined) return std::nullopt;
      finding.rule = IntegrityRule::kMailNotTaken;
      finding.words =
          absl::StrCat("nobody takes its mail: ", key.rows, " pieces, the oldest for ",
                       Seconds(key.age), key.exists ? "" : "; there is no such execution");
      return finding;
    case IntegrityStorage::KeyedTable::kWaits:
      if (key.exists && IsOpen(key.status)) return std::nullopt;
      finding.rule = IntegrityRule::kWaitWithoutExecution;
      finding.words = absl::StrCat(
          key.rows, " waits of an execution that ",
          key.exists ? absl::StrCat("has ended: it is ", NameOf(key.status)) : "there is not");
      return finding;
  }
  return std::nullopt;
}

std::optional<IntegrityFinding> JudgeJournal(StoredExecution stored, Workflows::Startable of,
                                             std::vector<int64_t>* waits) {
  std::vector<JournalRow> rows = std::exchange(stored.rows, {});
  EndSeeker seeker;
  absl::Status status;
  int64_t seq = 0;
  try {
    absl::StatusOr<FoldedExecution> unread = Fold(stored, std::move(of));
    MILLRACE_CHECK(unread.ok());  // there is nothing yet that could be wrong
    seeker.folded = *std::move(unread);
    for (JournalRow& row : rows) {
      seq = row.seq;
      status = seeker.FoldOneRow(std::move(row));
      if (!status.ok()) break;
    }
  } catch (const BrokenInvariant& broken) {
    status = absl::DataLossError(broken.what());
  }
  if (absl::IsUnimplemented(status)) {
    return Finding(
        IntegrityRule::kNewerFormat, stored,
        absl::StrCat("row ", seq, " of its journal is of a newer format: ", status.message()));
  }
  const bool fails_after_end = !status.ok() && seeker.end_seq != 0 && seq > seeker.end_seq;
  if (seeker.goes_on_seq != 0 || fails_after_end) {
    return Finding(IntegrityRule::kRowAfterTerminal, stored,
                   absl::StrCat("its history goes on in row ",
                                seeker.goes_on_seq != 0 ? seeker.goes_on_seq : seq,
                                ", after the end in row ", seeker.end_seq));
  }
  if (!status.ok()) {
    return Finding(
        IntegrityRule::kJournalUnreadable, stored,
        absl::StrCat("row ", seq, " of its journal cannot be folded: ", status.message()));
  }
  const Snapshot& snapshot = seeker.folded.snapshot;
  std::optional<std::string> contradiction = FindContradiction(stored, snapshot);
  if (!contradiction.has_value() && seeker.end_seq != seeker.marked_seq) {
    contradiction = absl::StrCat("row ", seeker.marked_seq,
                                 " of the journal is marked as terminal, and the end is in row ",
                                 seeker.end_seq);
  }
  if (contradiction.has_value()) {
    return Finding(IntegrityRule::kJournalContradicts, stored, *std::move(contradiction));
  }
  if (waits != nullptr && stored.status == ExecutionStatus::kRunning) {
    for (const auto& [event, frame] : snapshot.waits) waits->push_back(event);
  }
  return std::nullopt;
}

bool MayGoOnAfterItsEnd(const ExecutionFacts& facts) {
  return facts.terminal_rows == 1 && facts.last_event_seq > facts.terminal_seq;
}

bool MayOweItsParent(const ExecutionFacts& facts, absl::Time now, absl::Duration patience) {
  return facts.parent.has_value() && facts.parent_is_running && !facts.has_mail_for_parent &&
         facts.ended_at.has_value() && *facts.ended_at < now - patience;
}

}  // namespace millrace
