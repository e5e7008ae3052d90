#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/runtime/storage.h"

namespace millrace::testing {

// ExecutionStorage in memory, with a clock, a token and faults that a test orders. It answers as
// PgStorage does, which tests/db/storage_contract_test.cc proves by asking both the same. Each call
// is one statement: it sees and changes everything at once. Thread-safe.
//
//   MemoryStorage storage;
//   storage.FailNext(Call::kWrite, absl::UnknownError("lost"), When::kDone);  // done, answer lost
//   const auto gate = storage.BlockNext(Call::kWrite);                        // the one after that
class MemoryStorage : public ExecutionStorage {
 public:
  explicit MemoryStorage(absl::Time now = absl::FromUnixSeconds(1'800'000'000));

  // Faults. Those of a kind of call are used up in the order in which they were ordered, one by
  // each call.
  enum class Call {
    kWrite,
    kReadWriters,
    kReadByName,
    kRead,
    kClaim,
    kReadOwned,
    kRelease,
    kQuarantine,
    kBeat
  };
  enum class When { kNotDone, kDone };
  // A call that waits until it is let go.
  class Gate {
   public:
    // Whether a call came, within 10 s.
    bool AwaitCall();
    void Open();
    void Pass();  // the call's

   private:
    std::mutex mutex_;  // guards the rest: the test's thread and the call's
    std::condition_variable changed_;
    bool has_come_ = false;
    bool is_open_ = false;
  };
  // `status` OK: nothing goes wrong with that one.
  void FailNext(Call call, absl::Status status, When when = When::kNotDone);
  // It is done, or not yet, when it waits; then it answers with `status`, or as ever if that is OK.
  std::shared_ptr<Gate> BlockNext(Call call, When when = When::kNotDone,
                                  absl::Status status = absl::OkStatus());
  // From now on every batch with a row of this execution is refused for what it is.
  void Refuse(const ExecutionKey& key);

  // The database.
  void AddWorkflow(const Uuid& key, std::string project, std::string workflow);
  void DeleteWorkflow(const Uuid& key);
  absl::Time Now() const;
  void Advance(absl::Duration duration);
  DatabaseToken token() const;
  // Another token, and all rows are still there.
  void Restart();
  // What a standby had: FailOver() loses whatever was written since, and gives another token.
  struct State;
  using Standby = std::shared_ptr<const State>;
  Standby Replicate() const;
  void FailOver(const Standby& standby);

  // What a rival does. A row is the next of its journal; a new owner has claimed it.
  void AppendAs(const Writer& writer, const ExecutionKey& key, std::string events = "");
  void GiveTo(const ExecutionKey& key, const NodeIncarnation& owner);
  void Park(const ExecutionKey& key, absl::Time wake_at);
  void SetFormat(const ExecutionKey& key, int format);  // of its last row

  // What stands there.
  struct Row {
    StoredExecution execution;  // with its journal
    std::optional<absl::Time> wake_at;
    bool unfenced = false;
  };
  std::optional<Row> Find(const ExecutionKey& key) const;
  // Every batch that Write was given, in order.
  std::vector<WriteBatch> batches() const;
  int CallsOf(Call call) const;

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
  struct Fault {
    When when = When::kNotDone;
    absl::Status status;
    std::shared_ptr<Gate> gate;
  };
  // Does `statement` under the lock, with the fault that is ordered for it.
  template <typename Statement>
  auto Run(Call call, Statement statement) -> absl::StatusOr<decltype(statement())>;
  DatabaseToken TokenNow() const { return "token " + std::to_string(tokens_); }
  bool Fits(const ExecutionKey& key, int64_t seq) const;
  absl::StatusOr<WriteOutcome> WriteAll(const WriteBatch& batch);
  absl::StatusOr<bool> StartOne(const WriteBatch& batch, const StartRow& start);
  absl::StatusOr<bool> AppendOne(const WriteBatch& batch, const AppendRow& append);
  Claim TakeUp(const NodeIncarnation& me, Row* row);
  StoredExecution WithJournal(const StoredExecution& execution) const;

  mutable std::mutex mutex_;  // guards the rest
  std::shared_ptr<State> state_;
  absl::Time now_;
  int tokens_ = 1;
  std::map<Call, std::deque<Fault>> faults_;
  std::map<Call, int> calls_;
  std::vector<ExecutionKey> refused_;
  std::vector<WriteBatch> batches_;
};

}  // namespace millrace::testing
