#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "engine/runtime/storage.h"

namespace millrace::service {

// The storage of one node, passed through: tells a test what has been written, and can be cut off,
// which is all that the database sees of a crash.
class WatchedStorage : public ExecutionStorage {
 public:
  explicit WatchedStorage(ExecutionStorage* storage) : storage_(storage) {}

  // Nothing of what the node asks from now on is done.
  void CutOff() { is_cut_off_ = true; }

  // How many rows there are of the execution `uid` that this node has appended to its journal.
  int AppendsOf(const std::string& uid);
  // Blocks until there are more than `count`; false if that takes too long.
  bool AwaitMoreAppends(const std::string& uid, int count);

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
  absl::StatusOr<Owned> ReadOwned(const NodeIncarnation& me) override;
  absl::StatusOr<bool> MarkTakenUp(const NodeIncarnation& me, const Claim& claim) override;
  absl::Status Release(const NodeIncarnation& me, const std::vector<ExecutionKey>& keys,
                       absl::Duration rest) override;
  absl::Status Quarantine(const NodeIncarnation& me, const ExecutionKey& key,
                          const std::string& reason) override;
  absl::StatusOr<Heartbeat> Beat(const NodeIncarnation& me, const std::string& address) override;
  absl::StatusOr<std::vector<NodeRow>> ReadNodes() override;
  absl::Status RemoveNodes(const std::vector<NodeIncarnation>& nodes) override;
  absl::Status EnsurePartitions(int days_ahead) override;

 private:
  // The status of every call once it is cut off.
  absl::Status status() const;

  ExecutionStorage* const storage_;
  std::atomic<bool> is_cut_off_{false};
  std::mutex mutex_;  // guards appended_: lanes' committers write, the test waits
  std::condition_variable changed_;
  std::multiset<std::string> appended_;  // the executions' uids, one per row
};

}  // namespace millrace::service
