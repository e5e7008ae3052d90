#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/runtime/executions.h"
#include "engine/runtime/storage.h"
#include "engine/runtime/work_queue.h"
#include "engine/runtime/workflows.h"

namespace millrace {

// Who follows which execution's history. A watch reads what it has not seen from the journal each
// time it is told that there is more, one reading at a time. Thread-safe.
class Watches {
 public:
  Watches(ExecutionStorage* storage, Workflows* workflows);

  std::shared_ptr<Executions::Waiting> Add(const ExecutionKey& key, int64_t after_id,
                                           Executions::WatchCallbacks callbacks);
  // The journal of `key` has grown. Costs next to nothing where nobody watches.
  void Notify(const ExecutionKey& key);
  // For executions that another node holds: asks the database whose journals have grown. Blocks.
  void LookForGrowth();
  // Ends every watch with `status`.
  void EndAll(const absl::Status& status);

 private:
  struct Watch;
  class Handle;
  void Look(const std::shared_ptr<Watch>& watch);
  void Read(const std::shared_ptr<Watch>& watch);
  void Finish(const std::shared_ptr<Watch>& watch, const absl::Status& status);
  std::vector<std::shared_ptr<Watch>> All();

  ExecutionStorage* const storage_;
  Workflows* const workflows_;
  std::atomic<int> count_{0};
  std::mutex mutex_;  // guards the map: lanes notify, callers come and go
  absl::flat_hash_map<ExecutionKey, std::vector<std::shared_ptr<Watch>>> by_key_;
  // Apart from the reads of other calls, which must not wait behind long histories.
  WorkQueue work_{2};
};

}  // namespace millrace
