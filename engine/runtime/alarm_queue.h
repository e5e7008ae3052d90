#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "engine/base/ids.h"

namespace millrace {

// The alarms of a lane's executions, the earliest first. Most are never rung, because a task is
// done long before its timeout: those are found and dropped whenever they may be more than half of
// all, so that the memory follows what is outstanding. One thread.
class AlarmQueue {
 public:
  struct Alarm {
    absl::Time at;
    ExecutionKey key;
    int64_t event_id = 0;
    friend bool operator>(const Alarm& a, const Alarm& b) { return a.at > b.at; }
  };

  // `is_live` tells of an alarm whether anybody still waits for it.
  explicit AlarmQueue(std::function<bool(const Alarm&)> is_live) : is_live_(std::move(is_live)) {}

  void Add(const Alarm& alarm) {
    if (alarms_.size() >= prune_at_) Prune();
    alarms_.push_back(alarm);
    std::push_heap(alarms_.begin(), alarms_.end(), std::greater<>());
  }

  // When the next alarm is due; nullopt if there is none.
  std::optional<absl::Time> next_at() const {
    if (alarms_.empty()) return std::nullopt;
    return alarms_.front().at;
  }

  // Takes the next alarm if it is due.
  std::optional<Alarm> PopDue(absl::Time now) {
    if (alarms_.empty() || alarms_.front().at > now) return std::nullopt;
    std::pop_heap(alarms_.begin(), alarms_.end(), std::greater<>());
    const Alarm alarm = alarms_.back();
    alarms_.pop_back();
    return alarm;
  }

  size_t size() const { return alarms_.size(); }

 private:
  static constexpr size_t kPruneAtLeast = 1024;

  void Prune() {
    std::erase_if(alarms_, [this](const Alarm& alarm) { return !is_live_(alarm); });
    std::make_heap(alarms_.begin(), alarms_.end(), std::greater<>());
    prune_at_ = std::max(kPruneAtLeast, 2 * alarms_.size());
  }

  const std::function<bool(const Alarm&)> is_live_;
  std::vector<Alarm> alarms_;
  size_t prune_at_ = kPruneAtLeast;
};

}  // namespace millrace
