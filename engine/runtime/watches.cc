#include "engine/runtime/watches.h"

#include <algorithm>
#include <utility>

#include "engine/runtime/history_reader.h"

namespace millrace {

struct Watches::Watch {
  Watch(HistoryReader reader, Executions::WatchCallbacks callbacks)
      : key(reader.key()), reader(std::move(reader)), callbacks(std::move(callbacks)) {}

  const ExecutionKey key;
  HistoryReader reader;  // whoever has set is_reading uses it
  Executions::WatchCallbacks callbacks;
  std::mutex mutex;  // guards the rest, and keeps callbacks one at a time
  int64_t next_seq = 1;
  bool is_reading = false;
  bool is_stale = false;  // told that there is more while reading
  bool is_over = false;
};

class Watches::Handle : public Executions::Waiting {
 public:
  Handle(Watches* watches, std::shared_ptr<Watch> watch)
      : watches_(watches), watch_(std::move(watch)) {}
  ~Handle() override { Handle::Cancel(); }
  void Cancel() override { watches_->Finish(watch_, absl::CancelledError("the watch was ended")); }

 private:
  Watches* const watches_;
  const std::shared_ptr<Watch> watch_;
};

Watches::Watches(ExecutionStorage* storage, Workflows* workflows)
    : storage_(storage), workflows_(workflows) {}

std::shared_ptr<Executions::Waiting> Watches::Add(const ExecutionKey& key, int64_t after_id,
                                                  Executions::WatchCallbacks callbacks) {
  auto watch = std::make_shared<Watch>(HistoryReader(storage_, workflows_, key, after_id),
                                       std::move(callbacks));
  {
    const std::lock_guard lock(mutex_);
    by_key_[key].push_back(watch);
    ++count_;
  }
  Look(watch);
  return std::make_shared<Handle>(this, std::move(watch));
}

void Watches::Notify(const ExecutionKey& key) {
  if (count_.load(std::memory_order_relaxed) == 0) return;
  std::vector<std::shared_ptr<Watch>> watches;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    watches = found->second;
  }
  for (const std::shared_ptr<Watch>& watch : watches) Look(watch);
}

std::vector<std::shared_ptr<Watches::Watch>> Watches::All() {
  std::vector<std::shared_ptr<Watch>> watches;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, some] : by_key_) watches.insert(watches.end(), some.begin(), some.end());
  return watches;
}

void Watches::LookForGrowth() {
  if (count_.load(std::memory_order_relaxed) == 0) return;
  const std::vector<std::shared_ptr<Watch>> watches = All();
  std::vector<ExecutionKey> keys;
  for (const std::shared_ptr<Watch>& watch : watches) keys.push_back(watch->key);
  const absl::StatusOr<std::vector<int64_t>> last_seqs = storage_->ReadLastSeqs(keys);
  if (!last_seqs.ok()) return;  // the next round asks again
  for (size_t i = 0; i < watches.size(); ++i) {
    int64_t next_seq = 0;
    {
      const std::lock_guard lock(watches[i]->mutex);
      next_seq = watches[i]->next_seq;
    }
    // Removed, or fewer than were read: the watch is to hear of that too.
    if ((*last_seqs)[i] != next_seq - 1) Look(watches[i]);
  }
}

void Watches::EndAll(const absl::Status& status) {
  for (const std::shared_ptr<Watch>& watch : All()) Finish(watch, status);
  work_.Stop();
}

void Watches::Look(const std::shared_ptr<Watch>& watch) {
  {
    const std::lock_guard lock(watch->mutex);
    if (watch->is_over) return;
    if (watch->is_reading) {
      watch->is_stale = true;
      return;
    }
    watch->is_reading = true;
  }
  work_.Add([this, watch] { Read(watch); });
}

void Watches::Read(const std::shared_ptr<Watch>& watch) {
  {
    const std::lock_guard lock(watch->mutex);
    if (watch->is_over) return;
    watch->is_stale = false;
  }
  absl::StatusOr<HistoryReader::News> news = watch->reader.ReadOn();
  bool again = false;
  {
    const std::lock_guard lock(watch->mutex);
    if (watch->is_over) return;
    watch->next_seq = watch->reader.next_seq();
    if (news.ok() && !news->events.empty()) {
      watch->callbacks.events(std::move(news->events));
    }
    again = watch->is_stale && news.ok() && !news->ended;
    watch->is_reading = again;
  }
  if (!news.ok()) return Finish(watch, news.status());
  if (news->ended) return Finish(watch, absl::OkStatus());
  if (again) work_.Add([this, watch] { Read(watch); });
}

void Watches::Finish(const std::shared_ptr<Watch>& watch, const absl::Status& status) {
  {
    const std::lock_guard lock(watch->mutex);
    if (watch->is_over) return;
    watch->is_over = true;
    watch->callbacks.end(status);
  }
  const std::lock_guard lock(mutex_);
  --count_;
  const auto found = by_key_.find(watch->key);
  if (found == by_key_.end()) return;
  std::erase(found->second, watch);
  if (found->second.empty()) by_key_.erase(found);
}

}  // namespace millrace
