#include "tests/core/core_player.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/journal/row_codec.h"
#include "engine/languages/compile.h"

namespace millrace {

CorePlayer::CorePlayer(absl::string_view definition)
    : info_({.execution_name = "projects/p/workflows/w/executions/e",
             .execution_id = "e",
             .workflow_name = "projects/p/workflows/w",
             .workflow_id = "w"}),
      now_(absl::FromUnixSeconds(1'700'000'000)) {
  CompileResult compiled = Compile("ASL", definition, {});
  for (const Problem& problem : compiled.problems) {
    ADD_FAILURE() << problem.pointer << ": " << problem.message;
  }
  program_ = std::move(compiled.program);
}

StepRefusal CorePlayer::Take(decltype(Event::what) what) {
  const int64_t last_id = snapshot_.last_id;
  StepResult result;
  const StepRefusal refusal =
      Step(*program_, info_, {.at = now_, .what = std::move(what)}, 1'000'000, &snapshot_, &result);
  if (refusal != StepRefusal::kNone) {
    EXPECT_TRUE(result.history.empty()) << "a refused event has left a trace";
    CheckReplay();
    return refusal;
  }
  rows_.push_back(EncodeRow(result.history, last_id));
  history_.insert(history_.end(), result.history.begin(), result.history.end());
  for (const Command& command : result.commands) {
    if (const auto* alarm = std::get_if<SetAlarm>(&command)) {
      alarms_[alarm->event_id] = *alarm;
      continue;
    }
    const auto& call = std::get<InvokeFunction>(command);
    calls_[call.event_id] = call;
    new_calls_.push_back(call);
    open_calls_.push_back(call);
  }
  CheckReplay();
  return refusal;
}

void CorePlayer::Advance(absl::Duration duration) {
  const absl::Time until = now_ + duration;
  while (true) {
    std::optional<SetAlarm> first;
    for (const auto& [id, alarm] : alarms_) {
      if (alarm.at <= until && (!first.has_value() || alarm.at < first->at)) first = alarm;
    }
    if (!first.has_value()) break;
    alarms_.erase(first->event_id);
    now_ = std::max(now_, first->at);
    Take(AlarmRang{.event_id = first->event_id});
  }
  now_ = until;
}

bool CorePlayer::IsLive(int64_t event_id) const {
  if (snapshot_.ended) return false;
  return event_id == 0 ? snapshot_.times_out_at.has_value() : snapshot_.waits.contains(event_id);
}

void CorePlayer::CheckReplay() {
  Snapshot folded;
  size_t count = 0;
  for (const std::string& row : rows_) {
    const absl::Status status =
        FoldRow(*program_, kJournalFormat, row, &folded, [&](const HistoryEvent& event) {
          ASSERT_LT(count, history_.size());
          EXPECT_EQ(event.id, history_[count].id);
          EXPECT_EQ(event.previous_id, history_[count].previous_id);
          ++count;
        });
    ASSERT_TRUE(status.ok()) << status;
  }
  EXPECT_EQ(count, history_.size());
  EXPECT_EQ(DebugText(folded), DebugText(snapshot_)) << "the journal says something else";
  CheckOutstanding(folded);
}

void CorePlayer::CheckOutstanding(const Snapshot& folded) {
  std::map<int64_t, InvokeFunction> calls;
  std::map<int64_t, SetAlarm> alarms;
  for (const Command& command : OutstandingCommands(*program_, folded)) {
    if (const auto* alarm = std::get_if<SetAlarm>(&command)) {
      alarms[alarm->event_id] = *alarm;
    } else {
      calls[std::get<InvokeFunction>(command).event_id] = std::get<InvokeFunction>(command);
    }
  }
  const auto is_over = [this](const auto& entry) { return !IsLive(entry.first); };
  std::erase_if(calls_, is_over);
  std::erase_if(alarms_, is_over);
  EXPECT_TRUE(calls == calls_) << "calls outstanding: " << calls.size()
                               << ", commanded: " << calls_.size();
  // An alarm that has rung is no longer in `alarms_`, and must not be outstanding either.
  EXPECT_TRUE(alarms == alarms_) << "alarms outstanding: " << alarms.size()
                                 << ", commanded: " << alarms_.size();
}

}  // namespace millrace
