#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/ids.h"
#include "engine/runtime/integrity_storage.h"
#include "engine/runtime/workflows.h"

// What must hold of every execution in the database, as pure functions: what was read goes in,
// what breaks a rule comes out. docs/fsck.md says what each rule is for.
namespace millrace {

enum class IntegrityRule {
  kUnattended,
  kHeldAndParked,
  kHeldAtRest,
  kEndTime,
  kWorkflowMissing,
  kJournalMissing,
  kJournalGap,
  kTerminalRow,
  kRowAfterTerminal,
  kJournalWithoutExecution,
  kMailNotTaken,
  kWaitWithoutExecution,
  kChildEndNotTold,
  kJournalUnreadable,
  kJournalContradicts,
  // What is no damage, but to be known: notes.
  kQuarantined,
  kNewerFormat,
};

// "JOURNAL_GAP": stable, for programs.
absl::string_view CodeOf(IntegrityRule rule);
bool IsNote(IntegrityRule rule);

// A rule that an execution breaks, or a note on it. The words hold nothing of its data.
struct IntegrityFinding {
  IntegrityRule rule = IntegrityRule::kUnattended;
  ExecutionKey key;
  std::string name;  // the execution's resource name; empty where there is no execution
  std::string words;
};
using IntegrityFindings = std::vector<IntegrityFinding>;

// A stored execution's resource name.
std::string NameOf(const StoredExecution& stored);

struct AttentionTerms {
  absl::Time now;  // the database's clock
  absl::Duration patience;
  // Without a live node nobody is expected to be in time.
  bool has_live_nodes = true;
};

// Why nobody looks after an execution; nullopt for one that is looked after, and for one that needs
// it no more. It may be on its way from one node to another: only who stays so breaks the rule.
std::optional<std::string> WhyUnattended(const ExecutionFacts& facts, const AttentionTerms& terms);
IntegrityFinding Unattended(const ExecutionFacts& facts, std::string why);

// All that the executions row and the sums of the journal tell, but for attention.
IntegrityFindings JudgeFacts(const ExecutionFacts& facts);
// Whether a fold can tell more: the journal is whole, and is not known to contradict.
bool IsFoldable(const ExecutionFacts& facts, const IntegrityFindings& findings);

// Of keys that have rows in a table.
std::optional<IntegrityFinding> JudgeKey(IntegrityStorage::KeyedTable table, const KeyFacts& key);

// Folds a journal, and holds it against its executions row. `of` is the execution's revision. The
// open waits of one that runs go to `waits`, unless it is null.
std::optional<IntegrityFinding> JudgeJournal(StoredExecution stored, Workflows::Startable of,
                                             std::vector<int64_t>* waits = nullptr);

// Rows that do more than fence come after the terminal one: a fold tells whether they may.
bool MayGoOnAfterItsEnd(const ExecutionFacts& facts);

// A child that has ended, whose parent runs and has no mail from it.
bool MayOweItsParent(const ExecutionFacts& facts, absl::Time now, absl::Duration patience);

}  // namespace millrace
