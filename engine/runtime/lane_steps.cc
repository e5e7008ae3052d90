// How a lane steps executions, and how it takes them up and lets them go.
#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/errors.h"
#include "engine/journal/row_codec.h"
#include "engine/runtime/lane.h"

namespace millrace {
namespace {

// History events of one step, after which a spare thread does it: some 5 ms of a lane's time.
constexpr int64_t kLaneFuel = 1000;
// Of snapshots of more frames no copy is kept to go back to, which would cost more than the step.
constexpr size_t kCopiedFramesMax = 64;
// After such a step the next one of its execution is not tried in the lane first. There are few
// spare threads, so one heavy step is not to bring all later ones there.
constexpr int64_t kLongNanos = 2'000'000;
// A row that has this much takes no further event.
constexpr size_t kRowBytesMax = 1 << 20;

// Whether a task may have ended with this event that has not answered.
bool EndsOthersTask(const HistoryEvent& event) {
  return event.type == EventType::kStateAborted || event.type == EventType::kTaskTimedOut;
}

int64_t FullFuel(const ExecutionInfo& info) { return 4 * info.events_max + 1000; }

}  // namespace

void Lane::StepEvents(Held& held) {
  const ExecutionKey key = held.key;
  // What has come for one execution meanwhile goes into one row, unless that grows too large.
  while (!held.events.empty() && !held.snapshot.ended && held.row_bytes < kRowBytesMax) {
    if (!StepOne(held)) {
      if (Find(key) == nullptr) return;  // quarantined
      break;
    }
  }
  AfterSteps(held);
}

// A result of a task that this execution, as it now stands, has not scheduled, or that has come
// already.
bool Lane::IsOfAnotherTask(const Held& held, const GivenEvent& given) {
  if (!given.origin.has_value() || held.durability == Durability::kNone) return false;
  const TaskId& task = given.origin->task;
  if (held.durability == Durability::kEnds) return task.claims != held.claims;
  // What a worker was given by a server that knew more than this one: the step says that it is
  // unknown.
  if (given.is_workers() && !IsGivenOut(held.snapshot, task.event_id)) return false;
  const auto writer = held.writers.find(task.event_id);
  return writer == held.writers.end() || writer->second != task.writer;
}

// A worker's result that has no effect, as this snapshot stands: with the row that is being made,
// which may be why. Without it the result might count.
void Lane::SettleWithRow(Held& held, GivenEvent given) {
  const bool makes_row =
      held.durability == Durability::kSteps && (!held.history.empty() || held.needs_fence);
  if (makes_row && given.receipt.has_value()) {
    held.applied.push_back(std::move(given));
  } else {
    Settle(given, held);
  }
}

bool Lane::StepOne(Held& held) {
  GivenEvent given = std::move(held.events.front());
  held.events.pop_front();
  if (IsOfAnotherTask(held, given)) {
    SettleWithRow(held, std::move(given));
    return true;
  }
  // What a journal holds needs no copy to go back to, which costs as much as a step does.
  const bool is_journaled = held.durability == Durability::kSteps && !held.start.has_value();
  const bool is_wide = held.snapshot.frames.size() > kCopiedFramesMax;
  if (given.is_long || held.is_heavy || (is_wide && !is_journaled)) {
    StepOnSpareThread(held, std::move(given));
    return false;
  }
  const Event event{.at = clock_->Now(), .what = given.what};
  StepResult result;
  try {
    std::optional<Snapshot> before;
    if (!is_journaled) before = held.snapshot;
    const StepRefusal refusal =
        Step(*held.of.program, held.info, event, kLaneFuel, &held.snapshot, &result);
    if (refusal != StepRefusal::kTooLong) {
      return TakeStep(held, refusal, std::move(given), std::move(result));
    }
    given.is_long = true;
    held.is_heavy = true;
    if (before.has_value()) {
      held.snapshot = *std::move(before);
      StepOnSpareThread(held, std::move(given));
    } else {
      held.events.push_front(std::move(given));
      UndoRow(held);
      ReadAgain(held);
    }
    return false;
  } catch (const BrokenInvariant& broken) {
    Log(LogLevel::kError, "a step has broken an invariant",
        {{"execution", held.key.uuid.ToString()}, {"where", broken.what()}});
    given.Settle(/*is_final=*/false,
                 [&] { return errors::ExecutionQuarantined(held.info.execution_name); });
    Quarantine(held, broken.what());
    return false;
  }
}

// Of the row being made: a batch is limited by them, and so is what one row gathers.
void Lane::CountBytes(Held& held, const std::vector<HistoryEvent>& history) {
  size_t bytes = 0;
  for (const HistoryEvent& event : history) {
    bytes += 64 + BytesOf(event);
  }
  held.row_bytes += bytes;
  if (held.is_building) building_bytes_ += bytes;
}

void Lane::StepOnSpareThread(Held& held, GivenEvent given) {
  held.is_stepping = true;
  const bool keeps_copy =
      held.durability == Durability::kSteps || held.snapshot.frames.size() <= kCopiedFramesMax;
  auto work = [keeps_copy, inbox = inbox_, key = held.key, program = held.of.program,
               info = held.info, at = clock_->Now(), snapshot = std::move(held.snapshot),
               given = std::move(given)]() mutable {
    lane_message::Stepped stepped{.key = key, .event = given};
    // To go back to: but each step of a wide EXPRESS execution comes here, and a copy costs more.
    std::optional<Snapshot> before;
    if (keeps_copy) before = snapshot;
    const int64_t begun_nanos = SteadyNanos();
    try {
      stepped.refusal = Step(*program, info, Event{.at = at, .what = given.what}, FullFuel(info),
                             &snapshot, &stepped.result);
    } catch (const BrokenInvariant& broken) {
      stepped.broken = broken.what();
    }
    stepped.was_long = SteadyNanos() - begun_nanos > kLongNanos;
    const bool is_endless = stepped.refusal == StepRefusal::kTooLong;
    if (is_endless && !before.has_value()) stepped.broken = "a step does not end";
    stepped.snapshot = is_endless && before.has_value() ? *std::move(before) : std::move(snapshot);
    inbox->Post(std::move(stepped));
  };
  spare_->Add(std::move(work));
}

void Lane::Handle(lane_message::Stepped message) {
  Held* held = Find(message.key);
  if (held == nullptr || !held->is_stepping) {  // let go of: whoever waits for the event is told
    return Refuse(std::move(message), errors::DatabaseUnavailable());
  }
  held->is_stepping = false;
  held->is_heavy = message.was_long;
  if (!message.broken.empty()) {
    held->events.push_front(std::move(message.event));  // answered with the rest
    return Quarantine(*held, message.broken);
  }
  if (held->must_read) {  // a new token came meanwhile
    held->events.push_front(std::move(message.event));
    UndoRow(*held);
    return ReadAgain(*held);
  }
  held->snapshot = std::move(message.snapshot);
  if (message.refusal == StepRefusal::kTooLong) {
    FailEndless(*held, std::move(message.event));
    if (Find(message.key) == nullptr) return;  // quarantined
  } else {
    TakeStep(*held, message.refusal, std::move(message.event), std::move(message.result));
  }
  StepEvents(*held);
}

// The event used up all that a step may, and would again: the execution ends before it.
void Lane::FailEndless(Held& held, GivenEvent given) {
  auto* const started = std::get_if<Started>(&given.what);
  if (std::holds_alternative<StepEndless>(given.what) || (started && started->is_endless)) {
    held.events.push_front(std::move(given));
    return Quarantine(held, "an execution cannot be ended within a step");
  }
  if (started != nullptr) {
    started->is_endless = true;
    return held.events.push_front(std::move(given));
  }
  held.events.push_front(std::move(given));  // answered with the end
  held.events.push_front({.what = StepEndless{}, .is_long = true});
}

bool Lane::TakeStep(Held& held, StepRefusal refusal, GivenEvent given, StepResult result) {
  switch (refusal) {
    case StepRefusal::kNone: {
      MILLRACE_CHECK(!held.is_committing);
      if (held.history.empty() && !result.history.empty()) {
        held.row_base = held.snapshot.last_id;
        for (const HistoryEvent& event : result.history) held.row_base -= IsShown(event) ? 1 : 0;
      }
      if (held.durability == Durability::kSteps) CountBytes(held, result.history);
      held.may_have_lost_calls |=
          std::any_of(result.history.begin(), result.history.end(), EndsOthersTask);
      std::move(result.history.begin(), result.history.end(), std::back_inserter(held.history));
      std::move(result.commands.begin(), result.commands.end(), std::back_inserter(held.commands));
      held.applied.push_back(std::move(given));
      return true;
    }
    case StepRefusal::kUnknown:
      // An id that this snapshot has not given out proves it stale: read again, once.
      if (given.was_reread || held.durability != Durability::kSteps) {
        given.Settle(/*is_final=*/false,
                     [&] { return errors::ExecutionEnded(held.info.execution_name); });
        return true;
      }
      given.was_reread = true;
      held.events.push_front(std::move(given));
      UndoRow(held);
      ReadAgain(held);
      return false;
    case StepRefusal::kEnded:
      AnswerEnded(held, std::move(given));
      return true;
    default:  // a duplicate
      SettleWithRow(held, std::move(given));
      return true;
  }
}

// What has been stepped goes into the next batch, or, where steps are not journaled, is acted on.
void Lane::AfterSteps(Held& held) {
  if (held.is_stepping || held.must_read || held.is_building) return;
  const bool is_row = held.durability == Durability::kSteps
                          ? !held.history.empty() || held.needs_fence
                          : held.durability == Durability::kEnds &&
                                (held.start.has_value() || held.snapshot.ended || held.needs_fence);
  if (is_row) {
    held.is_building = true;
    building_.push_back(held.key);
    building_bytes_ += held.row_bytes;
    return;
  }
  if (held.durability == Durability::kSteps) return;
  // EXPRESS between its start and its end.
  Act(held, std::exchange(held.commands, {}), Writer{});
  for (GivenEvent& event : std::exchange(held.applied, {})) Settle(event, held);
  if (held.durability == Durability::kNone) {
    held.history.clear();
    if (held.snapshot.ended) End(held);
  }
}

void Lane::ReadAgain(Held& held) {
  held.must_read = true;
  if (held.is_committing || held.is_stepping) return;  // when that is over
  hooks_.read_again(held.key);
}

// The row being made is given up; the events that made it are not.
void Lane::UndoRow(Held& held) {
  for (auto it = held.applied.rbegin(); it != held.applied.rend(); ++it) {
    it->was_applied = true;
    held.events.push_front(std::move(*it));
  }
  held.applied.clear();
  // Of the snapshot as it was; it will be seen again.
  std::erase_if(held.events, [](const GivenEvent& event) {
    return std::holds_alternative<StepEndless>(event.what);
  });
  held.history.clear();
  held.row_bytes = 0;
  held.commands.clear();
  held.needs_fence = false;
  held.is_building = false;
}

void Lane::Handle(lane_message::TakenUp message) {
  FoldedExecution& folded = message.folded;
  Held* held = Find(folded.key);
  if (held == nullptr) {
    auto made = std::make_unique<Held>();
    made->key = folded.key;
    made->must_read = true;
    held = made.get();
    held_[folded.key] = std::move(made);
  }
  // Read again on the way to its fence, it is still the one that is being taken up.
  if (message.fence_guard != nullptr) held->fence_guard = std::move(message.fence_guard);
  const bool is_busy = held->is_committing || held->is_stepping;
  if (is_busy || (!held->must_read && held->claims >= folded.claims)) {
    // Held already; or what was read may be older than what is being written: read once more then.
    if (is_busy) held->must_read = true;
    return;
  }
  if (message.token != token_) {  // read before the database changed, or before this lane knows
    UndoRow(*held);
    return ReadAgain(*held);
  }
  UndoRow(*held);
  held->must_read = false;
  held->execution_id = folded.execution_id;
  held->of = std::move(folded.of);
  held->info = std::move(folded.info);
  held->durability = held->of.program->is_express ? Durability::kEnds : Durability::kSteps;
  held->snapshot = std::move(folded.snapshot);
  held->seq = folded.next_seq;
  held->claims = folded.claims;
  held->writers = std::move(folded.writers);
  held->may_have_lost_calls = true;
  if (held->snapshot.ended) return End(*held);
  held->needs_fence = true;
  held->commands = OutstandingCommands(*held->of.program, held->snapshot);
  held->row_base = held->snapshot.last_id;
  if (held->durability == Durability::kEnds) {
    held->events.push_front({.what = Resumed{}});
  }
  StepEvents(*held);
}

void Lane::Handle(lane_message::Gone message) {
  Held* held = Find(message.key);
  if (held == nullptr || held->is_committing || held->is_stepping) return;
  AnswerAll(*held, message.status);
  CancelAll(*held);
  held_.erase(message.key);
}

void Lane::Handle(lane_message::ForgetAll message) {
  token_ = std::move(message.token);
  std::vector<ExecutionKey> keys;
  for (const auto& [key, held] : held_) {
    if (held->durability != Durability::kNone && !held->start.has_value()) keys.push_back(key);
  }
  for (const ExecutionKey& key : keys) {
    Held& held = *Find(key);
    if (!held.is_committing && !held.is_stepping) UndoRow(held);
    if (!held.must_read) ReadAgain(held);
  }
}

void Lane::Handle(lane_message::ListHeld message) {
  std::vector<Claim> claims;
  for (const auto& [key, held] : held_) {
    if (held->durability == Durability::kNone) continue;
    const bool is_unknown = held->must_read || held->start.has_value();
    claims.push_back({.key = key, .claims = is_unknown ? kBeingRead : held->claims});
  }
  message.done(std::move(claims));
}

void Lane::Handle(lane_message::Drop message) {
  Held* held = Find(message.key);
  if (held == nullptr || held->must_read || held->is_committing || held->is_stepping ||
      held->claims != message.claims) {
    return;
  }
  UndoRow(*held);
  ReadAgain(*held);
}

}  // namespace millrace
