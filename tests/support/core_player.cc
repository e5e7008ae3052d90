#include "tests/support/core_player.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "engine/journal/row_codec.h"
#include "engine/languages/compile.h"
#include "tests/support/scenario.h"

namespace millrace {

CorePlayer::CorePlayer(absl::string_view workflow)
    : info_({.execution_name = "projects/p/workflows/w/executions/e",
             .execution_id = "e",
             .workflow_name = "projects/p/workflows/w",
             .workflow_id = "w"}),
      now_(absl::FromUnixSeconds(1'700'000'000)) {
  const ScenarioWorkflow parsed = ParseWorkflow(workflow);
  CompileResult compiled = Compile(parsed.language, parsed.definition, {});
  for (const Problem& problem : compiled.problems) {
    if (problem.severity == Severity::kWarning) continue;
    ADD_FAILURE() << problem.pointer << ": " << problem.message;
  }
  program_ = std::move(compiled.program);
}

StepRefusal CorePlayer::Take(decltype(Event::what) what) {
  const StepRefusal refusal = TakeOne(std::move(what));
  while (!follow_ups_.empty()) {
    const Command command = follow_ups_.front();
    follow_ups_.erase(follow_ups_.begin());
    FollowUp(command);
  }
  return refusal;
}

void CorePlayer::FollowUp(const Command& command) {
  if (std::holds_alternative<GoOn>(command)) {
    TakeOne(Resumed{});
    return;
  }
  const auto* read = std::get_if<ReadItems>(&command);
  const StoreCall call =
      read != nullptr ? StoreCall(*read) : StoreCall(std::get<WriteResults>(command));
  const int64_t event_id = std::visit([](const auto& some) { return some.event_id; }, call);
  const InvocationResult answer = CallStore(objects_.get(), call);
  if (answer.ok()) {
    TakeOne(TaskSucceeded{.event_id = event_id, .output = *answer});
  } else {
    TakeOne(TaskFailed{.event_id = event_id, .error = answer.error()});
  }
}

StepRefusal CorePlayer::TakeOne(decltype(Event::what) what) {
  const int64_t last_id = snapshot_.last_id;
  StepResult result;
  const StepRefusal refusal =
      Step(*program_, info_, {.at = now_, .what = std::move(what)}, 1'000'000, &snapshot_, &result);
  if (refusal != StepRefusal::kNone) {
    EXPECT_TRUE(result.history.empty()) << "a refused event has left a trace";
    CheckReplay();
    return refusal;
  }
  rows_.push_back(*EncodeRow(result.history, last_id));
  history_.insert(history_.end(), result.history.begin(), result.history.end());
  for (const Command& command : result.commands) {
    if (const auto* alarm = std::get_if<SetAlarm>(&command)) {
      alarms_[alarm->event_id] = *alarm;
    } else if (const auto* call = std::get_if<InvokeFunction>(&command)) {
      calls_[call->event_id] = *call;
    } else if (const auto* child = std::get_if<StartChild>(&command)) {
      children_[child->event_id] = *child;
    } else if (const auto* stop = std::get_if<StopChild>(&command)) {
      stopped_.push_back(stop->child);
    } else {
      follow_ups_.push_back(command);
    }
  }
  CheckReplay();
  return refusal;
}

std::optional<SetAlarm> CorePlayer::FirstAlarm() const {
  std::optional<SetAlarm> first;
  for (const auto& [id, alarm] : alarms_) {
    if (!first.has_value() || alarm.at < first->at) first = alarm;
  }
  return first;
}

std::optional<absl::Time> CorePlayer::next_alarm() const {
  const std::optional<SetAlarm> first = FirstAlarm();
  return first.has_value() ? std::optional(first->at) : std::nullopt;
}

void CorePlayer::Advance(absl::Duration duration) {
  const absl::Time until = now_ + duration;
  for (std::optional<SetAlarm> alarm = FirstAlarm(); alarm.has_value() && alarm->at <= until;
       alarm = FirstAlarm()) {
    alarms_.erase(alarm->event_id);
    now_ = std::max(now_, alarm->at);
    Take(AlarmRang{.event_id = alarm->event_id});
  }
  now_ = until;
}

void CorePlayer::Crash() {
  std::vector<HistoryEvent> history;
  snapshot_ = Fold(&history);
  history_ = std::move(history);
  alarms_.clear();
  for (const Command& command : OutstandingCommands(*program_, snapshot_)) {
    if (const auto* alarm = std::get_if<SetAlarm>(&command)) alarms_[alarm->event_id] = *alarm;
  }
  CheckReplay();
}

bool CorePlayer::IsLive(int64_t event_id) const {
  if (snapshot_.ended) return false;
  return event_id == 0 ? snapshot_.times_out_at.has_value() : snapshot_.waits.contains(event_id);
}

Snapshot CorePlayer::Fold(std::vector<HistoryEvent>* history) const {
  Snapshot folded;
  for (const std::string& row : rows_) {
    const absl::Status status =
        FoldRow(*program_, kJournalFormat, row, &folded,
                [&](const HistoryEvent& event) { history->push_back(event); });
    EXPECT_TRUE(status.ok()) << status;
  }
  return folded;
}

void CorePlayer::CheckReplay() {
  std::vector<HistoryEvent> history;
  const Snapshot folded = Fold(&history);
  ASSERT_EQ(history.size(), history_.size());
  for (size_t i = 0; i < history.size(); ++i) {
    EXPECT_EQ(history[i].id, history_[i].id);
    EXPECT_EQ(history[i].previous_id, history_[i].previous_id);
  }
  EXPECT_EQ(DebugText(folded), DebugText(snapshot_)) << "the journal says something else";
  CheckOutstanding(folded);
}

void CorePlayer::CheckOutstanding(const Snapshot& folded) {
  std::map<int64_t, InvokeFunction> calls;
  std::map<int64_t, SetAlarm> alarms;
  std::map<int64_t, StartChild> children;
  std::vector<Command> others;
  for (const Command& command : OutstandingCommands(*program_, folded)) {
    if (const auto* alarm = std::get_if<SetAlarm>(&command)) {
      alarms[alarm->event_id] = *alarm;
    } else if (const auto* call = std::get_if<InvokeFunction>(&command)) {
      calls[call->event_id] = *call;
    } else if (const auto* child = std::get_if<StartChild>(&command)) {
      children[child->event_id] = *child;
    } else {
      others.push_back(command);
    }
  }
  const auto is_over = [this](const auto& entry) { return !IsLive(entry.first); };
  std::map<int64_t, InvokeFunction> live_calls = calls_;
  std::erase_if(live_calls, is_over);
  std::erase_if(alarms_, is_over);
  std::map<int64_t, StartChild> live_children = children_;
  std::erase_if(live_children, is_over);
  EXPECT_TRUE(children == live_children);
  EXPECT_TRUE(calls == live_calls)
      << "calls outstanding: " << calls.size() << ", commanded: " << live_calls.size();
  EXPECT_TRUE(
      std::is_permutation(others.begin(), others.end(), follow_ups_.begin(), follow_ups_.end()))
      << "outstanding: " << others.size() << ", commanded: " << follow_ups_.size();
  // An alarm that has rung is no longer in `alarms_`, and must not be outstanding either.
  EXPECT_TRUE(alarms == alarms_) << "alarms outstanding: " << alarms.size()
                                 << ", commanded: " << alarms_.size();
}

}  // namespace millrace
