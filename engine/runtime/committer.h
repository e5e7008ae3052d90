#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "engine/runtime/storage.h"

namespace millrace {

// What became of one row of a batch.
enum class RowFate {
  kDone,     // it stands in the database
  kLost,     // another's stands there, or nobody knows: read again
  kRefused,  // the database does not take this row, alone either
};

struct CommitResult {
  std::vector<RowFate> starts;
  std::vector<RowFate> appends;
  bool token_holds = true;
};

// Writes `batch` as design.md's section 4 has it: a statement whose answer is lost is sent again,
// byte for byte, and then the database is asked whose rows stand; a deadlock is tried again; a
// batch that is refused is halved until the one row is found. Returns when the fate of every row is
// known, or, once `stopping` is set and the database is out of reach, with kLost.
CommitResult CommitBatch(ExecutionStorage& storage, const WriteBatch& batch,
                         const std::atomic<bool>& stopping);

// One batch at a time, on a thread of its own, because a commit waits for the disk while the lane
// goes on stepping.
class Committer {
 public:
  using Done = std::function<void(WriteBatch, CommitResult)>;
  Committer(ExecutionStorage* storage, Done done);
  ~Committer();

  // Only while no other batch is under way. `done` is called from the committer's thread.
  void Submit(WriteBatch batch);

 private:
  void Run();

  ExecutionStorage* const storage_;
  const Done done_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;  // guards next_: handed over from the lane's thread
  std::condition_variable changed_;
  std::optional<WriteBatch> next_;
  std::thread thread_;
};

}  // namespace millrace
