#include "engine/runtime/task_queues.h"

#include <algorithm>
#include <chrono>

#include "engine/base/clock.h"

namespace millrace {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(250);
// What a message has besides an item's payload, about.
constexpr size_t kItemBytes = 300;

}  // namespace

class TaskQueues::Session : public ResultReceiver {
 public:
  Session(TaskQueues* queues, SessionOptions given) : queues_(queues), options(std::move(given)) {}

  // Any thread.
  void Settle(int64_t result, bool is_final) override {
    const std::lock_guard lock(queues_->mutex_);
    (is_final ? mail.acknowledged : mail.returned).push_back(result);
    if (is_open) queues_->MarkDirty(*this);
  }

 private:
  friend class TaskQueues;
  TaskQueues* const queues_;
  // All that follows is guarded by the queues' mutex.
  const SessionOptions options;
  absl::flat_hash_set<TaskId> held;
  WorkerMail mail;
  size_t next_queue = 0;
  int64_t heard_at_nanos = 0;
  bool is_open = true;
  bool is_paused = false;
  bool is_dirty = false;

  // What is cancelled leaves room, but not among what has not been sent.
  int64_t room() const {
    const size_t most = std::max(held.size(), mail.items.size());
    return options.items_max - static_cast<int64_t>(most);
  }
};

TaskQueues::TaskQueues(Options options, Deliver deliver)
    : options_(std::move(options)), deliver_(std::move(deliver)) {
  if (!options_.steady_nanos) ticking_ = std::thread([this] { Run(); });
}

TaskQueues::~TaskQueues() { Shutdown(absl::CancelledError("the queues are gone")); }

int64_t TaskQueues::Now() const {
  return options_.steady_nanos ? options_.steady_nanos() : SteadyNanos();
}

void TaskQueues::Run() {
  std::unique_lock lock(mutex_);
  while (!is_shut_) {
    stopped_.wait_for(lock, absl::ToChronoMilliseconds(kTick));
    if (is_shut_) return;
    lock.unlock();
    Tick();
    lock.lock();
  }
}

void TaskQueues::Offer(std::vector<QueuedTask> tasks) {
  const std::lock_guard lock(mutex_);
  for (QueuedTask& task : tasks) AddOne(std::move(task));
}

void TaskQueues::AddOne(QueuedTask task) {
  const TaskId id = task.id;
  const auto [found, is_new] = items_.try_emplace(id);
  if (!is_new) return;  // it is under way already
  Item& item = found->second;
  const bool may_be_held = task.may_be_held;
  item.task = std::make_shared<const QueuedTask>(std::move(task));
  if (const auto claimed = claimed_.find(id); claimed != claimed_.end()) {
    item.session = claimed->second;  // which counts it among what it holds
    item.heard_at_nanos = Now();
    if (item.task->heartbeat.has_value()) beating_.insert(id);
    claimed_.erase(claimed);
    return;
  }
  if (may_be_held) return LetLapse(id, item, Now() + absl::ToInt64Nanoseconds(options_.lease));
  Place(item, /*at_front=*/false);
}

void TaskQueues::Place(Item& item, bool at_front) {
  Queue& queue = queues_[{item.task->project, item.task->queue}];
  if (Session* const session = FreeSession(queue); session != nullptr) {
    Assign(item, *session);
  } else {
    Enqueue(item, at_front);
  }
}

// Each in its turn.
TaskQueues::Session* TaskQueues::FreeSession(Queue& queue) {
  for (size_t tries = queue.sessions.size(); tries > 0; --tries) {
    Session* const session = queue.sessions[queue.next_session++ % queue.sessions.size()];
    if (session->room() > 0) return session;
  }
  return nullptr;
}

void TaskQueues::Assign(Item& item, Session& session) {
  item.session = &session;
  item.ticket = 0;
  item.heard_at_nanos = Now();
  session.held.insert(item.task->id);
  session.mail.items.push_back(item.task);
  if (item.task->heartbeat.has_value()) beating_.insert(item.task->id);
  MarkDirty(session);
}

void TaskQueues::Enqueue(Item& item, bool at_front) {
  item.session = nullptr;
  item.ticket = ++last_ticket_;
  Queue& queue = queues_[{item.task->project, item.task->queue}];
  if (at_front) {
    queue.waiting.emplace_front(item.ticket, item.task->id);
  } else {
    queue.waiting.emplace_back(item.ticket, item.task->id);
  }
}

void TaskQueues::LetLapse(const TaskId& id, Item& item, int64_t at_nanos) {
  item.session = nullptr;
  item.ticket = 0;
  item.lapses_at_nanos = at_nanos;
  beating_.erase(id);
  lapses_.emplace(at_nanos, id);
}

// Gives a session what waits in its queues, each queue in its turn.
void TaskQueues::Fill(Session& session) {
  const std::vector<std::string>& names = session.options.queues;
  for (size_t empty = 0; session.is_open && session.room() > 0 && empty < names.size();) {
    const std::string& name = names[session.next_queue++ % names.size()];
    Queue& queue = queues_[{session.options.project, name}];
    bool is_given = false;
    while (!queue.waiting.empty() && !is_given) {
      const auto [ticket, id] = queue.waiting.front();
      queue.waiting.pop_front();
      const auto found = items_.find(id);
      if (found == items_.end() || found->second.ticket != ticket) {
        if (queue.stale > 0) --queue.stale;
        continue;
      }
      Assign(found->second, session);
      is_given = true;
    }
    empty = is_given ? 0 : empty + 1;
  }
}

void TaskQueues::Remove(const TaskId& id) {
  const auto found = items_.find(id);
  if (found == items_.end()) return;
  Session* const session = found->second.session;
  const QueueName name{found->second.task->project, found->second.task->queue};
  const bool was_waiting = found->second.ticket != 0;
  beating_.erase(id);
  items_.erase(found);
  if (was_waiting) {
    Queue& queue = queues_[name];
    if (++queue.stale > 1000 && queue.stale > queue.waiting.size() / 2) DropStale(queue);
  }
  if (session != nullptr) {
    session->held.erase(id);
    Fill(*session);
  }
  EraseIfIdle(name);
}

void TaskQueues::DropStale(Queue& queue) {
  std::erase_if(queue.waiting, [&](const auto& place) {
    const auto found = items_.find(place.second);
    return found == items_.end() || found->second.ticket != place.first;
  });
  queue.stale = 0;
}

void TaskQueues::EraseIfIdle(const QueueName& name) {
  const auto found = queues_.find(name);
  if (found == queues_.end() || !found->second.sessions.empty()) return;
  if (found->second.stale >= found->second.waiting.size()) DropStale(found->second);
  if (found->second.waiting.empty()) queues_.erase(found);
}

void TaskQueues::Cancel(const TaskId& task) {
  const std::lock_guard lock(mutex_);
  const auto found = items_.find(task);
  if (found == items_.end()) return;
  if (Session* const session = found->second.session; session != nullptr) {
    session->mail.cancelled.push_back(task);
    MarkDirty(*session);
  }
  Remove(task);
}

void TaskQueues::Forget(const TaskId& task) {
  const std::lock_guard lock(mutex_);
  Remove(task);
}

void TaskQueues::SetPaused(Session& session, bool is_paused) {
  const std::lock_guard lock(mutex_);
  session.is_paused = is_paused;
  session.heard_at_nanos = Now();
}

void TaskQueues::MarkDirty(Session& session) {
  if (session.is_dirty) return;
  const auto found = sessions_.find(&session);
  if (found == sessions_.end()) return;
  session.is_dirty = true;
  dirty_.push_back(found->second);
}

void TaskQueues::Flush() {
  std::vector<std::shared_ptr<Session>> dirty;
  {
    const std::lock_guard lock(mutex_);
    dirty.swap(dirty_);
    for (const std::shared_ptr<Session>& session : dirty) session->is_dirty = false;
  }
  for (const std::shared_ptr<Session>& session : dirty) session->options.wake();
}

std::shared_ptr<TaskQueues::Session> TaskQueues::Open(SessionOptions options) {
  auto session = std::make_shared<Session>(this, std::move(options));
  {
    const std::lock_guard lock(mutex_);
    sessions_[session.get()] = session;
    session->heard_at_nanos = Now();
    for (const TaskId& id : session->options.held) TakeOver(id, *session);
    for (const std::string& name : session->options.queues) {
      queues_[{session->options.project, name}].sessions.push_back(session.get());
    }
    if (is_shut_) session->mail.end = absl::UnavailableError("the server is shutting down");
    Fill(*session);
  }
  return session;
}

// The worker of `session` has this task, whatever was believed before: its earlier stream may not
// be known to have broken.
void TaskQueues::TakeOver(const TaskId& id, Session& session) {
  session.held.insert(id);
  Session* before = nullptr;
  if (const auto found = items_.find(id); found != items_.end()) {
    Item& item = found->second;
    before = std::exchange(item.session, &session);
    if (item.ticket != 0) ++queues_[{item.task->project, item.task->queue}].stale;
    item.ticket = 0;
    item.heard_at_nanos = Now();
    if (item.task->heartbeat.has_value()) beating_.insert(id);
  } else {
    Session*& claimed = claimed_[id];
    before = std::exchange(claimed, &session);
  }
  if (before == nullptr || before == &session) return;
  before->held.erase(id);
  Fill(*before);
}

// `session` serves no queue any more.
void TaskQueues::Leave(Session& session) {
  session.is_open = false;
  for (const std::string& name : session.options.queues) {
    const auto found = queues_.find(QueueName{session.options.project, name});
    if (found == queues_.end()) continue;
    std::erase_if(found->second.sessions, [&](const Session* some) { return some == &session; });
  }
  const int64_t at_nanos = session.heard_at_nanos + absl::ToInt64Nanoseconds(options_.lease);
  const absl::flat_hash_set<std::shared_ptr<const QueuedTask>> unsent(session.mail.items.begin(),
                                                                      session.mail.items.end());
  for (const TaskId& id : session.held) {
    const auto found = items_.find(id);
    if (found == items_.end()) {
      claimed_.erase(id);
    } else if (unsent.contains(found->second.task)) {
      beating_.erase(id);
      Place(found->second, /*at_front=*/true);
    } else {
      LetLapse(id, found->second, at_nanos);
    }
  }
  session.held.clear();
  session.mail.items.clear();
}

void TaskQueues::Close(const std::shared_ptr<Session>& session) {
  {
    const std::lock_guard lock(mutex_);
    if (sessions_.erase(session.get()) == 0) return;
    if (session->is_open) Leave(*session);
  }
  Flush();
}

WorkerMail TaskQueues::Take(Session& session, size_t bytes_max) {
  const std::lock_guard lock(mutex_);
  WorkerMail taken = std::exchange(session.mail, {});
  // What was cancelled before it was sent is not sent.
  std::erase_if(taken.items, [&](const std::shared_ptr<const QueuedTask>& task) {
    const auto found = items_.find(task->id);
    return found == items_.end() || found->second.session != &session;
  });
  size_t bytes = 0;
  for (size_t i = 0; i < taken.items.size(); ++i) {
    bytes += kItemBytes + taken.items[i]->payload.TextSize();
    if (bytes <= bytes_max || i == 0) continue;
    const auto rest = taken.items.begin() + static_cast<int64_t>(i);
    session.mail.items.assign(std::make_move_iterator(rest),
                              std::make_move_iterator(taken.items.end()));
    session.mail.end = std::exchange(taken.end, std::nullopt);
    taken.items.erase(rest, taken.items.end());
    break;
  }
  return taken;
}

void TaskQueues::Hear(Session& session, const std::vector<TaskId>& heartbeats) {
  const std::lock_guard lock(mutex_);
  session.heard_at_nanos = Now();
  for (const TaskId& id : heartbeats) {
    const auto found = items_.find(id);
    if (found != items_.end() && found->second.session == &session) {
      found->second.heard_at_nanos = session.heard_at_nanos;
    }
  }
}

void TaskQueues::TakeResults(const std::shared_ptr<Session>& session,
                             std::vector<WorkerResult> results) {
  std::vector<std::pair<ExecutionKey, GivenEvent>> events;
  events.reserve(results.size());
  {
    const std::lock_guard lock(mutex_);
    for (const WorkerResult& result : results) {
      if (const auto claimed = claimed_.find(result.task); claimed != claimed_.end()) {
        Session* const holder = claimed->second;
        claimed_.erase(claimed);
        holder->held.erase(result.task);
        Fill(*holder);
      }
      Remove(result.task);
    }
  }
  for (WorkerResult& result : results) {
    GivenEvent event{.origin = GivenEvent::Origin{.task = result.task},
                     .receipt = Receipt{.receiver = session, .result = result.number}};
    if (result.outcome.ok()) {
      event.what =
          TaskSucceeded{.event_id = result.task.event_id, .output = *std::move(result.outcome)};
    } else {
      event.what = TaskFailed{.event_id = result.task.event_id, .error = result.outcome.error()};
    }
    events.emplace_back(result.task.key, std::move(event));
  }
  if (!events.empty()) deliver_(std::move(events));
  Flush();
}

void TaskQueues::TickLapses(int64_t now) {
  while (!lapses_.empty() && lapses_.begin()->first <= now) {
    const auto [at_nanos, id] = *lapses_.begin();
    lapses_.erase(lapses_.begin());
    const auto found = items_.find(id);
    if (found == items_.end()) continue;
    Item& item = found->second;
    if (item.session != nullptr || item.ticket != 0 || item.lapses_at_nanos != at_nanos) continue;
    Place(item, /*at_front=*/true);
  }
}

std::vector<std::pair<ExecutionKey, GivenEvent>> TaskQueues::TakeMissedHeartbeats(int64_t now) {
  std::vector<std::pair<ExecutionKey, GivenEvent>> missed;
  for (const TaskId& id : beating_) {
    const Item& item = items_.at(id);
    if (now - item.heard_at_nanos <= absl::ToInt64Nanoseconds(*item.task->heartbeat)) continue;
    missed.emplace_back(id.key, GivenEvent{.what = HeartbeatMissed{.event_id = id.event_id},
                                           .origin = GivenEvent::Origin{.task = id}});
  }
  for (const auto& [key, event] : missed) {
    const TaskId& id = event.origin->task;
    if (Session* const session = items_.at(id).session; session != nullptr) {
      session->mail.cancelled.push_back(id);
      MarkDirty(*session);
    }
    Remove(id);
  }
  return missed;
}

void TaskQueues::Tick() {
  std::vector<std::pair<ExecutionKey, GivenEvent>> missed;
  {
    const std::lock_guard lock(mutex_);
    const int64_t now = Now();
    const int64_t lease = absl::ToInt64Nanoseconds(options_.lease);
    for (const auto& [raw, session] : sessions_) {
      if (!session->is_open || session->is_paused) continue;
      if (now - session->heard_at_nanos <= lease) continue;
      Leave(*session);
      session->mail.end = absl::UnavailableError("the worker has not been heard of in time");
      MarkDirty(*session);
    }
    TickLapses(now);
    missed = TakeMissedHeartbeats(now);
  }
  if (!missed.empty()) deliver_(std::move(missed));
  Flush();
}

void TaskQueues::Shutdown(const absl::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    is_shut_ = true;
    for (const auto& [raw, session] : sessions_) {
      session->mail.end = status;
      MarkDirty(*session);
    }
  }
  stopped_.notify_all();
  if (ticking_.joinable()) ticking_.join();
  Flush();
}

}  // namespace millrace
