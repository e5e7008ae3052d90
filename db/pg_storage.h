#pragma once

#include <string>
#include <vector>

#include "db/pool.h"
#include "engine/runtime/storage.h"

namespace millrace::db {

// ExecutionStorage on PostgreSQL: every call is one statement, committed by itself, so that no
// transaction is ever left open by a node that freezes. Thread-safe. pg_write.cc, pg_claims.cc,
// pg_read.cc and pg_nodes.cc have a subject each; the statements stand beside their functions.
class PgStorage : public ExecutionStorage {
 public:
  // Heartbeats have a pool of their own, because a node that waits in line for a connection must
  // not look dead. Both outlive this.
  PgStorage(Pool* pool, Pool* beats) : pool_(*pool), beats_(*beats) {}
  explicit PgStorage(Pool* pool) : PgStorage(pool, pool) {}

  absl::StatusOr<WriteOutcome> Write(const WriteBatch& batch) override;

  absl::StatusOr<WritersRead> ReadWriters(const std::vector<Place>& places) override;
  absl::StatusOr<std::vector<std::optional<StoredExecution>>> ReadByName(
      const std::vector<Name>& names) override;
  absl::StatusOr<ExecutionsRead> Read(const std::vector<ExecutionKey>& keys) override;
  absl::StatusOr<ExecutionsRead> ReadFrom(const ExecutionKey& key, int64_t from_seq) override;
  absl::StatusOr<std::vector<int64_t>> ReadLastSeqs(const std::vector<ExecutionKey>& keys) override;

  absl::StatusOr<std::vector<Claim>> ClaimDue(const NodeIncarnation& me, int limit) override;
  absl::StatusOr<std::vector<Claim>> ClaimLost(const NodeIncarnation& me,
                                               const std::vector<NodeIncarnation>& alive,
                                               int limit) override;
  absl::StatusOr<std::vector<Claim>> ClaimKeys(const NodeIncarnation& me,
                                               const std::vector<ExecutionKey>& keys) override;
  absl::StatusOr<bool> MarkTakenUp(const NodeIncarnation& me, const Claim& claim) override;
  absl::StatusOr<Owned> ReadOwned(const NodeIncarnation& me) override;
  absl::Status Release(const NodeIncarnation& me, const std::vector<ExecutionKey>& keys,
                       absl::Duration rest) override;
  absl::Status Quarantine(const NodeIncarnation& me, const ExecutionKey& key,
                          const std::string& reason) override;

  absl::StatusOr<Heartbeat> Beat(const NodeIncarnation& me, const std::string& address) override;
  absl::StatusOr<std::vector<NodeRow>> ReadNodes() override;
  absl::Status RemoveNodes(const std::vector<NodeIncarnation>& nodes) override;
  absl::Status EnsurePartitions(int days_ahead) override;

 private:
  absl::StatusOr<ExecutionsRead> ReadRows(const std::vector<ExecutionKey>& keys, int64_t from_seq);

  Pool& pool_;
  Pool& beats_;
};

}  // namespace millrace::db
