#include "engine/runtime/lane.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/errors.h"
#include "engine/journal/row_codec.h"

namespace millrace {
namespace {

constexpr size_t kBatchRowsMax = 500;
constexpr size_t kBatchBytesMax = 1 << 20;
constexpr int64_t kPauseNanos = 100'000'000;

std::vector<HistoryEvent> FirstOf(const std::vector<HistoryEvent>& events, size_t count) {
  return {events.begin(), events.begin() + static_cast<int64_t>(count)};
}

}  // namespace

void LaneInbox::Post(LaneMessage message) {
  {
    std::unique_lock lock(mutex_);
    if (closed_) {
      lock.unlock();
      return Refuse(std::move(message), errors::ShuttingDown());
    }
    messages_.push_back(std::move(message));
  }
  changed_.notify_one();
}

void LaneInbox::PostAll(std::vector<LaneMessage> messages) {
  {
    std::unique_lock lock(mutex_);
    if (closed_) {
      lock.unlock();
      for (LaneMessage& message : messages) Refuse(std::move(message), errors::ShuttingDown());
      return;
    }
    std::move(messages.begin(), messages.end(), std::back_inserter(messages_));
  }
  changed_.notify_one();
}

std::vector<LaneMessage> LaneInbox::Take(absl::Duration patience) {
  std::unique_lock lock(mutex_);
  if (messages_.empty() && !closed_ && patience > absl::ZeroDuration()) {
    changed_.wait_for(lock, absl::ToChronoMicroseconds(patience),
                      [this] { return !messages_.empty() || closed_; });
  }
  return std::exchange(messages_, {});
}

void LaneInbox::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

bool LaneInbox::is_closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

Lane::Lane(Node* node, const Clock* clock, ExecutionStorage* storage, WorkQueue* spare,
           LaneHooks hooks)
    : node_(node),
      clock_(clock),
      spare_(spare),
      hooks_(std::move(hooks)),
      inbox_(std::make_shared<LaneInbox>()),
      alarms_([this](const AlarmQueue::Alarm& alarm) {
        const Held* held = Find(alarm.key);
        return held != nullptr && IsDue(*held, alarm.event_id);
      }),
      committer_(std::make_unique<Committer>(
          storage, [inbox = inbox_](WriteBatch batch, CommitResult result) {
            inbox->Post(
                lane_message::Committed{.batch = std::move(batch), .result = std::move(result)});
          })) {}

Lane::~Lane() { Stop(absl::CancelledError("the lane is gone")); }

void Lane::Run() {
  thread_ = std::thread([this] {
    while (RunOnce(absl::Seconds(1))) {
    }
  });
}

void Lane::Stop(const absl::Status& status) {
  inbox_->Close();
  if (thread_.joinable()) thread_.join();
  if (committer_ == nullptr) return;
  // The batch under way is finished; nobody acts on it here, whoever takes its executions up does.
  committer_.reset();
  for (LaneMessage& message : inbox_->Take(absl::ZeroDuration()))
    Refuse(std::move(message), status);
  for (auto& [key, held] : held_) AnswerAll(*held, status);
}

void Refuse(LaneMessage message, const absl::Status& status) {
  if (auto* start = std::get_if<lane_message::Start>(&message)) AnswerAll(*start->held, status);
  if (auto* give = std::get_if<lane_message::Give>(&message)) {
    give->event.Settle(/*is_final=*/false, [&] { return status; });
  }
  if (auto* stepped = std::get_if<lane_message::Stepped>(&message)) {
    stepped->event.Settle(/*is_final=*/false, [&] { return status; });
  }
  if (auto* await = std::get_if<lane_message::AwaitEnd>(&message)) await->waiter->Answer(status);
}

bool Lane::RunOnce(absl::Duration patience) {
  if (!ready_.empty() && (!is_committing_ || HasRoom())) patience = absl::ZeroDuration();
  if (const std::optional<absl::Time> at = alarms_.next_at()) {
    patience = std::min(patience, std::max(*at - clock_->Now(), absl::ZeroDuration()));
  }
  if (!is_committing_ && !building_.empty()) patience = std::min(patience, absl::Milliseconds(50));
  if (!deferred_.empty()) patience = std::min(patience, absl::Milliseconds(100));
  for (LaneMessage& message : inbox_->Take(patience)) {
    std::visit([this](auto&& some) { Handle(std::move(some)); }, std::move(message));
  }
  if (inbox_->is_closed()) return false;
  FlushDeferred();
  RingAlarms();
  StepReady();
  if (!is_committing_ && !building_.empty() && SteadyNanos() >= submit_after_nanos_) SubmitBatch();
  if (!offered_.empty()) hooks_.offer(std::exchange(offered_, {}));
  hooks_.flush_queues();
  return true;
}

Held* Lane::Find(const ExecutionKey& key) {
  const auto found = held_.find(key);
  return found == held_.end() ? nullptr : found->second.get();
}

void Lane::MarkReady(Held& held) {
  if (held.is_committing || held.is_stepping || held.must_read || held.events.empty()) return;
  ready_.Push(held.of.workflow.id.project, held.key);
}

void Lane::GiveTo(Held& held, GivenEvent event) {
  held.events.push_back(std::move(event));
  MarkReady(held);
}

void Lane::Handle(lane_message::Start message) {
  Held& held = *message.held;
  std::erase_if(held.waiters, [](const auto& waiter) { return waiter->is_over(); });
  const ExecutionKey key = held.key;
  held_[key] = std::move(message.held);
  MarkReady(held);
}

void Lane::Handle(lane_message::Give message) {
  if (message.event.origin && !TakeAnswer(message.key, *message.event.origin)) return;
  Held* held = Find(message.key);
  // Whoever takes the execution up, if it still waits for the task, dispatches it again. A worker
  // keeps its result until it is told.
  if (held == nullptr && message.event.origin.has_value() && !message.event.is_workers()) return;
  if (held == nullptr) {
    // Its own execution, that it does not hold yet, or another's: the keeper finds out.
    auto made = std::make_unique<Held>();
    made->key = message.key;
    held = made.get();
    held_[message.key] = std::move(made);
    ReadAgain(*held);
  }
  GiveTo(*held, std::move(message.event));
}

void Lane::Handle(lane_message::AwaitEnd message) {
  // Whoever gives up after this look says so in a message that comes after this one.
  if (message.waiter->is_over()) return;
  Held* held = Find(message.key);
  if (held == nullptr) {
    auto made = std::make_unique<Held>();
    made->key = message.key;
    held = made.get();
    held_[message.key] = std::move(made);
    ReadAgain(*held);
  }
  held->waiters.push_back(std::move(message.waiter));
}

void Lane::Handle(lane_message::ForgetWaiters message) {
  if (Held* held = Find(message.key); held != nullptr) {
    std::erase_if(held->waiters, [](const auto& waiter) { return waiter->is_over(); });
  }
}

void Lane::RingAlarms() {
  const absl::Time now = clock_->Now();
  while (const std::optional<AlarmQueue::Alarm> alarm = alarms_.PopDue(now)) {
    Held* held = Find(alarm->key);
    if (held == nullptr || !IsDue(*held, alarm->event_id)) continue;
    GiveTo(*held, {.what = AlarmRang{.event_id = alarm->event_id}});
  }
}

// Whether an alarm means anything. Where the snapshot is to be read again, the taking up sets its
// alarms anew; where a spare thread has it, only the step will tell.
bool Lane::IsDue(const Held& held, int64_t event_id) {
  if (held.must_read) return false;
  return held.is_stepping || event_id == 0 || held.snapshot.waits.contains(event_id);
}

bool Lane::HasRoom() const {
  return building_.size() < kBatchRowsMax && building_bytes_ < kBatchBytesMax;
}

// Each once: what goes on at once, as EXPRESS executions do, lets messages and alarms come between.
void Lane::StepReady() {
  for (size_t left = ready_.size(); left > 0 && HasRoom(); --left) {
    const std::optional<ExecutionKey> key = ready_.Pop();
    if (!key.has_value()) return;
    Held* held = Find(*key);
    if (held == nullptr || held->is_committing || held->is_stepping || held->must_read) continue;
    StepEvents(*held);
  }
}

void Lane::SubmitBatch() {
  const Node::Lease lease = node_->lease();
  WriteBatch batch{.writer = {.node = node_->me(), .batch = node_->NextBatch()},
                   .token = token_,
                   .deadline = lease.deadline,
                   .format = kJournalFormat};
  for (const ExecutionKey& key : building_) {
    Held* held = Find(key);
    if (held == nullptr || !held->is_building) continue;
    held->is_building = false;
    // A spare thread goes on with what the row would say, or the row's snapshot is not to be used:
    // the row is made again after that.
    if (held->is_stepping || held->must_read) continue;
    held->is_committing = true;
    // Of an EXPRESS execution only the start and the end are journaled.
    const bool is_whole = held->durability == Durability::kSteps || held->snapshot.ended;
    if (held->start.has_value()) {
      held->row_events = is_whole ? held->history.size() : 1;
      absl::StatusOr<std::string> events = EncodeRow(FirstOf(held->history, held->row_events), 0);
      if (!events.ok()) {
        RefuseRow(*held, events.status());
        continue;
      }
      held->start->events = *std::move(events);
      held->start->end = EndOf(held->snapshot);
      held->start->started_at = held->snapshot.started_at;
      batch.starts.push_back(*held->start);
      continue;
    }
    held->row_events = is_whole ? held->history.size() : 0;
    AppendRow row{
        .key = key, .seq = held->seq, .end = EndOf(held->snapshot), .fence = held->needs_fence};
    if (held->row_events > 0) {
      absl::StatusOr<std::string> events = EncodeRow(held->history, held->row_base);
      if (!events.ok()) {
        RefuseRow(*held, events.status());
        continue;
      }
      row.events = *std::move(events);
    }
    batch.appends.push_back(std::move(row));
  }
  building_.clear();
  building_bytes_ = 0;
  if (batch.starts.empty() && batch.appends.empty()) return;
  is_committing_ = true;
  committer_->Submit(std::move(batch));
}

void Lane::Handle(lane_message::Committed message) {
  is_committing_ = false;
  if (!message.result.token_holds) submit_after_nanos_ = SteadyNanos() + kPauseNanos;
  const WriteBatch& batch = message.batch;
  for (size_t i = 0; i < batch.starts.size(); ++i) {
    OnStartFate(batch.starts[i].key, batch, message.result.starts[i], message.result.token_holds);
  }
  for (size_t i = 0; i < batch.appends.size(); ++i) {
    OnAppendFate(batch.appends[i].key, batch, message.result.appends[i]);
  }
}

void Lane::OnStartFate(const ExecutionKey& key, const WriteBatch& batch, RowFate fate,
                       bool token_holds) {
  Held* held = Find(key);
  if (held == nullptr) return;
  held->is_committing = false;
  const bool is_of_another_database = batch.token != token_;
  if (fate == RowFate::kDone && !is_of_another_database) {
    held->start.reset();
    OnDone(*held, batch.writer);
    return;
  }
  if (fate != RowFate::kRefused && (is_of_another_database || !token_holds)) {
    // Nobody knows, or it was refused for the token, or the database that took it is no longer the
    // one that this lane works with: sent again. If it stands, its name tells.
    held->is_building = true;
    building_.push_back(key);
    return;
  }
  UndoRow(*held);
  auto taken = std::move(held_[key]);
  held_.erase(key);
  if (fate == RowFate::kLost) return hooks_.resolve_start(std::move(taken));
  AnswerAll(*taken, absl::InternalError("the database refuses this execution's first row"));
}

void Lane::OnAppendFate(const ExecutionKey& key, const WriteBatch& batch, RowFate fate) {
  Held* held = Find(key);
  if (held == nullptr) return;
  held->is_committing = false;
  switch (fate) {
    case RowFate::kDone:
      if (held->must_read) {  // a new token came meanwhile; what was written is read with the rest
        UndoRow(*held);
        return ReadAgain(*held);
      }
      return OnDone(*held, batch.writer);
    case RowFate::kLost:
      UndoRow(*held);
      return ReadAgain(*held);
    case RowFate::kRefused:
      return Quarantine(*held, "the database refuses its next row");
  }
}

// The row stands: what it says may now be done and told.
void Lane::OnDone(Held& held, const Writer& writer) {
  ++held.seq;
  held.needs_fence = false;
  for (size_t i = 0; i < held.row_events; ++i) {
    held.row_base += IsShown(held.history[i]) ? 1 : 0;
    if (held.durability == Durability::kSteps) {
      NoteWriter(held.history[i], held.snapshot, writer, &held.writers);
    }
  }
  held.history.erase(held.history.begin(),
                     held.history.begin() + static_cast<int64_t>(held.row_events));
  held.row_bytes = 0;
  std::vector<Command> commands = std::exchange(held.commands, {});
  std::vector<GivenEvent> applied = std::exchange(held.applied, {});
  const std::vector<ExecutionDone> on_started = std::exchange(held.on_started, {});
  held.fence_guard.reset();
  if (!on_started.empty()) {
    const ExecutionView view = ViewOf(held.key, held.execution_id, held.of, held.snapshot);
    for (const ExecutionDone& done : on_started) done(view);
  }
  for (GivenEvent& event : applied) Settle(event, held);
  hooks_.on_history(held.key);
  Act(held, std::move(commands), writer);  // of one that has ended: its children are to be stopped
  if (held.snapshot.ended) return End(held);
  MarkReady(held);
}

void Lane::End(Held& held) {
  if (!held.waiters.empty() || !held.events.empty() || !held.on_started.empty()) {
    const ExecutionView view = ViewOf(held.key, held.execution_id, held.of, held.snapshot);
    for (const auto& waiter : std::exchange(held.waiters, {})) waiter->Answer(view);
    for (const ExecutionDone& done : std::exchange(held.on_started, {})) done(view);
    for (GivenEvent& event : std::exchange(held.events, {})) AnswerEnded(held, std::move(event));
  }
  CancelLost(held);
  const ExecutionKey key = held.key;
  held_.erase(key);
}

void Lane::Settle(GivenEvent& event, const Held& held) {
  event.Settle(/*is_final=*/true,
               [&] { return ViewOf(held.key, held.execution_id, held.of, held.snapshot); });
}

// What was asked of an execution that has ended. A stop that has ended it, and whose commit was
// known only from the journal, has done what it should.
void Lane::AnswerEnded(const Held& held, GivenEvent event) {
  const auto* stop = std::get_if<StopRequested>(&event.what);
  if (stop != nullptr && event.was_applied && held.snapshot.end == EventType::kExecutionAborted &&
      held.snapshot.error == stop->error) {
    return Settle(event, held);
  }
  event.Settle(/*is_final=*/true, [&] { return errors::ExecutionEnded(held.info.execution_name); });
}

void AnswerAll(Held& held, const absl::StatusOr<ExecutionView>& answer) {
  for (const ExecutionDone& done : std::exchange(held.on_started, {})) done(answer);
  for (const auto& waiter : std::exchange(held.waiters, {})) waiter->Answer(answer);
  // What a worker has done for an execution that is not there never matters.
  const bool is_final = absl::IsNotFound(answer.status());
  const auto give = [&] { return answer; };
  for (GivenEvent& event : std::exchange(held.applied, {})) event.Settle(is_final, give);
  for (GivenEvent& event : std::exchange(held.events, {})) event.Settle(is_final, give);
}

void Lane::RefuseRow(Held& held, const absl::Status& why) {
  Log(LogLevel::kError, "a journal row cannot be made",
      {{"execution", held.key.uuid.ToString()}, {"why", std::string(why.message())}});
  Quarantine(held, "its next journal row cannot be made");
}

void Lane::Quarantine(Held& held, const std::string& reason) {
  AnswerAll(held, errors::ExecutionQuarantined(held.info.execution_name));
  const ExecutionKey key = held.key;
  const bool is_stored = held.durability != Durability::kNone && !held.start.has_value();
  CancelAll(held);
  held_.erase(key);
  if (is_stored) hooks_.quarantine(key, reason);
}

}  // namespace millrace
