#include "engine/runtime/committer.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/log.h"

namespace millrace {
namespace {

// Waits 5 to 250 ms, longer with each try, so that many nodes do not come back in step.
void BackOff(int tries) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  const int most = std::min(250, 10 << std::min(tries, 5));
  std::uniform_int_distribution<int> millis(most / 2, most);
  std::this_thread::sleep_for(std::chrono::milliseconds(millis(random)));
}

CommitResult AllOf(const WriteBatch& batch, RowFate fate) {
  return {.starts = std::vector<RowFate>(batch.starts.size(), fate),
          .appends = std::vector<RowFate>(batch.appends.size(), fate)};
}

// The rows that were not inserted, though an earlier try of the same batch may have been done:
// those that this very batch wrote stand.
absl::Status ResolveDoubt(ExecutionStorage& storage, const WriteBatch& batch,
                          CommitResult* result) {
  std::vector<ExecutionStorage::Place> places;
  std::vector<RowFate*> fates;
  for (size_t i = 0; i < batch.starts.size(); ++i) {
    if (result->starts[i] == RowFate::kDone) continue;
    places.push_back({batch.starts[i].key, 1});
    fates.push_back(&result->starts[i]);
  }
  for (size_t i = 0; i < batch.appends.size(); ++i) {
    if (result->appends[i] == RowFate::kDone) continue;
    places.push_back({batch.appends[i].key, batch.appends[i].seq});
    fates.push_back(&result->appends[i]);
  }
  if (places.empty()) return absl::OkStatus();
  const absl::StatusOr<ExecutionStorage::WritersRead> read = storage.ReadWriters(places);
  if (!read.ok()) return read.status();
  if (read->token != batch.token) {  // rows that were inserted may be lost as well
    *result = AllOf(batch, RowFate::kLost);
    result->token_holds = false;
    return absl::OkStatus();
  }
  for (size_t i = 0; i < places.size(); ++i) {
    if (read->writers[i] == batch.writer) *fates[i] = RowFate::kDone;
  }
  return absl::OkStatus();
}

CommitResult FromOutcome(const WriteOutcome& outcome) {
  CommitResult result;
  for (const bool done : outcome.started) {
    result.starts.push_back(done ? RowFate::kDone : RowFate::kLost);
  }
  for (const bool done : outcome.appended) {
    result.appends.push_back(done ? RowFate::kDone : RowFate::kLost);
  }
  return result;
}

CommitResult CommitTries(ExecutionStorage& storage, const WriteBatch& batch,
                         const std::atomic<bool>& stopping, bool in_doubt);

CommitResult CommitHalves(ExecutionStorage& storage, const WriteBatch& batch,
                          const std::atomic<bool>& stopping, bool in_doubt) {
  WriteBatch first{.writer = batch.writer,
                   .token = batch.token,
                   .deadline = batch.deadline,
                   .format = batch.format};
  WriteBatch second = first;
  const size_t rows = batch.starts.size() + batch.appends.size();
  for (size_t i = 0; i < batch.starts.size(); ++i) {
    (i < rows / 2 ? first : second).starts.push_back(batch.starts[i]);
  }
  for (size_t i = 0; i < batch.appends.size(); ++i) {
    (batch.starts.size() + i < rows / 2 ? first : second).appends.push_back(batch.appends[i]);
  }
  CommitResult result = CommitTries(storage, first, stopping, in_doubt);
  const CommitResult rest = CommitTries(storage, second, stopping, in_doubt);
  result.starts.insert(result.starts.end(), rest.starts.begin(), rest.starts.end());
  result.appends.insert(result.appends.end(), rest.appends.begin(), rest.appends.end());
  result.token_holds = result.token_holds && rest.token_holds;
  return result;
}

// `in_doubt`: an earlier try of these rows, in a larger batch, may have been done.
CommitResult CommitTries(ExecutionStorage& storage, const WriteBatch& batch,
                         const std::atomic<bool>& stopping, bool in_doubt) {
  for (int tries = 0;; ++tries) {
    const absl::StatusOr<WriteOutcome> outcome = storage.Write(batch);
    absl::Status status = outcome.status();
    if (outcome.ok()) {
      if (!outcome->token_holds) {
        CommitResult lost = AllOf(batch, RowFate::kLost);
        lost.token_holds = false;
        return lost;
      }
      CommitResult result = FromOutcome(*outcome);
      if (!in_doubt) return result;
      status = ResolveDoubt(storage, batch, &result);
      if (status.ok()) return result;
    } else if (absl::IsUnknown(status)) {
      in_doubt = true;
    } else if (!absl::IsUnavailable(status) && !absl::IsAborted(status)) {
      if (batch.starts.size() + batch.appends.size() > 1) {
        return CommitHalves(storage, batch, stopping, in_doubt);
      }
      Log(LogLevel::kError, "the database refuses a row",
          {{"error", std::string(status.message())}});
      CommitResult refused = AllOf(batch, RowFate::kRefused);
      if (!in_doubt) return refused;
      status = ResolveDoubt(storage, batch, &refused);
      if (status.ok()) return refused;
    }
    if (stopping.load()) return AllOf(batch, RowFate::kLost);
    if (tries % 20 == 19) {
      Log(LogLevel::kWarning, "a batch cannot be committed yet",
          {{"error", std::string(status.message())}, {"tries", absl::StrCat(tries + 1)}});
    }
    BackOff(tries);
  }
}

}  // namespace

CommitResult CommitBatch(ExecutionStorage& storage, const WriteBatch& batch,
                         const std::atomic<bool>& stopping) {
  return CommitTries(storage, batch, stopping, false);
}

Committer::Committer(ExecutionStorage* storage, Done done)
    : storage_(storage), done_(std::move(done)), thread_([this] { Run(); }) {}

Committer::~Committer() {
  stopping_ = true;
  { const std::lock_guard lock(mutex_); }
  changed_.notify_all();
  thread_.join();
}

void Committer::Submit(WriteBatch batch) {
  {
    const std::lock_guard lock(mutex_);
    next_ = std::move(batch);
  }
  changed_.notify_one();
}

void Committer::Run() {
  while (true) {
    WriteBatch batch;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return next_.has_value() || stopping_; });
      if (!next_.has_value()) return;
      batch = *std::move(next_);
      next_.reset();
    }
    CommitResult result = CommitBatch(*storage_, batch, stopping_);
    done_(std::move(batch), std::move(result));
  }
}

}  // namespace millrace
