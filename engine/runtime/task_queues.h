#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "engine/json/json.h"
#include "engine/runtime/held.h"
#include "engine/runtime/task_token.h"

namespace millrace {

// A task that waits in a queue for a worker, or that one holds.
struct QueuedTask {
  TaskId id;
  std::string project;
  std::string queue;
  Json payload;
  std::string execution_name;  // resource name
  std::string idempotency_key;
  std::optional<absl::Duration> heartbeat;  // the Task's HeartbeatSeconds
  // It was scheduled before this node took its execution up: a worker may have it. It is given to
  // another one only when nobody has claimed it for the time of a lease.
  bool may_be_held = false;
};

// A worker's answer to a task.
struct WorkerResult {
  TaskId task;
  int64_t number = 0;  // the worker's, for the acknowledgement
  AslResult<Json> outcome;
};

// What a worker is to be told.
struct WorkerMail {
  std::vector<std::shared_ptr<const QueuedTask>> items;
  std::vector<int64_t> acknowledged;
  std::vector<int64_t> returned;  // results to be sent again later
  std::vector<TaskId> cancelled;
  std::optional<absl::Status> end;  // the last that it is told

  bool empty() const {
    return items.empty() && acknowledged.empty() && returned.empty() && cancelled.empty() &&
           !end.has_value();
  }
};

// The queues of this node, between its lanes and the workers whose streams it serves. A task is
// under way at one worker at a time, as far as this node knows; it goes to another one when its
// worker has not been heard of for a lease. Everything here is in memory only: after a crash, the
// journal knows which tasks are outstanding, and workers say which of them they hold.
// Thread-safe: nothing blocks, and no callback is called with the lock.
class TaskQueues {
 public:
  struct Options {
    absl::Duration lease = absl::Seconds(5);
    // Tests turn the clock by hand; nullptr: the steady clock, and a thread that ticks.
    std::function<int64_t()> steady_nanos = nullptr;
  };
  // Gives events to the executions' lanes.
  using Deliver = std::function<void(std::vector<std::pair<ExecutionKey, GivenEvent>>)>;

  TaskQueues(Options options, Deliver deliver);
  ~TaskQueues();

  absl::Duration lease() const { return options_.lease; }
  // The key of all task tokens (TaskTokens). Set once, before streams are opened.
  void SetTokenKey(std::string key) { token_key_ = std::move(key); }
  const std::string& token_key() const { return token_key_; }

  // For lanes. Workers hear of it with the next Flush().
  void Offer(std::vector<QueuedTask> tasks);
  void Cancel(const TaskId& task);
  // The task may go on, but is no longer this node's: nobody is told.
  void Forget(const TaskId& task);
  void Flush();

  // A worker's stream. Owned by who has opened it, until Close().
  class Session;
  struct SessionOptions {
    std::string project;
    std::vector<std::string> queues;
    int64_t items_max = 1;
    std::vector<TaskId> held;  // from earlier streams
    // There is mail: Take() it. Called from any thread, without a lock.
    std::function<void()> wake;
  };
  std::shared_ptr<Session> Open(SessionOptions options);
  // Its items are kept for it for a lease.
  void Close(const std::shared_ptr<Session>& session);
  // What there is to be told, about `bytes_max` of it.
  WorkerMail Take(Session& session, size_t bytes_max);

  // While the worker is not listened to, its silence means nothing.
  void SetPaused(Session& session, bool is_paused);
  // The worker has said something; these of its items go on.
  void Hear(Session& session, const std::vector<TaskId>& heartbeats);
  // The lanes acknowledge each when it is durable, or no longer matters.
  void TakeResults(const std::shared_ptr<Session>& session, std::vector<WorkerResult> results);

  // Ends sessions that are silent for a lease, hands on what they held, and fails tasks whose
  // heartbeat is missed. Called some times a second.
  void Tick();
  // Ends all sessions with `status`.
  void Shutdown(const absl::Status& status);

 private:
  struct QueueName {
    std::string project;
    std::string queue;
    friend bool operator==(const QueueName&, const QueueName&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const QueueName& name) {
      return H::combine(std::move(h), name.project, name.queue);
    }
  };
  struct Queue {
    // Those that wait, in order; some are stale: their ticket is not their item's any more.
    std::deque<std::pair<uint64_t, TaskId>> waiting;
    size_t stale = 0;  // how many of them, about
    std::vector<Session*> sessions;
    size_t next_session = 0;
  };
  struct Item {
    std::shared_ptr<const QueuedTask> task;
    Session* session = nullptr;   // that holds it
    uint64_t ticket = 0;          // of its place in the queue; 0: it has none
    int64_t lapses_at_nanos = 0;  // without a session or place: nobody else gets it before
    int64_t heard_at_nanos = 0;   // of its own heartbeats
  };

  int64_t Now() const;
  void AddOne(QueuedTask task);
  Session* FreeSession(Queue& queue);
  void Assign(Item& item, Session& session);
  // To a session that has room, else into the queue.
  void Place(Item& item, bool at_front);
  void TakeOver(const TaskId& id, Session& session);
  void DropStale(Queue& queue);
  void EraseIfIdle(const QueueName& name);
  void Enqueue(Item& item, bool at_front);
  void LetLapse(const TaskId& id, Item& item, int64_t at_nanos);
  void Fill(Session& session);
  void Leave(Session& session);
  void Remove(const TaskId& id);
  void MarkDirty(Session& session);
  void TickLapses(int64_t now);
  std::vector<std::pair<ExecutionKey, GivenEvent>> TakeMissedHeartbeats(int64_t now);
  void Run();

  const Options options_;
  const Deliver deliver_;
  std::string token_key_;
  // Guards the rest: lanes offer, and streams take, from many threads. Each holds it for a batch of
  // map operations only.
  mutable std::mutex mutex_;
  absl::flat_hash_map<QueueName, Queue> queues_;
  absl::flat_hash_map<TaskId, Item> items_;
  absl::flat_hash_set<TaskId> beating_;    // held, and their Tasks have heartbeats
  std::multimap<int64_t, TaskId> lapses_;  // by time; some are stale
  // Claimed by a worker before their lanes have offered them.
  absl::flat_hash_map<TaskId, Session*> claimed_;
  absl::flat_hash_map<Session*, std::shared_ptr<Session>> sessions_;
  std::vector<std::shared_ptr<Session>> dirty_;
  uint64_t last_ticket_ = 0;
  bool is_shut_ = false;
  std::condition_variable stopped_;
  std::thread ticking_;  // leases lapse while nothing else happens
};

}  // namespace millrace
