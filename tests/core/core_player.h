#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/core/step.h"

namespace millrace {

// Drives one execution by Step alone. After every step it checks that the journal, folded from
// nothing, gives the very snapshot that is live, and that what it has outstanding is exactly what
// was commanded and has not come back.
class CorePlayer {
 public:
  explicit CorePlayer(absl::string_view definition);

  StepRefusal Take(decltype(Event::what) what);
  // Time goes on; alarms ring in their order.
  void Advance(absl::Duration duration);

  ExecutionInfo& info() { return info_; }
  const Program& program() const { return *program_; }
  const Snapshot& snapshot() const { return snapshot_; }
  const std::vector<HistoryEvent>& history() const { return history_; }
  absl::Time now() const { return now_; }

  // Calls that nobody has looked at yet, and those that have no answer yet, oldest first.
  std::deque<InvokeFunction>& new_calls() { return new_calls_; }
  std::vector<InvokeFunction>& open_calls() { return open_calls_; }

 private:
  void CheckReplay();
  void CheckOutstanding(const Snapshot& folded);
  bool IsLive(int64_t event_id) const;

  ExecutionInfo info_;
  std::shared_ptr<const Program> program_;
  absl::Time now_;
  Snapshot snapshot_;
  std::vector<HistoryEvent> history_;
  std::vector<std::string> rows_;
  std::deque<InvokeFunction> new_calls_;
  std::vector<InvokeFunction> open_calls_;
  std::map<int64_t, InvokeFunction> calls_;  // all commands so far, the last by event id
  std::map<int64_t, SetAlarm> alarms_;
};

}  // namespace millrace
