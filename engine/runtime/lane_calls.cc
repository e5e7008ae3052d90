// How a lane sends out what executions ask for from outside, and takes or drops the answers.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/runtime/lane.h"

namespace millrace {

// Whether what ends the wait is in hand, and only has to be stepped. The answer to a task of this
// id that another database has lost is none.
bool Lane::IsAnswered(const Held& held, int64_t wait, const Writer& writer) {
  const auto found = held.writers.find(wait);
  const Writer& scheduled = found == held.writers.end() ? writer : found->second;
  return std::any_of(held.events.begin(), held.events.end(), [&](const GivenEvent& event) {
    if (!event.origin.has_value() || event.origin->task.event_id != wait) return false;
    return held.durability == Durability::kSteps ? event.origin->task.writer == scheduled
                                                 : event.origin->task.claims == held.claims;
  });
}

void Lane::Act(Held& held, std::vector<Command> commands, const Writer& writer) {
  if (std::exchange(held.may_have_lost_calls, false)) CancelLost(held);
  for (Command& command : commands) {
    const int64_t wait = std::visit([](const auto& some) { return some.event_id; }, command);
    if (wait != 0 && !held.snapshot.waits.contains(wait)) continue;  // ended since
    if (const auto* alarm = std::get_if<SetAlarm>(&command)) {
      alarms_.Add({.at = alarm->at, .key = held.key, .event_id = alarm->event_id});
    } else if (std::holds_alternative<GoOn>(command)) {
      GiveTo(held, {.what = Resumed{}});
    } else if (wait != 0 && IsAnswered(held, wait, writer)) {
      continue;  // the answer came while the row was being committed
    } else if (const auto* invoke = std::get_if<InvokeFunction>(&command)) {
      Dispatch(held, *invoke, writer);
    } else if (auto* child = std::get_if<StartChild>(&command)) {
      Dispatch(held, std::move(*child), writer);
    } else if (const auto* stop = std::get_if<StopChild>(&command)) {
      StopChildOf(held, stop->child);
    } else if (auto* read = std::get_if<ReadItems>(&command)) {
      Dispatch(held, StoreCall(std::move(*read)), writer);
    } else {
      Dispatch(held, StoreCall(std::get<WriteResults>(std::move(command))), writer);
    }
  }
}

namespace {

// Tasks that are over leave their writers behind, until they may be most of them.
void ForgetClosedWriters(Held& held) {
  if (held.writers.size() <= 2 * held.snapshot.waits.size() + 16) return;
  absl::erase_if(held.writers,
                 [&](const auto& entry) { return !held.snapshot.waits.contains(entry.first); });
}

// Unique in this process: an execution belongs to one lane.
std::string CallId(const ExecutionKey& key, uint64_t call) {
  return absl::StrCat(key.uuid.ToString(), "/", call);
}

}  // namespace

std::optional<GivenEvent::Origin> Lane::BeginCall(Held& held, int64_t event_id,
                                                  const Writer& writer) {
  GivenEvent::Origin origin{.task = {.key = held.key, .event_id = event_id}, .call = next_call_};
  if (held.durability == Durability::kSteps) {
    origin.task.writer = held.writers.try_emplace(event_id, writer).first->second;
    ForgetClosedWriters(held);
  } else {
    origin.task.claims = held.claims;
  }
  if (!AddCall(held, origin.task)) return std::nullopt;
  return origin;
}

InvocationDone Lane::AnswerTo(const ExecutionKey& key, const GivenEvent::Origin& origin) const {
  return [inbox = inbox_, key, origin](AslResult<Json> result) {
    GivenEvent event{.origin = origin};
    if (result.ok()) {
      event.what = TaskSucceeded{.event_id = origin.task.event_id, .output = *std::move(result)};
    } else {
      event.what = TaskFailed{.event_id = origin.task.event_id, .error = result.error()};
    }
    inbox->Post(lane_message::Give{.key = key, .event = std::move(event)});
  };
}

void Lane::CallOrDefer(std::string call_id, std::function<void()> call) {
  DeferredCall deferred{.call_id = std::move(call_id), .call = std::move(call)};
  if (node_->MayDispatch() && deferred_.empty()) {
    deferred.call();
  } else {
    deferred_.push_back(std::move(deferred));
  }
}

void Lane::Dispatch(Held& held, const InvokeFunction& invoke, const Writer& writer) {
  const std::optional<GivenEvent::Origin> origin = BeginCall(held, invoke.event_id, writer);
  if (!origin.has_value()) return;
  const std::string key = held.durability == Durability::kSteps
                              ? IdempotencyKey(held.key, invoke.event_id, origin->task.writer)
                              : IdempotencyKey(held.key, invoke.event_id, held.claims);
  if (invoke.is_queued) return Offer(held, invoke, origin->task, key, writer);
  InvocationContext context{.execution_name = held.info.execution_name,
                            .event_id = invoke.event_id,
                            .idempotency_key = key,
                            .request_id = key,
                            .function_name = invoke.function,
                            .call_id = CallId(held.key, origin->call)};
  const FunctionId function{.project = held.of.workflow.id.project, .function = invoke.function};
  const std::string call_id = context.call_id;
  CallOrDefer(call_id, [this, function, payload = invoke.payload, context = std::move(context),
                        done = AnswerTo(held.key, *origin)]() mutable {
    hooks_.invoke(function, std::move(payload), std::move(context), std::move(done));
  });
}

void Lane::Offer(const Held& held, const InvokeFunction& invoke, const TaskId& task,
                 std::string idempotency_key, const Writer& writer) {
  UnderWay& under_way = under_way_[task];
  under_way.is_queued = true;
  QueuedTask queued{
      .id = task,
      .project = held.of.workflow.id.project,
      .queue = invoke.function,
      .payload = invoke.payload,
      .execution_name = held.info.execution_name,
      .idempotency_key = std::move(idempotency_key),
      .may_be_held = held.durability == Durability::kSteps && !(task.writer == writer)};
  if (invoke.heartbeat_seconds.has_value()) {
    queued.heartbeat = absl::Seconds(*invoke.heartbeat_seconds);
  }
  if (node_->MayDispatch() && deferred_.empty()) return offered_.push_back(std::move(queued));
  CallOrDefer(CallId(held.key, under_way.number),
              [this, queued = std::move(queued)] { offered_.push_back(queued); });
}

void Lane::Dispatch(Held& held, StoreCall call, const Writer& writer) {
  const int64_t event_id = std::visit([](const auto& some) { return some.event_id; }, call);
  const std::optional<GivenEvent::Origin> origin = BeginCall(held, event_id, writer);
  if (!origin.has_value()) return;
  const std::string call_id = CallId(held.key, origin->call);
  CallOrDefer(call_id, [this, call_id, call = std::move(call),
                        done = AnswerTo(held.key, *origin)]() mutable {
    hooks_.call_store(call_id, std::move(call), std::move(done));
  });
}

namespace {

std::string ChildIdOf(const Held& held, const StartChild& child) {
  if (!child.name.empty()) return child.name;
  return absl::StrCat(held.key.uuid.ToString(), "-", child.event_id);
}

}  // namespace

void Lane::StopChildOf(const Held& held, const StartChild& child) {
  const ExecutionId id{
      .workflow = {.project = held.of.workflow.id.project, .workflow = child.workflow},
      .execution = ChildIdOf(held, child)};
  CallOrDefer("", [this, id] { hooks_.stop_child(id); });
}

void Lane::Dispatch(Held& held, StartChild call, const Writer& writer) {
  const std::optional<GivenEvent::Origin> origin = BeginCall(held, call.event_id, writer);
  if (!origin.has_value()) return;
  const std::string id = ChildIdOf(held, call);
  auto started = [inbox = inbox_, key = held.key, event_id = call.event_id](Json output) {
    GivenEvent event{.what = ChildStarted{.event_id = event_id, .output = std::move(output)}};
    inbox->Post(lane_message::Give{.key = key, .event = std::move(event)});
  };
  const std::string call_id = CallId(held.key, origin->call);
  CallOrDefer(call_id, [this, child = ChildCall{.call_id = call_id,
                                                .project = held.of.workflow.id.project,
                                                .what = std::move(call),
                                                .execution_id = id,
                                                .started = std::move(started),
                                                .done = AnswerTo(held.key, *origin)}] {
    hooks_.start_child(child);
  });
}

void Lane::FlushDeferred() {
  while (!deferred_.empty() && node_->MayDispatch()) {
    const DeferredCall deferred = std::move(deferred_.front());
    deferred_.pop_front();
    deferred.call();
  }
}

// False if the call is under way already.
bool Lane::AddCall(Held& held, const TaskId& call) {
  const auto before = held.calls.find(call.event_id);
  // Of a row or a run that another database has lost: another task.
  if (before != held.calls.end() && before->second != call) Cancel(before->second);
  held.calls[call.event_id] = call;
  if (!under_way_.try_emplace(call, UnderWay{.number = next_call_}).second) return false;
  ++next_call_;
  return true;
}

// False if nobody waits for the answer: the call was cancelled. A worker's always counts: its task
// may have been given to it by another server.
bool Lane::TakeAnswer(const ExecutionKey& key, const GivenEvent::Origin& origin) {
  const auto call = under_way_.find(origin.task);
  if (origin.call != 0 && (call == under_way_.end() || call->second.number != origin.call)) {
    return false;
  }
  if (call == under_way_.end()) return true;
  if (Held* held = Find(key); held != nullptr) {
    const auto listed = held->calls.find(origin.task.event_id);
    if (listed != held->calls.end() && listed->second == call->first) held->calls.erase(listed);
  }
  under_way_.erase(call);
  return true;
}

void Lane::Cancel(const TaskId& call, bool is_over) {
  const auto found = under_way_.find(call);
  if (found == under_way_.end()) return;
  const bool is_queued = found->second.is_queued;
  const std::string call_id = CallId(call.key, found->second.number);
  under_way_.erase(found);
  const auto deferred = std::find_if(deferred_.begin(), deferred_.end(),
                                     [&](const auto& some) { return some.call_id == call_id; });
  if (deferred != deferred_.end()) {
    deferred_.erase(deferred);
  } else if (is_queued) {
    std::erase_if(offered_, [&](const QueuedTask& queued) { return queued.id == call; });
    is_over ? hooks_.cancel_queued(call) : hooks_.forget_queued(call);
  } else {
    hooks_.cancel(call_id);
  }
}

// Ends the calls of tasks that are over without an answer: that have timed out, or whose branch or
// execution was ended.
void Lane::CancelLost(Held& held) {
  absl::erase_if(held.calls, [&](const auto& entry) {
    if (held.snapshot.waits.contains(entry.first)) return false;
    Cancel(entry.second);
    return true;
  });
}

// Of an execution that this lane no longer holds: its answers would be dropped.
void Lane::CancelAll(const Held& held) {
  for (const auto& [event_id, call] : held.calls) Cancel(call, /*is_over=*/false);
}

}  // namespace millrace
