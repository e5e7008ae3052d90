#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "engine/base/clock.h"
#include "engine/runtime/lane.h"
#include "engine/runtime/node.h"
#include "engine/runtime/storage.h"
#include "engine/runtime/workflows.h"

namespace millrace {

// Keeps the promise that every open execution is held by a live node: takes up what is due, what
// dead nodes left and what this node should hold, in one thread that may block on the database.
// design.md's section 5: the sweep (each second), the compare (every 10 s), taking up with a fence,
// and what to do after a lost race.
class Keeper {
 public:
  // Where an execution's lane is.
  using LaneOf = std::function<LaneInbox&(const ExecutionKey&)>;

  Keeper(Node* node, SynchronizedClock* clock, ExecutionStorage* storage, Workflows* workflows,
         std::vector<LaneInbox*> lanes, LaneOf lane_of);
  ~Keeper();

  // One heartbeat: tells others, and learns the database's clock and token.
  absl::Status Beat();
  // One sweep. Returns how many executions it claimed.
  absl::StatusOr<int> Sweep();
  absl::Status Compare();
  // Reads what ReadAgain() asked for, a slice at a time until a compare is due; returns how many.
  int ReadAsked();
  // Takes up the next of those that were lost before, if none is under way.
  void TakeUpRisky();

  // Any thread. The lane gets TakenUp or Gone.
  void ReadAgain(const ExecutionKey& key);

  // Beats, sweeps and compares on threads of its own until Stop().
  void Run();
  void Stop();

 private:
  void RunBeats();
  void RunSweeps();
  // False once stopping.
  bool Sleep(absl::Duration duration, bool until_asked);
  bool IsCompareDue() const;
  absl::Status CompareNow();
  void SeeToken(const DatabaseToken& token);
  std::vector<NodeIncarnation> AliveNodes();
  using HeldClaims = absl::flat_hash_map<ExecutionKey, int64_t>;
  absl::StatusOr<HeldClaims> ListHeld();
  void TakeUp(const std::vector<Claim>& claims);
  void AddRisky(const Claim& claim);
  bool TakeUpNextRisky();
  absl::flat_hash_set<ExecutionKey> ReadableNow(const std::vector<Claim>& claims);
  // A node of a newer version can go on with it: releases it, for a while.
  void LeaveToOthers(const StoredExecution& stored);
  bool IsAlone() const { return seen_.empty(); }  // as far as the last sweep has seen
  // Nobody can go on with it: quarantines it, if it is open.
  void SetAside(const StoredExecution& stored, const absl::Status& why);
  void HandOutOne(const StoredExecution& stored, const DatabaseToken& token,
                  FenceGuard fence_guard);

  Node* const node_;
  SynchronizedClock* const clock_;
  ExecutionStorage* const storage_;
  Workflows* const workflows_;
  const std::vector<LaneInbox*> lanes_;
  const LaneOf lane_of_;

  // When each other node's heartbeat was last seen to change, by this node's steady clock. Only the
  // sweeping thread uses it.
  struct Seen {
    int64_t beats = -1;
    int64_t at_nanos = 0;
  };
  std::map<NodeIncarnation, Seen> seen_;
  // Set by the beating thread.
  std::atomic<bool> beats_were_interrupted_{false};
  // Executions that have been lost between claim and fence: taken up one at a time.
  std::deque<Claim> risky_;
  size_t read_at_once_ = 300;  // fewer after a statement that failed
  int64_t compared_nanos_ = 0;
  // Before its time: the heartbeat's thread asks too.
  std::atomic<bool> compare_asked_{false};

  // What others tell the keeper's threads. A fence guard may outlive the keeper, so it is shared.
  struct Orders {
    std::mutex mutex;  // guards the rest: lanes ask and let guards go, the threads are stopped
    std::condition_variable changed;
    std::vector<ExecutionKey> asked;
    std::optional<ExecutionKey> risky;  // is being taken up, and its fence is not committed yet
    bool risky_is_next = false;
    bool stopping = false;
  };
  const std::shared_ptr<Orders> orders_ = std::make_shared<Orders>();
  // A heartbeat must not wait for a sweep: others would take this node for dead.
  std::thread beating_;
  std::thread sweeping_;
};

}  // namespace millrace
