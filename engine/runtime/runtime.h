#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/base/clock.h"
#include "engine/runtime/catalog_storage.h"
#include "engine/runtime/executions.h"
#include "engine/runtime/keeper.h"
#include "engine/runtime/lane.h"
#include "engine/runtime/node.h"
#include "engine/runtime/storage.h"
#include "engine/runtime/watches.h"
#include "engine/runtime/work_queue.h"
#include "engine/runtime/workflows.h"

namespace millrace {

struct RuntimeOptions {
  int lanes = 0;        // 0: half as many as there are processors, at least one
  std::string address;  // what other nodes may call this one; shown in the nodes table
  // No other node can use this database (the private cluster): every other row of `nodes` is dead,
  // so what a crash left is taken up at once.
  bool is_alone = false;
  // The time that executions see and alarms ring by; null for the database's. Keys, leases and
  // heartbeats keep to the database's. For tests, whose clock jumps.
  const Clock* clock = nullptr;
  // What distributed Maps read from and write to; null: they fail. Outlives the runtime.
  ObjectStore* objects = nullptr;
  // Ends the call of this `call_id`, which nobody waits for any more; null: it goes on.
  std::function<void(const std::string& call_id)> cancel;
};

// One node of the engine: its lanes, and what keeps them supplied. Use: construct, Start(), serve
// RPCs, Shutdown(). Thread-safe.
class Runtime : public Executions {
 public:
  using Invoke = std::function<void(const FunctionId&, Json, InvocationContext, InvocationDone)>;

  Runtime(ExecutionStorage* storage, CatalogStorage* catalog, Workflows* workflows, Invoke invoke,
          RuntimeOptions options);
  ~Runtime() override;

  // Joins the nodes, and begins to take up executions. Fails if the database cannot be read.
  absl::Status Begin();
  // Stops stepping, gives back what it holds, leaves the nodes. Calls under way are answered with
  // SHUTTING_DOWN.
  void Shutdown();

  void Start(StartRequest request, ExecutionDone done) override;
  std::shared_ptr<Waiting> Run(StartRequest request, ExecutionDone done) override;
  void Stop(const ExecutionId& id, std::string error, std::string cause,
            ExecutionDone done) override;
  absl::StatusOr<ExecutionView> Release(const ExecutionId& id,
                                        const std::string& request_id) override;
  absl::StatusOr<ExecutionView> Get(const ExecutionId& id) override;
  absl::StatusOr<ExecutionsPage> List(const ExecutionsFilter& filter,
                                      const std::optional<ExecutionKey>& after, int limit) override;
  absl::StatusOr<HistoryPage> History(const ExecutionId& id, FrameId item, int64_t after_id,
                                      int limit, bool reverse) override;
  absl::StatusOr<MapItemsPage> ListMapItems(const ExecutionId& id, FrameId after,
                                            int limit) override;
  std::shared_ptr<Waiting> Watch(const ExecutionId& id, int64_t after_id,
                                 WatchCallbacks callbacks) override;

  // One round of what runs once a second beside the sweep: deletions, partitions, old request ids,
  // watches of executions that others hold.
  void RunUpkeep();

  // The queues that workers serve.
  TaskQueues& task_queues() { return *task_queues_; }

  // `options.clock` has jumped: alarms that are now due ring at once, not when its steady passing
  // would have made them due.
  void RingDueAlarms();

 private:
  class EndWaiting;
  struct PendingChild;

  // Who waits for the start, or nullptr, and who for the end, or nullptr.
  void StartWith(StartRequest request, const Workflows::Startable& of, ExecutionDone started,
                 std::shared_ptr<EndWaiter> ended);
  void FindThenStart(StartRequest request, ExecutionDone started, std::shared_ptr<EndWaiter> ended);
  static void RefuseStart(const ExecutionDone& started, const std::shared_ptr<EndWaiter>& ended,
                          const absl::Status& status);
  // What is then to be answered, if it was not yet; its lane forgets it.
  ExecutionDone GiveUp(EndWaiter& waiter);
  // Starts the child, or finds it started, and waits for its end, if the Task does. Children that
  // another node holds, or that cannot be asked for now, are asked for again each second, until
  // they are answered or their call is cancelled.
  void StartChildOf(ChildCall call);
  void StartPending(const std::shared_ptr<PendingChild>& child);
  void AskForChildAgain(const std::shared_ptr<PendingChild>& child);
  void AnswerChild(const PendingChild& child, InvocationResult result);
  void CancelChild(const std::string& call_id);
  void Cancel(const std::string& call_id);
  void OnChildStarted(const std::shared_ptr<PendingChild>& child,
                      const absl::StatusOr<ExecutionView>& answer);
  void OnChildEnded(const std::shared_ptr<PendingChild>& child,
                    const absl::StatusOr<ExecutionView>& answer);
  void AskForChildrenAgain();
  void StopChildOf(const ExecutionId& id);
  // A start whose name is taken: the winner's answer, or why there is none.
  void ResolveStart(std::unique_ptr<Held> held);
  void AnswerWithWinner(std::unique_ptr<Held> held, const StoredExecution& winner);
  size_t LaneIndexOf(const ExecutionKey& key) const;
  Lane& LaneOf(const ExecutionKey& key);
  void DeliverAll(std::vector<std::pair<ExecutionKey, GivenEvent>> events);
  // Sees each event of a fold, with what was folded before it.
  using ReadSink =
      std::function<void(const HistoryEvent&, const Writer&, const FoldedExecution& before)>;
  absl::StatusOr<FoldedExecution> ReadFolded(const ExecutionKey& key,
                                             const ReadSink& sink = nullptr);

  ExecutionStorage* const storage_;
  CatalogStorage* const catalog_;
  Workflows* const workflows_;
  const Invoke invoke_;
  const RuntimeOptions options_;
  SynchronizedClock clock_;
  Node node_;
  std::atomic<bool> is_shut_{false};
  // Reads for callers; and, apart, steps that are too long for a lane.
  std::unique_ptr<WorkQueue> reads_;
  std::unique_ptr<WorkQueue> spare_;
  std::unique_ptr<StoreCalls> store_calls_;
  std::unique_ptr<Watches> watches_;
  std::unique_ptr<TaskQueues> task_queues_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::unique_ptr<Keeper> keeper_;

  // Guards children_ and what they have: lanes and reads add, answer and cancel, upkeep asks again.
  std::mutex children_mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<PendingChild>> children_;  // by call_id

  std::mutex upkeep_mutex_;  // guards upkeep_stopping_
  std::condition_variable upkeep_changed_;
  bool upkeep_stopping_ = false;
  int64_t upkeep_rounds_ = 0;
  // Upkeep may take long and is never urgent; the sweep is.
  std::thread upkeep_;
};

}  // namespace millrace
