#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/base/ids.h"
#include "engine/runtime/storage.h"

namespace millrace {

// What one statement saw of an execution: its own row, and what its journal adds up to.
struct ExecutionFacts {
  ExecutionKey key;
  ExecutionId id;             // empty where its workflow is missing, but for the execution's part
  bool has_revision = false;  // its workflow and revision stand
  ExecutionStatus status = ExecutionStatus::kRunning;
  std::optional<NodeIncarnation> owner;
  std::optional<absl::Time> owner_beat_at;  // nullopt: the owner has no row, or there is none
  int64_t claims = 0;
  std::optional<absl::Time> wake_at;
  std::optional<absl::Time> ended_at;

  int64_t checkpoint_seq = 0;  // of the last checkpoint; 0 without one
  int64_t rows = 0;            // of its journal
  int64_t first_seq = 0;
  // Of the rows after the last checkpoint; 0 if there are none.
  int64_t rows_since = 0;
  int64_t first_seq_since = 0;
  int64_t last_seq_since = 0;
  int64_t terminal_rows = 0;
  int64_t terminal_seq = 0;    // of the first terminal row
  int64_t last_event_seq = 0;  // of the last row that does more than fence
  int64_t journal_bytes = 0;

  // Of a child.
  std::optional<ExecutionKey> parent;
  int64_t parent_event = 0;
  bool parent_is_running = false;
  bool has_mail_for_parent = false;
};

struct FactsSlice {
  absl::Time now;  // the database's clock; of no meaning without executions
  std::vector<ExecutionFacts> executions;
};

// A key that has rows in a table, and the execution that they are said to be of.
struct KeyFacts {
  ExecutionKey key;
  bool exists = false;  // such an execution
  ExecutionId id;       // if it does
  ExecutionStatus status = ExecutionStatus::kRunning;
  int64_t rows = 0;
  absl::Duration age;  // of the oldest of the rows, where they have a time
};

// What the check of a database's integrity reads: in slices by key, each one statement that
// locks nothing and whose work grows with `limit`. Only reads. Calls block, any thread; status
// codes are those of ExecutionStorage, and ABORTED means that the slice was too much for one
// statement.
class IntegrityStorage {
 public:
  virtual ~IntegrityStorage() = default;

  // Nodes whose heartbeat is at most so old.
  virtual absl::StatusOr<int> CountLiveNodes(absl::Duration age_max) = 0;

  // The next `limit` executions by key. Fewer: these were the last.
  virtual absl::StatusOr<FactsSlice> ReadFactsAfter(const ExecutionKey& after, int limit) = 0;
  // Those of `keys` that exist.
  virtual absl::StatusOr<FactsSlice> ReadFacts(const std::vector<ExecutionKey>& keys) = 0;

  // The next `limit` keys, each once, that have rows in a table. Fewer: these were the last.
  enum class KeyedTable {
    kJournal,
    kCheckpoints,
    kMail,  // rows that are older than `age_min`, by receiver
    kWaits,
  };
  virtual absl::StatusOr<std::vector<KeyFacts>> ReadKeysAfter(KeyedTable table,
                                                              const ExecutionKey& after,
                                                              absl::Duration age_min,
                                                              int limit) = 0;
};

}  // namespace millrace
