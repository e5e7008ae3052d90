#include "tests/support/memory_storage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "db/params.h"
#include "engine/base/status_macros.h"

namespace millrace::testing {
namespace {

absl::Time ToMicros(absl::Time time) { return absl::FromUnixMicros(absl::ToUnixMicros(time)); }

absl::Time TimeOf(const ExecutionKey& key) {
  int64_t millis = 0;
  for (size_t i = 0; i < 6; ++i) millis = millis << 8 | key.uuid.bytes[i];
  return absl::FromUnixMillis(millis);
}

absl::Time DayOf(absl::Time time) {
  return absl::UnixEpoch() + absl::Floor(time - absl::UnixEpoch(), absl::Hours(24));
}

template <typename T>
bool Contains(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

struct MemoryStorage::State {
  struct Workflow {
    std::string project, workflow;
    bool deleted = false;
  };
  std::map<Uuid, Workflow> workflows;
  std::map<ExecutionKey, Row> executions;  // their journals are below
  // A journal's rows stand by themselves: an append does not ask for the execution.
  std::map<ExecutionKey, std::map<int64_t, JournalRow>> journal;
  std::map<NodeIncarnation, NodeRow> nodes;
  absl::Time first_day, end_day;  // of the journal's partitions
};

MemoryStorage::MemoryStorage(absl::Time now) : state_(std::make_shared<State>()), now_(now) {
  state_->first_day = DayOf(now) - absl::Hours(24);
  state_->end_day = DayOf(now) + absl::Hours(24 * 4);
}

bool MemoryStorage::Gate::AwaitCall() {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(10), [this] { return has_come_; });
}

void MemoryStorage::Gate::Open() {
  {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
  }
  changed_.notify_all();
}

void MemoryStorage::Gate::Pass() {
  std::unique_lock lock(mutex_);
  has_come_ = true;
  changed_.notify_all();
  // A test that fails must not wait for ever for what it no longer does.
  const bool opened =
      changed_.wait_for(lock, std::chrono::seconds(20), [this] { return is_open_; });
  EXPECT_TRUE(opened) << "nobody opened the gate";
}

void MemoryStorage::FailNext(Call call, absl::Status status, When when) {
  const std::lock_guard lock(mutex_);
  faults_[call].push_back({.when = when, .status = std::move(status)});
}

std::shared_ptr<MemoryStorage::Gate> MemoryStorage::BlockNext(Call call, When when,
                                                              absl::Status status) {
  auto gate = std::make_shared<Gate>();
  const std::lock_guard lock(mutex_);
  faults_[call].push_back({.when = when, .status = std::move(status), .gate = gate});
  return gate;
}

template <typename Statement>
auto MemoryStorage::Run(Call call, Statement statement) -> absl::StatusOr<decltype(statement())> {
  Fault fault;
  {
    const std::lock_guard lock(mutex_);
    ++calls_[call];
    std::deque<Fault>& faults = faults_[call];
    if (!faults.empty()) {
      fault = std::move(faults.front());
      faults.pop_front();
    }
  }
  if (fault.when == When::kNotDone) {
    if (fault.gate != nullptr) fault.gate->Pass();
    if (!fault.status.ok()) return fault.status;
  }
  std::unique_lock lock(mutex_);
  auto answer = statement();
  lock.unlock();
  if (fault.when == When::kDone) {
    if (fault.gate != nullptr) fault.gate->Pass();
    if (!fault.status.ok()) return fault.status;
  }
  return answer;
}

void MemoryStorage::Refuse(const ExecutionKey& key) {
  const std::lock_guard lock(mutex_);
  refused_.push_back(key);
}

void MemoryStorage::AddWorkflow(const Uuid& key, std::string project, std::string workflow) {
  const std::lock_guard lock(mutex_);
  state_->workflows[key] = {.project = std::move(project), .workflow = std::move(workflow)};
}

void MemoryStorage::DeleteWorkflow(const Uuid& key) {
  const std::lock_guard lock(mutex_);
  state_->workflows.at(key).deleted = true;
}

absl::Time MemoryStorage::Now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

void MemoryStorage::Advance(absl::Duration duration) {
  const std::lock_guard lock(mutex_);
  now_ += duration;
}

DatabaseToken MemoryStorage::token() const {
  const std::lock_guard lock(mutex_);
  return TokenNow();
}

void MemoryStorage::Restart() {
  const std::lock_guard lock(mutex_);
  ++tokens_;
}

MemoryStorage::Standby MemoryStorage::Replicate() const {
  const std::lock_guard lock(mutex_);
  return std::make_shared<const State>(*state_);
}

void MemoryStorage::FailOver(const Standby& standby) {
  const std::lock_guard lock(mutex_);
  *state_ = *standby;
  ++tokens_;
}

void MemoryStorage::AppendAs(const Writer& writer, const ExecutionKey& key, std::string events) {
  const std::lock_guard lock(mutex_);
  auto& rows = state_->journal[key];
  const int64_t seq = rows.empty() ? 1 : rows.rbegin()->first + 1;
  rows[seq] = {.seq = seq, .writer = writer, .format = 1, .events = std::move(events)};
}

void MemoryStorage::GiveTo(const ExecutionKey& key, const NodeIncarnation& owner) {
  const std::lock_guard lock(mutex_);
  Row& row = state_->executions.at(key);
  TakeUp(owner, &row);
  row.unfenced = true;
}

void MemoryStorage::Park(const ExecutionKey& key, absl::Time wake_at) {
  const std::lock_guard lock(mutex_);
  Row& row = state_->executions.at(key);
  row.execution.owner = std::nullopt;
  row.wake_at = wake_at;
}

void MemoryStorage::SetFormat(const ExecutionKey& key, int format) {
  const std::lock_guard lock(mutex_);
  state_->journal.at(key).rbegin()->second.format = format;
}

std::optional<MemoryStorage::Row> MemoryStorage::Find(const ExecutionKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = state_->executions.find(key);
  if (found == state_->executions.end()) return std::nullopt;
  Row row = found->second;
  row.execution = WithJournal(row.execution);
  return row;
}

std::vector<WriteBatch> MemoryStorage::batches() const {
  const std::lock_guard lock(mutex_);
  return batches_;
}

int MemoryStorage::CallsOf(Call call) const {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(call);
  return found == calls_.end() ? 0 : found->second;
}

StoredExecution MemoryStorage::WithJournal(const StoredExecution& execution) const {
  StoredExecution whole = execution;
  const auto journal = state_->journal.find(execution.key);
  if (journal == state_->journal.end()) return whole;
  for (const auto& [seq, row] : journal->second) whole.rows.push_back(row);
  return whole;
}

// Whether the journal has a place for such a row.
bool MemoryStorage::Fits(const ExecutionKey& key, int64_t seq) const {
  const absl::Time at = TimeOf(key);
  return at >= state_->first_day && at < state_->end_day && seq > 0 && !Contains(refused_, key);
}

absl::StatusOr<bool> MemoryStorage::StartOne(const WriteBatch& batch, const StartRow& start) {
  const auto workflow = state_->workflows.find(start.workflow_key);
  if (workflow == state_->workflows.end() || workflow->second.deleted) return false;
  for (const auto& [key, row] : state_->executions) {
    const StoredExecution& other = row.execution;
    if (key == start.key ||
        (other.workflow_key == start.workflow_key && other.execution_id == start.execution_id)) {
      return false;
    }
  }
  if (!Fits(start.key, 1)) return absl::InvalidArgumentError("no partition for the row");
  StoredExecution execution{.key = start.key,
                            .project = workflow->second.project,
                            .workflow = workflow->second.workflow,
                            .workflow_key = start.workflow_key,
                            .revision_asked = start.revision_asked,
                            .revision = start.revision,
                            .execution_id = start.execution_id,
                            .input_hash = start.input_hash,
                            .started_at = ToMicros(start.started_at)};
  if (start.end.has_value()) {
    execution.status = start.end->status;
    execution.error = db::ShownText(start.end->error);
    execution.ended_at = ToMicros(start.end->at);
  } else {
    execution.owner = batch.writer.node;
  }
  state_->executions[start.key] = {.execution = std::move(execution)};
  state_->journal[start.key][1] = {.seq = 1,
                                   .writer = batch.writer,
                                   .format = batch.format,
                                   .terminal = start.end.has_value(),
                                   .events = start.events};
  return true;
}

absl::StatusOr<bool> MemoryStorage::AppendOne(const WriteBatch& batch, const AppendRow& append) {
  if (!Fits(append.key, append.seq)) return absl::InvalidArgumentError("no place for the row");
  const bool is_new = state_->journal[append.key]
                          .try_emplace(append.seq, JournalRow{.seq = append.seq,
                                                              .writer = batch.writer,
                                                              .format = batch.format,
                                                              .terminal = append.end.has_value(),
                                                              .events = append.events})
                          .second;
  const auto found = state_->executions.find(append.key);
  if (!is_new) return false;
  if (found == state_->executions.end() || (!append.end.has_value() && !append.fence)) return true;
  Row& row = found->second;
  if (row.execution.owner == batch.writer.node) {
    row.execution.losses = 0;
    row.unfenced = false;
  }
  if (append.end.has_value()) {
    row.unfenced = false;
    row.wake_at = std::nullopt;
    row.execution.owner = std::nullopt;
    row.execution.status = append.end->status;
    row.execution.error = db::ShownText(append.end->error);
    row.execution.ended_at = ToMicros(append.end->at);
  }
  return true;
}

absl::StatusOr<WriteOutcome> MemoryStorage::WriteAll(const WriteBatch& batch) {
  for (const StartRow& row : batch.starts) {
    if (db::ShownText(row.execution_id) == row.execution_id) continue;
    return absl::InvalidArgumentError("the name is no text");
  }
  WriteOutcome outcome{.token_holds = batch.token == TokenNow() && now_ < batch.deadline};
  outcome.started.assign(batch.starts.size(), false);
  outcome.appended.assign(batch.appends.size(), false);
  if (!outcome.token_holds) return outcome;
  for (size_t i = 0; i < batch.appends.size(); ++i) {
    MILLRACE_ASSIGN_OR_RETURN(outcome.appended[i], AppendOne(batch, batch.appends[i]));
  }
  for (size_t i = 0; i < batch.starts.size(); ++i) {
    MILLRACE_ASSIGN_OR_RETURN(outcome.started[i], StartOne(batch, batch.starts[i]));
  }
  return outcome;
}

absl::StatusOr<WriteOutcome> MemoryStorage::Write(const WriteBatch& batch) {
  {
    const std::lock_guard lock(mutex_);
    batches_.push_back(batch);
  }
  absl::StatusOr<WriteOutcome> outcome;
  const auto ran = Run(Call::kWrite, [&] {
    const State before = *state_;
    outcome = WriteAll(batch);
    if (!outcome.ok()) *state_ = before;
    return true;
  });
  return ran.ok() ? outcome : ran.status();
}

absl::StatusOr<ExecutionStorage::WritersRead> MemoryStorage::ReadWriters(
    const std::vector<Place>& places) {
  return Run(Call::kReadWriters, [&] {
    WritersRead read{.token = TokenNow()};
    for (const Place& place : places) {
      const auto& rows = state_->journal[place.key];
      const auto found = rows.find(place.seq);
      read.writers.push_back(found == rows.end() ? std::nullopt
                                                 : std::optional(found->second.writer));
    }
    return read;
  });
}

absl::StatusOr<std::vector<std::optional<StoredExecution>>> MemoryStorage::ReadByName(
    const std::vector<Name>& names) {
  return Run(Call::kReadByName, [&] {
    std::vector<std::optional<StoredExecution>> found(names.size());
    for (size_t i = 0; i < names.size(); ++i) {
      for (const auto& [key, row] : state_->executions) {
        if (row.execution.workflow_key == names[i].workflow_key &&
            row.execution.execution_id == names[i].execution_id) {
          found[i] = row.execution;
        }
      }
    }
    return found;
  });
}

absl::StatusOr<ExecutionsRead> MemoryStorage::Read(const std::vector<ExecutionKey>& keys) {
  return Run(Call::kRead, [&] {
    ExecutionsRead read{.token = TokenNow(), .now = now_};
    for (const auto& [key, row] : state_->executions) {
      if (Contains(keys, key)) read.executions.push_back(WithJournal(row.execution));
    }
    return read;
  });
}

absl::StatusOr<ExecutionsRead> MemoryStorage::ReadFrom(const ExecutionKey& key, int64_t from_seq) {
  absl::StatusOr<ExecutionsRead> read = Read({key});
  if (!read.ok()) return read;
  for (StoredExecution& execution : read->executions) {
    std::erase_if(execution.rows, [&](const JournalRow& row) { return row.seq < from_seq; });
  }
  return read;
}

absl::StatusOr<std::vector<int64_t>> MemoryStorage::ReadLastSeqs(
    const std::vector<ExecutionKey>& keys) {
  return Run(Call::kRead, [&] {
    std::vector<int64_t> seqs;
    for (const ExecutionKey& key : keys) {
      const auto found = state_->journal.find(key);
      const bool is_empty = found == state_->journal.end() || found->second.empty();
      seqs.push_back(is_empty ? 0 : found->second.rbegin()->first);
    }
    return seqs;
  });
}

Claim MemoryStorage::TakeUp(const NodeIncarnation& me, Row* row) {
  StoredExecution& execution = row->execution;
  const bool is_loss = row->unfenced && execution.owner != me;
  row->unfenced = row->unfenced ? !is_loss : execution.losses == 0;
  if (is_loss) ++execution.losses;
  row->wake_at = std::nullopt;
  execution.owner = me;
  ++execution.claims;
  return {.key = execution.key, .claims = execution.claims, .losses = execution.losses};
}

absl::StatusOr<std::vector<Claim>> MemoryStorage::ClaimDue(const NodeIncarnation& me, int limit) {
  return Run(Call::kClaim, [&] {
    std::vector<Row*> due;
    for (auto& [key, row] : state_->executions) {
      if (!row.execution.owner && row.wake_at && *row.wake_at <= now_) due.push_back(&row);
    }
    std::stable_sort(due.begin(), due.end(),
                     [](const Row* a, const Row* b) { return *a->wake_at < *b->wake_at; });
    std::vector<Claim> claims;
    for (Row* row : due) {
      if (claims.size() < static_cast<size_t>(limit)) claims.push_back(TakeUp(me, row));
    }
    return claims;
  });
}

absl::StatusOr<std::vector<Claim>> MemoryStorage::ClaimLost(
    const NodeIncarnation& me, const std::vector<NodeIncarnation>& alive, int limit) {
  return Run(Call::kClaim, [&] {
    std::vector<Claim> claims;
    for (auto& [key, row] : state_->executions) {
      if (!row.execution.owner || Contains(alive, *row.execution.owner)) continue;
      if (claims.size() < static_cast<size_t>(limit)) claims.push_back(TakeUp(me, &row));
    }
    return claims;
  });
}

absl::StatusOr<std::vector<Claim>> MemoryStorage::ClaimKeys(const NodeIncarnation& me,
                                                            const std::vector<ExecutionKey>& keys) {
  return Run(Call::kClaim, [&] {
    std::vector<Claim> claims;
    for (auto& [key, row] : state_->executions) {
      const std::optional<NodeIncarnation>& owner = row.execution.owner;
      const bool is_free =
          !owner && (row.wake_at || row.execution.status == ExecutionStatus::kRunning);
      if (Contains(keys, key) && (is_free || owner == me)) claims.push_back(TakeUp(me, &row));
    }
    return claims;
  });
}

absl::StatusOr<ExecutionStorage::Owned> MemoryStorage::ReadOwned(const NodeIncarnation& me) {
  return Run(Call::kReadOwned, [&] {
    Owned owned{.token = TokenNow(), .now = now_};
    for (const auto& [key, row] : state_->executions) {
      if (row.execution.owner != me) continue;
      owned.claims.push_back(
          {.key = key, .claims = row.execution.claims, .losses = row.execution.losses});
    }
    return owned;
  });
}

absl::StatusOr<bool> MemoryStorage::MarkTakenUp(const NodeIncarnation& me, const Claim& claim) {
  return Run(Call::kClaim, [&] {
    const auto found = state_->executions.find(claim.key);
    if (found == state_->executions.end()) return false;
    Row& row = found->second;
    if (row.execution.owner != me || row.execution.claims != claim.claims) return false;
    row.unfenced = true;
    return true;
  });
}

absl::Status MemoryStorage::Release(const NodeIncarnation& me,
                                    const std::vector<ExecutionKey>& keys, absl::Duration rest) {
  const auto released = Run(Call::kRelease, [&] {
    for (auto& [key, row] : state_->executions) {
      if (row.execution.owner != me || !Contains(keys, key)) continue;
      row.execution.owner = std::nullopt;
      row.wake_at = now_ + rest;
      row.unfenced = false;
    }
    return true;
  });
  return released.status();
}

absl::Status MemoryStorage::Quarantine(const NodeIncarnation& me, const ExecutionKey& key,
                                       const std::string& reason) {
  const auto quarantined = Run(Call::kQuarantine, [&] {
    const auto found = state_->executions.find(key);
    if (found == state_->executions.end()) return false;
    Row& row = found->second;
    StoredExecution& execution = row.execution;
    if (execution.owner != me || execution.status != ExecutionStatus::kRunning) return false;
    execution.status = ExecutionStatus::kQuarantined;
    execution.owner = std::nullopt;
    execution.error = db::ShownText(reason);
    row.wake_at = std::nullopt;
    row.unfenced = false;
    return true;
  });
  return quarantined.status();
}

absl::StatusOr<Heartbeat> MemoryStorage::Beat(const NodeIncarnation& me,
                                              const std::string& address) {
  return Run(Call::kBeat, [&] {
    NodeRow& row = state_->nodes[me];
    row = {.node = me, .beats = row.beats + 1, .address = address};
    return Heartbeat{.token = TokenNow(), .now = now_};
  });
}

absl::StatusOr<std::vector<NodeRow>> MemoryStorage::ReadNodes() {
  const std::lock_guard lock(mutex_);
  std::vector<NodeRow> rows;
  for (const auto& [node, row] : state_->nodes) rows.push_back(row);
  return rows;
}

absl::Status MemoryStorage::RemoveNodes(const std::vector<NodeIncarnation>& nodes) {
  const std::lock_guard lock(mutex_);
  for (const NodeIncarnation& node : nodes) state_->nodes.erase(node);
  return absl::OkStatus();
}

absl::Status MemoryStorage::EnsurePartitions(int days_ahead) {
  const std::lock_guard lock(mutex_);
  state_->first_day = std::min(state_->first_day, DayOf(now_) - absl::Hours(24));
  state_->end_day = std::max(state_->end_day, DayOf(now_) + absl::Hours(24 * (days_ahead + 1)));
  return absl::OkStatus();
}

}  // namespace millrace::testing
