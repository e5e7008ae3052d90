#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/base/ids.h"

namespace millrace {

// Which database a node has read: system identifier, timeline and start time of its postmaster as
// one text. Another token means that rows which were read may have been lost (a failover, a
// restore), so every snapshot is to be read again.
using DatabaseToken = std::string;

// Who wrote a journal row. A node gives each of its batches the next number, from 1.
struct Writer {
  NodeIncarnation node;
  int64_t batch = 0;
  friend bool operator==(const Writer&, const Writer&) = default;
};

enum class ExecutionStatus { kRunning, kSucceeded, kFailed, kTimedOut, kAborted, kQuarantined };

// What the executions row says of an execution that has ended.
struct ExecutionEnd {
  ExecutionStatus status = ExecutionStatus::kSucceeded;
  std::string error;  // the error's name; empty if there is none
  absl::Time at;
};

// A new execution: its executions row, and row 1 of its journal.
struct StartRow {
  ExecutionKey key;
  Uuid workflow_key;
  int64_t revision_asked = 0;  // 0: the caller named none
  int64_t revision = 0;
  std::string input_hash;  // SHA-256, 32 bytes
  std::string execution_id;
  absl::Time started_at;
  std::string events;  // serialized millrace.journal.v1.Row
  std::optional<ExecutionEnd> end;
};

// One more row of an execution's journal.
struct AppendRow {
  ExecutionKey key;
  int64_t seq = 0;
  std::string events;  // empty for a row that only fences
  std::optional<ExecutionEnd> end;
  // The first row after taking up: clears the mark that makes a crash count as a loss.
  bool fence = false;
};

// What one lane writes at once. All of it hangs on the database still being `token`, and on the
// database's clock being before `deadline`.
struct WriteBatch {
  Writer writer;
  DatabaseToken token;
  absl::Time deadline;
  int format = 1;                  // of all its rows' events
  std::vector<StartRow> starts;    // at most one per (workflow_key, execution_id)
  std::vector<AppendRow> appends;  // at most one per key
};

struct WriteOutcome {
  bool token_holds = false;  // false: nothing was written
  // In the batch's order. A start that is false found its execution_id taken, or its workflow
  // deleted; an append that is false found its seq taken.
  std::vector<bool> started;
  std::vector<bool> appended;
};

struct JournalRow {
  int64_t seq = 0;
  Writer writer;
  int format = 0;
  bool terminal = false;
  std::string events;
};

// An executions row with its journal, as one statement saw both.
struct StoredExecution {
  ExecutionKey key;
  std::string project;
  std::string workflow;  // its name
  Uuid workflow_key;
  int64_t revision_asked = 0;
  int64_t revision = 0;
  std::string execution_id;
  std::string input_hash;
  ExecutionStatus status = ExecutionStatus::kRunning;
  std::optional<NodeIncarnation> owner;
  int64_t claims = 0;
  int losses = 0;
  absl::Time started_at;
  std::optional<absl::Time> ended_at;
  std::string error;
  std::vector<JournalRow> rows;  // by seq
};

struct ExecutionsRead {
  DatabaseToken token;
  absl::Time now;  // the database's clock
  std::vector<StoredExecution> executions;
};

struct Claim {
  ExecutionKey key;
  int64_t claims = 0;
  int losses = 0;
};

struct Heartbeat {
  DatabaseToken token;
  absl::Time now;
};

struct NodeRow {
  NodeIncarnation node;
  int64_t beats = 0;  // grows with each heartbeat
  std::string address;
};

// The journal and its executions, as the runtime needs them: design.md's sections 4 and 5. Calls
// block, and may be made from several threads. Status codes:
//   UNAVAILABLE  nothing was done: no connection, or the server refused it. Try again.
//   UNKNOWN      the connection broke before the answer: done or not. Write() is then to be sent
//                again unchanged, and what it did not insert to be looked up with ReadWriters().
//   ABORTED      a deadlock, a lock or statement timeout; nothing was done. Read again and retry.
//   others       the statement itself is refused (a row that does not fit): nothing was done.
class ExecutionStorage {
 public:
  virtual ~ExecutionStorage() = default;

  // One autocommitted statement.
  virtual absl::StatusOr<WriteOutcome> Write(const WriteBatch& batch) = 0;

  // Whose rows stand at these places: (key, seq).
  struct Place {
    ExecutionKey key;
    int64_t seq = 0;
  };
  struct WritersRead {
    DatabaseToken token;
    std::vector<std::optional<Writer>> writers;  // in the order asked
  };
  virtual absl::StatusOr<WritersRead> ReadWriters(const std::vector<Place>& places) = 0;

  // The executions that have these names, without their journals; nullopt where there is none.
  struct Name {
    Uuid workflow_key;
    std::string execution_id;
  };
  virtual absl::StatusOr<std::vector<std::optional<StoredExecution>>> ReadByName(
      const std::vector<Name>& names) = 0;

  // Everything that folds these executions, in one statement. Those that do not exist are left out.
  virtual absl::StatusOr<ExecutionsRead> Read(const std::vector<ExecutionKey>& keys) = 0;
  // The same of one execution, with only the rows whose seq is at least `from_seq`.
  virtual absl::StatusOr<ExecutionsRead> ReadFrom(const ExecutionKey& key, int64_t from_seq) = 0;
  // The last seq of each of these journals, in the order asked; 0 where there is none.
  virtual absl::StatusOr<std::vector<int64_t>> ReadLastSeqs(
      const std::vector<ExecutionKey>& keys) = 0;

  // Each claim makes rows this node's: owner = me, claims + 1, wake_at = null. Rows whose mark
  // stands have been lost between being taken up and their fence: losses + 1. Rows without losses
  // are marked until their fence; those with losses when their turn comes, by MarkTakenUp. At most
  // `limit` rows; others' locked rows are skipped.
  virtual absl::StatusOr<std::vector<Claim>> ClaimDue(const NodeIncarnation& me, int limit) = 0;
  // Rows whose owner is not among `alive` (which holds `me`).
  virtual absl::StatusOr<std::vector<Claim>> ClaimLost(const NodeIncarnation& me,
                                                       const std::vector<NodeIncarnation>& alive,
                                                       int limit) = 0;
  // Those of `keys` that have no owner or are this node's own.
  virtual absl::StatusOr<std::vector<Claim>> ClaimKeys(const NodeIncarnation& me,
                                                       const std::vector<ExecutionKey>& keys) = 0;

  // Marks a claimed execution until its fence. False where it is no longer this node's, under this
  // number of claims.
  virtual absl::StatusOr<bool> MarkTakenUp(const NodeIncarnation& me, const Claim& claim) = 0;

  // What the table says is this node's: for the compare.
  struct Owned {
    DatabaseToken token;
    absl::Time now;
    std::vector<Claim> claims;
  };
  virtual absl::StatusOr<Owned> ReadOwned(const NodeIncarnation& me) = 0;

  // Gives open executions back, to be claimed by any node after `rest`: owner = null, and wake_at.
  virtual absl::Status Release(const NodeIncarnation& me, const std::vector<ExecutionKey>& keys,
                               absl::Duration rest) = 0;
  // Takes an open execution that this node owns out of circulation, with the reason why.
  virtual absl::Status Quarantine(const NodeIncarnation& me, const ExecutionKey& key,
                                  const std::string& reason) = 0;

  // Upserts this node's row.
  virtual absl::StatusOr<Heartbeat> Beat(const NodeIncarnation& me, const std::string& address) = 0;
  virtual absl::StatusOr<std::vector<NodeRow>> ReadNodes() = 0;
  // Removes the rows of nodes that are known to be dead, and this node's own when it stops.
  virtual absl::Status RemoveNodes(const std::vector<NodeIncarnation>& nodes) = 0;

  // Makes sure that journal partitions stand from yesterday to `days_ahead` days from now.
  virtual absl::Status EnsurePartitions(int days_ahead) = 0;
};

}  // namespace millrace
