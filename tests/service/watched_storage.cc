#include "tests/service/watched_storage.h"

#include "engine/base/status_macros.h"
#include "tests/support/patience.h"

namespace millrace::service {

absl::Status WatchedStorage::status() const {
  return is_cut_off_ ? absl::UnavailableError("cut off") : absl::OkStatus();
}

int WatchedStorage::AppendsOf(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(appended_.count(uid));
}

bool WatchedStorage::AwaitMoreAppends(const std::string& uid, int count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience,
                           [&] { return static_cast<int>(appended_.count(uid)) > count; });
}

absl::StatusOr<WriteOutcome> WatchedStorage::Write(const WriteBatch& batch) {
  MILLRACE_RETURN_IF_ERROR(status());
  absl::StatusOr<WriteOutcome> outcome = storage_->Write(batch);
  if (!outcome.ok() || !outcome->token_holds) return outcome;
  {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < batch.appends.size(); ++i) {
      if (outcome->appended[i]) appended_.insert(batch.appends[i].key.uuid.ToString());
    }
  }
  changed_.notify_all();
  return outcome;
}

absl::StatusOr<ExecutionStorage::WritersRead> WatchedStorage::ReadWriters(
    const std::vector<Place>& places) {
  MILLRACE_RETURN_IF_ERROR(status());
  return storage_->ReadWriters(places);
}

absl::StatusOr<std::vector<std::optional<StoredExecution>>> WatchedStorage::ReadByName(
    const std::vector<Name>& names) {
  MILLRACE_RETURN_IF_ERROR(status());
  return storage_->ReadByName(names);
}

absl::StatusOr<ExecutionsRead> WatchedStorage::Read(const std::vector<ExecutionKey>& keys) {
  MILLRACE_RETURN_IF_ERROR(status());
  return storage_->Read(keys);
}

absl::StatusOr<ExecutionsRead> WatchedStorage::ReadFrom(const ExecutionKey& key, int64_t from_seq) {
  MILLRACE_RETURN_IF_ERROR(status());
  return storage_->ReadFrom(key, from_seq);
}

absl::StatusOr<std::vector<int64_t>> WatchedStorage::ReadLastSeqs(
    const std::vector<ExecutionKey>& keys) {
  MILLRACE_RETURN_IF_ERROR(status());
  return storage_->ReadLastSeqs(keys);
}

absl::StatusOr<std::vector<Claim>> WatchedStorage::ClaimDue(const NodeIncarnation& me, int limit) {
  MILLRACE_RETURN_IF_ERROR(status());
  return storage_->ClaimDue(me, limit);
}

absl::StatusOr<std::vector<Claim>> WatchedStorage::ClaimLost(
    const NodeIncarnation& me, const std::vector<NodeIncarnation>& alive, int limit) {
  MILLRACE_RETURN_IF_ERROR(status());
  return storage_->ClaimLost(me, alive, limit);
}

absl::StatusOr<std::vector<Claim>> WatchedStorage::ClaimKeys(
    const NodeIncarnation& me, const std::vector<ExecutionKey>& keys) {
  MILLRACE_RETURN_IF_ERROR(status());
  return storage_->ClaimKeys(me, keys);
}

absl::StatusOr<ExecutionStorage::Owned> WatchedStorage::ReadOwned(const NodeIncarnation& me) {
  MILLRACE_RETURN_IF_ERROR(status());
  return storage_->ReadOwned(me);
}

absl::StatusOr<bool> WatchedStorage::MarkTakenUp(const NodeIncarnation& me, const Claim& claim) {
  MILLRACE_RETURN_IF_ERROR(status());
  return storage_->MarkTakenUp(me, claim);
}

absl::Status WatchedStorage::Release(const NodeIncarnation& me,
                                     const std::vector<ExecutionKey>& keys, absl::Duration rest) {
  MILLRACE_RETURN_IF_ERROR(status());
  return storage_->Release(me, keys, rest);
}

absl::Status WatchedStorage::Quarantine(const NodeIncarnation& me, const ExecutionKey& key,
                                        const std::string& reason) {
  MILLRACE_RETURN_IF_ERROR(status());
  return storage_->Quarantine(me, key, reason);
}

absl::StatusOr<Heartbeat> WatchedStorage::Beat(const NodeIncarnation& me,
                                               const std::string& address) {
  MILLRACE_RETURN_IF_ERROR(status());
  return storage_->Beat(me, address);
}

absl::StatusOr<std::vector<NodeRow>> WatchedStorage::ReadNodes() {
  MILLRACE_RETURN_IF_ERROR(status());
  return storage_->ReadNodes();
}

absl::Status WatchedStorage::RemoveNodes(const std::vector<NodeIncarnation>& nodes) {
  MILLRACE_RETURN_IF_ERROR(status());
  return storage_->RemoveNodes(nodes);
}

absl::Status WatchedStorage::EnsurePartitions(int days_ahead) {
  MILLRACE_RETURN_IF_ERROR(status());
  return storage_->EnsurePartitions(days_ahead);
}

}  // namespace millrace::service
