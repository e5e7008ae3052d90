#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/core/step.h"
#include "engine/runtime/store_calls.h"

namespace millrace {

// Drives one execution by Step alone, on a clock that begins at 2023-11-14T22:13:20Z. After every
// step it checks that the journal, folded from nothing, gives the very snapshot that is live, and
// that what it has outstanding is exactly what was commanded and has not come back.
class CorePlayer {
 public:
  // A definition, which a language may stand before: "ASW {...}".
  explicit CorePlayer(absl::string_view workflow);

  // With all that follows without waiting: reading and writing objects, and going on.
  StepRefusal Take(decltype(Event::what) what);
  // Time goes on; alarms ring in their order.
  void Advance(absl::Duration duration);
  // All but the journal is lost: goes on with what it folds to.
  void Crash();

  ExecutionInfo& info() { return info_; }
  ObjectStore& objects() { return *objects_; }
  // Of all rows so far, in bytes as they are stored.
  const std::vector<std::string>& rows() const { return rows_; }
  const Program& program() const { return *program_; }
  const Snapshot& snapshot() const { return snapshot_; }
  const std::vector<HistoryEvent>& history() const { return history_; }
  absl::Time now() const { return now_; }

  // All calls of functions so far, by event id.
  const std::map<int64_t, InvokeFunction>& calls() const { return calls_; }
  // All child executions that were to be started, likewise.
  const std::map<int64_t, StartChild>& children() const { return children_; }
  const std::vector<StartChild>& stopped() const { return stopped_; }
  // When the next alarm rings, if one is set.
  std::optional<absl::Time> next_alarm() const;

 private:
  StepRefusal TakeOne(decltype(Event::what) what);
  void FollowUp(const Command& command);
  std::optional<SetAlarm> FirstAlarm() const;
  Snapshot Fold(std::vector<HistoryEvent>* history) const;
  void CheckReplay();
  void CheckOutstanding(const Snapshot& folded);
  bool IsLive(int64_t event_id) const;

  ExecutionInfo info_;
  std::shared_ptr<const Program> program_;
  absl::Time now_;
  Snapshot snapshot_;
  std::vector<HistoryEvent> history_;
  std::vector<std::string> rows_;
  std::map<int64_t, InvokeFunction> calls_;
  std::map<int64_t, StartChild> children_;
  std::vector<StartChild> stopped_;
  std::map<int64_t, SetAlarm> alarms_;  // those that may still ring
  std::vector<Command> follow_ups_;     // all other commands that have not been carried out
  std::unique_ptr<MemoryObjectStore> objects_ = std::make_unique<MemoryObjectStore>();
};

}  // namespace millrace
