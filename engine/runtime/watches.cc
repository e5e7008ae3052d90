#include "engine/runtime/watches.h"

#include <algorithm>
#include <utility>

namespace millrace {

struct Watches::Watch {
  ExecutionKey key;
  Executions::WatchCallbacks callbacks;
  std::mutex mutex;  // guards the rest, and keeps callbacks one at a time
  int64_t after_id = 0;
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

Watches::Watches(WorkQueue* work, ReadNews read_news)
    : work_(work), read_news_(std::move(read_news)) {}

std::shared_ptr<Executions::Waiting> Watches::Add(const ExecutionKey& key, int64_t after_id,
                                                  Executions::WatchCallbacks callbacks) {
  auto watch = std::make_shared<Watch>();
  watch->key = key;
  watch->after_id = after_id;
  watch->callbacks = std::move(callbacks);
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

void Watches::NotifyAll() {
  if (count_.load(std::memory_order_relaxed) == 0) return;
  std::vector<std::shared_ptr<Watch>> watches;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, some] : by_key_) watches.insert(watches.end(), some.begin(), some.end());
  }
  for (const std::shared_ptr<Watch>& watch : watches) Look(watch);
}

void Watches::EndAll(const absl::Status& status) {
  std::vector<std::shared_ptr<Watch>> watches;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, some] : by_key_) watches.insert(watches.end(), some.begin(), some.end());
  }
  for (const std::shared_ptr<Watch>& watch : watches) Finish(watch, status);
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
  work_->Add([this, watch] { Read(watch); });
}

void Watches::Read(const std::shared_ptr<Watch>& watch) {
  int64_t after_id = 0;
  {
    const std::lock_guard lock(watch->mutex);
    if (watch->is_over) return;
    watch->is_stale = false;
    after_id = watch->after_id;
  }
  absl::StatusOr<News> news = read_news_(watch->key, after_id);
  bool again = false;
  {
    const std::lock_guard lock(watch->mutex);
    if (watch->is_over) return;
    if (news.ok() && !news->events.empty()) {
      watch->after_id = news->events.back().id;
      watch->callbacks.events(std::move(news->events));
    }
    again = watch->is_stale && news.ok() && !news->ended;
    watch->is_reading = again;
  }
  if (!news.ok()) return Finish(watch, news.status());
  if (news->ended) return Finish(watch, absl::OkStatus());
  if (again) work_->Add([this, watch] { Read(watch); });
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
