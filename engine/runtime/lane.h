#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "engine/base/clock.h"
#include "engine/runtime/alarm_queue.h"
#include "engine/runtime/child_calls.h"
#include "engine/runtime/committer.h"
#include "engine/runtime/fair_queue.h"
#include "engine/runtime/held.h"
#include "engine/runtime/node.h"
#include "engine/runtime/store_calls.h"
#include "engine/runtime/task_queues.h"
#include "engine/runtime/work_queue.h"
#include "engine/tasks/function_host.h"

namespace millrace {

// `claims` of what is being started or read: it is held under no number yet.
constexpr int64_t kBeingRead = -1;

// What a lane may be told. Messages come from any thread and are handled in order.
namespace lane_message {
struct Start {
  std::unique_ptr<Held> held;
};
struct Give {  // to an execution that this lane holds, or else takes up
  ExecutionKey key;
  GivenEvent event;
};
struct AwaitEnd {
  ExecutionKey key;
  std::shared_ptr<EndWaiter> waiter;
};
struct ForgetWaiters {  // those who have given up
  ExecutionKey key;
};
struct Committed {
  WriteBatch batch;
  CommitResult result;
};
struct Stepped {  // by a spare thread
  ExecutionKey key;
  Snapshot snapshot;
  StepResult result;
  StepRefusal refusal = StepRefusal::kNone;
  GivenEvent event;
  std::string broken;  // the broken invariant, if one was
  bool was_long = false;
};
struct TakenUp {
  FoldedExecution folded;
  DatabaseToken token;  // of the database it was read from
  FenceGuard fence_guard;
};
struct Gone {  // not this node's, or not there: what it was given is answered with `status`
  ExecutionKey key;
  absl::Status status;
};
struct ForgetAll {  // another database, or the first: whatever was read is to be read again
  DatabaseToken token;
};
struct ListHeld {  // for the compare: (key, claims) of what is held
  std::function<void(std::vector<Claim>)> done;
};
struct Drop {  // the table gives it to another
  ExecutionKey key;
  int64_t claims = 0;
};
}  // namespace lane_message

using LaneMessage =
    std::variant<lane_message::Start, lane_message::Give, lane_message::AwaitEnd,
                 lane_message::ForgetWaiters, lane_message::Committed, lane_message::Stepped,
                 lane_message::TakenUp, lane_message::Gone, lane_message::ForgetAll,
                 lane_message::ListHeld, lane_message::Drop>;

// The door of a lane. Tasks' answers may come when the lane is gone; then they are dropped: the
// journal knows that they are outstanding.
class LaneInbox {
 public:
  // Once it is closed, whoever waits for an answer gets SHUTTING_DOWN.
  void Post(LaneMessage message);
  void PostAll(std::vector<LaneMessage> messages);
  // All that waits, after at most `patience`.
  std::vector<LaneMessage> Take(absl::Duration patience);
  void Close();
  bool is_closed() const;

 private:
  mutable std::mutex mutex_;  // guards the rest: every thread posts, the lane takes
  std::condition_variable changed_;
  std::vector<LaneMessage> messages_;
  bool closed_ = false;
};

// Answers all who wait for this message's outcome; for anything of this execution.
void Refuse(LaneMessage message, const absl::Status& status);
void AnswerAll(Held& held, const absl::StatusOr<ExecutionView>& answer);

// What a lane asks of its surroundings. All calls return at once.
struct LaneHooks {
  // Read this execution again and send TakenUp or Gone; claim it first if nobody owns it.
  std::function<void(const ExecutionKey&)> read_again;
  // A start found its name taken: answer with the winner.
  std::function<void(std::unique_ptr<Held>)> resolve_start;
  std::function<void(const ExecutionKey&, std::string reason)> quarantine;
  // The journal of an execution has grown.
  std::function<void(const ExecutionKey&)> on_history;
  std::function<void(const FunctionId&, Json, InvocationContext, InvocationDone)> invoke;
  std::function<void(std::string call_id, StoreCall, InvocationDone)> call_store;
  std::function<void(ChildCall)> start_child;
  std::function<void(const ExecutionId&)> stop_child;
  // Nobody waits for the call with this `call_id` any more, of whatever kind: it is to end at once.
  std::function<void(const std::string& call_id)> cancel;
  // What workers are to do; that they need not; and the end of a turn, when they are told.
  std::function<void(std::vector<QueuedTask>)> offer;
  std::function<void(const TaskId&)> cancel_queued;
  std::function<void(const TaskId&)> forget_queued;
  std::function<void()> flush_queues;
};

// A single-threaded event loop that holds executions: takes waiting events, steps them, hands the
// batch to its committer, and gathers the next while that one commits. Nothing it does acts on what
// is not committed, but for EXPRESS executions, whose steps are not journaled.
class Lane {
 public:
  Lane(Node* node, const Clock* clock, ExecutionStorage* storage, WorkQueue* spare,
       LaneHooks hooks);
  ~Lane();

  LaneInbox& inbox() { return *inbox_; }

  // Handles what waits, for up to `patience` if nothing does. False once the inbox is closed.
  bool RunOnce(absl::Duration patience);

  // Runs RunOnce on a thread of its own until Stop().
  void Run();
  // Ends the loop and the committer, and answers whoever waits with `status`.
  void Stop(const absl::Status& status);

 private:
  struct DeferredCall {
    std::string call_id;
    std::function<void()> call;
  };

  void Handle(lane_message::Start message);
  void Handle(lane_message::Give message);
  void Handle(lane_message::AwaitEnd message);
  void Handle(lane_message::ForgetWaiters message);
  void Handle(lane_message::Committed message);
  void Handle(lane_message::Stepped message);
  void Handle(lane_message::TakenUp message);
  void Handle(lane_message::Gone message);
  void Handle(lane_message::ForgetAll message);
  void Handle(lane_message::ListHeld message);
  void Handle(lane_message::Drop message);

  Held* Find(const ExecutionKey& key);
  void GiveTo(Held& held, GivenEvent event);
  void MarkReady(Held& held);
  void RingAlarms();
  static bool IsDue(const Held& held, int64_t event_id);
  bool HasRoom() const;  // in the batch that is being built
  void StepReady();
  void StepEvents(Held& held);
  // False: the event waits, for a spare thread or another snapshot.
  bool StepOne(Held& held);
  static bool IsOfAnotherTask(const Held& held, const GivenEvent& given);
  void CountBytes(Held& held, const std::vector<HistoryEvent>& history);
  void StepOnSpareThread(Held& held, GivenEvent event);
  static void SettleWithRow(Held& held, GivenEvent given);
  void FailEndless(Held& held, GivenEvent given);
  bool TakeStep(Held& held, StepRefusal refusal, GivenEvent event, StepResult result);
  void AfterSteps(Held& held);
  void SubmitBatch();
  void OnStartFate(const ExecutionKey& key, const WriteBatch& batch, RowFate fate,
                   bool token_holds);
  void OnAppendFate(const ExecutionKey& key, const WriteBatch& batch, RowFate fate);
  void OnDone(Held& held, const Writer& writer);
  static bool IsAnswered(const Held& held, int64_t wait, const Writer& writer);
  void Act(Held& held, std::vector<Command> commands, const Writer& writer);
  void Dispatch(Held& held, const InvokeFunction& invoke, const Writer& writer);
  void Offer(const Held& held, const InvokeFunction& invoke, const TaskId& task,
             std::string idempotency_key, const Writer& writer);
  void Dispatch(Held& held, StoreCall call, const Writer& writer);
  void Dispatch(Held& held, StartChild call, const Writer& writer);
  void StopChildOf(const Held& held, const StartChild& child);
  // Who a call is by; nullopt: it is under way already.
  std::optional<GivenEvent::Origin> BeginCall(Held& held, int64_t event_id, const Writer& writer);
  InvocationDone AnswerTo(const ExecutionKey& key, const GivenEvent::Origin& origin) const;
  // At once, or when the node may dispatch again.
  void CallOrDefer(std::string call_id, std::function<void()> call);
  bool AddCall(Held& held, const TaskId& call);
  bool TakeAnswer(const ExecutionKey& key, const GivenEvent::Origin& origin);
  // `is_over`: the task is, for its worker, too; else only this node's part in it.
  void Cancel(const TaskId& call, bool is_over = true);
  void CancelLost(Held& held);
  void CancelAll(const Held& held);
  void FlushDeferred();
  void ReadAgain(Held& held);
  void UndoRow(Held& held);
  // Of an execution whose next row there cannot be.
  void RefuseRow(Held& held, const absl::Status& why);
  void Quarantine(Held& held, const std::string& reason);
  void End(Held& held);
  static void AnswerEnded(const Held& held, GivenEvent event);
  // Tells who waits for an event that it has had its effect.
  static void Settle(GivenEvent& event, const Held& held);

  Node* const node_;
  const Clock* const clock_;
  WorkQueue* const spare_;
  const LaneHooks hooks_;
  const std::shared_ptr<LaneInbox> inbox_;
  absl::flat_hash_map<ExecutionKey, std::unique_ptr<Held>> held_;
  // Executions that events wait for and that are being read.
  FairQueue ready_;
  AlarmQueue alarms_;
  std::vector<ExecutionKey> building_;
  size_t building_bytes_ = 0;
  bool is_committing_ = false;
  // The database that this lane's snapshots were read from.
  DatabaseToken token_;
  // After a batch that the database did not take for its token or deadline: not before then.
  int64_t submit_after_nanos_ = 0;
  // An execution that is taken up again waits for these instead of sending them out once more. Each
  // with its number, so that the late answer of a cancelled call is not taken for the next one's.
  struct UnderWay {
    uint64_t number = 0;
    bool is_queued = false;  // for a worker
  };
  absl::flat_hash_map<TaskId, UnderWay> under_way_;
  uint64_t next_call_ = 1;
  // What this turn gives to workers, all at once.
  std::vector<QueuedTask> offered_;
  // Calls that wait until this node knows again that others see it alive.
  std::deque<DeferredCall> deferred_;
  std::unique_ptr<Committer> committer_;
  std::thread thread_;
};

}  // namespace millrace
