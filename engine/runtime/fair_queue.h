#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "engine/base/ids.h"

namespace millrace {

// Executions that have something to do, handed out round-robin by project, so that one project's
// thousands do not keep another's few waiting. Each is queued once.
class FairQueue {
 public:
  void Push(const std::string& project, const ExecutionKey& key) {
    if (!queued_.emplace(key, true).second) return;
    std::deque<ExecutionKey>& line = lines_[project];
    if (line.empty()) turns_.push_back(project);
    line.push_back(key);
  }

  std::optional<ExecutionKey> Pop() {
    if (turns_.empty()) return std::nullopt;
    const std::string project = std::move(turns_.front());
    turns_.pop_front();
    std::deque<ExecutionKey>& line = lines_[project];
    const ExecutionKey key = line.front();
    line.pop_front();
    if (line.empty()) {
      lines_.erase(project);
    } else {
      turns_.push_back(project);
    }
    queued_.erase(key);
    return key;
  }

  bool empty() const { return turns_.empty(); }
  size_t size() const { return queued_.size(); }

 private:
  absl::flat_hash_map<std::string, std::deque<ExecutionKey>> lines_;
  std::deque<std::string> turns_;
  absl::flat_hash_map<ExecutionKey, bool> queued_;
};

}  // namespace millrace
