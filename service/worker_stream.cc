#include "service/worker_stream.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "engine/program/resource.h"
#include "service/checks.h"
#include "service/names.h"
#include "service/reply.h"
#include "service/request.h"

namespace millrace::service {
namespace {

// Clients accept messages of 4 MiB by default; one item may be larger than that by itself.
constexpr size_t kMessageBytes = 1u << 20;
constexpr int kQueuesMax = 100;
constexpr int kItemsMax = 10'000;
constexpr int kListedMax = 10'000;
constexpr size_t kWorkerIdBytesMax = 128;
// Results whose fate the worker has not been told: beyond, it is not heard until it has.
constexpr int64_t kUntoldMax = 20'000;

void SetDuration(absl::Duration duration, google::protobuf::Duration* proto) {
  proto->set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  proto->set_nanos(static_cast<int>(absl::ToInt64Nanoseconds(duration)));
}

void CheckHello(const v1::WorkerHello& hello, FieldChecks* checks) {
  if (hello.queues().empty() || hello.queues_size() > kQueuesMax) {
    checks->Add("hello.queues",
                absl::StrCat("has 1 to ", kQueuesMax, " names, and has ", hello.queues_size()));
  }
  absl::flat_hash_set<std::string> names;
  for (int i = 0; i < hello.queues_size() && i < kQueuesMax; ++i) {
    const std::string field = absl::StrCat("hello.queues[", i, "]");
    if (!IsQueueName(hello.queues(i))) {
      checks->Add(field, absl::StrCat(Quote(hello.queues(i)),
                                      " is no name of a queue: 1 to 80 of A-Z a-z 0-9 _ . -"));
    } else if (!names.insert(hello.queues(i)).second) {
      checks->Add(field, absl::StrCat(Quote(hello.queues(i)), " is named twice"));
    }
  }
  if (hello.items_max() < 1 || hello.items_max() > kItemsMax) {
    checks->Add("hello.items_max",
                absl::StrCat("is 1 to ", kItemsMax, ", and is ", hello.items_max()));
  }
  if (hello.held_task_tokens_size() > kListedMax) {
    checks->Add("hello.held_task_tokens", absl::StrCat("has at most ", kListedMax, " tokens"));
  }
  checks->SizeAtMost("hello.worker_id", hello.worker_id(), kWorkerIdBytesMax);
}

void CheckLists(const v1::WorkRequest& request, FieldChecks* checks) {
  if (request.results_size() > kListedMax) {
    checks->Add("results", absl::StrCat("has at most ", kListedMax, " results"));
  }
  if (request.heartbeats_size() > kListedMax) {
    checks->Add("heartbeats", absl::StrCat("has at most ", kListedMax, " tokens"));
  }
}

// What a result says, or why it cannot be taken.
absl::StatusOr<AslResult<Json>> OutcomeOf(const v1::TaskResult& result) {
  switch (result.outcome_case()) {
    case v1::TaskResult::kOutput: {
      absl::StatusOr<Json> output =
          ParseJson(result.output(), {.text_bytes_max = result.output().size() + 1});
      if (!output.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat("output is no JSON text: ", output.status().message()));
      }
      return AslResult<Json>(*std::move(output));
    }
    case v1::TaskResult::kFailure: {
      FieldChecks checks;
      checks.SizeAtMost("failure.error", result.failure().error(), kErrorBytesMax);
      checks.SizeAtMost("failure.cause", result.failure().cause(), kCauseBytesMax);
      if (!checks.ok()) return checks.status();
      return AslResult<Json>(
          AslError{.name = result.failure().error(), .cause = result.failure().cause()});
    }
    default:
      return absl::InvalidArgumentError("outcome is required");
  }
}

}  // namespace

absl::Status WorkerStream::Open(const v1::WorkRequest& request) {
  FieldChecks checks;
  if (!request.has_hello()) {
    checks.Add("hello", "is required in a stream's first message");
    return checks.status();
  }
  const v1::WorkerHello& hello = request.hello();
  const std::string project = ParseProjectName("hello.parent", hello.parent(), &checks);
  CheckHello(hello, &checks);
  CheckLists(request, &checks);
  if (!checks.ok()) return checks.status();
  tokens_read_.emplace(queues_->token_key(), project);
  tokens_made_.emplace(queues_->token_key(), project);
  {
    const std::lock_guard lock(mutex_);
    SetDuration(queues_->lease() / 5, own_.mutable_terms()->mutable_heartbeat_interval());
    SetDuration(queues_->lease(), own_.mutable_terms()->mutable_lease());
  }
  const std::weak_ptr<WorkerStream> weak = weak_from_this();
  std::shared_ptr<TaskQueues::Session> session =
      queues_->Open({.project = project,
                     .queues = {hello.queues().begin(), hello.queues().end()},
                     .items_max = hello.items_max(),
                     .held = ReadTokens(hello.held_task_tokens()),
                     .wake = [weak] {
                       if (const std::shared_ptr<WorkerStream> self = weak.lock()) {
                         Calls::Guard(*self, [&] { self->Pump(); });
                       }
                     }});
  {
    const std::lock_guard lock(mutex_);
    session_ = std::move(session);
  }
  TakeResults(request);
  queues_->Hear(*session_, ReadTokens(request.heartbeats()));
  Pump();
  return absl::OkStatus();
}

absl::Status WorkerStream::Hear(const v1::WorkRequest& request) {
  FieldChecks checks;
  if (request.has_hello()) checks.Add("hello", "is only for a stream's first message");
  CheckLists(request, &checks);
  if (!checks.ok()) return checks.status();
  queues_->Hear(*session_, ReadTokens(request.heartbeats()));
  TakeResults(request);
  return absl::OkStatus();
}

std::vector<TaskId> WorkerStream::ReadTokens(
    const google::protobuf::RepeatedPtrField<std::string>& tokens) {
  std::vector<TaskId> tasks;
  tasks.reserve(static_cast<size_t>(tokens.size()));
  for (const std::string& token : tokens) {
    if (const std::optional<TaskId> task = tokens_read_->Read(token)) tasks.push_back(*task);
  }
  return tasks;
}

void WorkerStream::TakeResults(const v1::WorkRequest& request) {
  std::vector<WorkerResult> results;
  results.reserve(static_cast<size_t>(request.results_size()));
  for (const v1::TaskResult& given : request.results()) {
    const int64_t number = ++results_;
    const std::optional<TaskId> task = tokens_read_->Read(given.task_token());
    if (!task.has_value()) {
      Refuse(number, "TASK_TOKEN_INVALID", "task_token is none of this project's");
      continue;
    }
    absl::StatusOr<AslResult<Json>> outcome = OutcomeOf(given);
    if (!outcome.ok()) {
      Refuse(number, "INVALID_RESULT", outcome.status().message());
      continue;
    }
    results.push_back({.task = *task, .number = number, .outcome = *std::move(outcome)});
  }
  {
    const std::lock_guard lock(mutex_);
    untold_results_ += request.results_size();
  }
  if (!results.empty()) queues_->TakeResults(session_, std::move(results));
  Pump();
}

void WorkerStream::Refuse(int64_t result, absl::string_view reason, absl::string_view message) {
  const std::lock_guard lock(mutex_);
  v1::ResultRefusal* const refusal = own_.add_refusals();
  refusal->set_result(result);
  refusal->set_reason(std::string(reason));
  refusal->set_message(std::string(message));
}

bool WorkerStream::MayRead(std::function<void()> read_on) {
  const std::lock_guard lock(mutex_);
  if (untold_results_ <= kUntoldMax) return true;
  queues_->SetPaused(*session_, true);
  read_on_ = std::move(read_on);
  return false;
}

void WorkerStream::AddItem(const QueuedTask& task, v1::WorkResponse* response) {
  v1::WorkItem* const item = response->add_items();
  item->set_task_token(tokens_made_->Make(task.id));
  item->set_queue(task.queue);
  item->set_input(task.payload.ToText());
  item->set_idempotency_key(task.idempotency_key);
  item->set_execution(task.execution_name);
  if (task.heartbeat.has_value()) {
    SetDuration(*task.heartbeat, item->mutable_heartbeat_timeout());
  }
}

bool WorkerStream::Fill(v1::WorkResponse* response) {
  std::shared_ptr<TaskQueues::Session> session;
  {
    const std::lock_guard lock(mutex_);
    is_woken_ = false;
    if (end_.has_value() && !end_->ok()) return false;
    response->Swap(&own_);
    own_.Clear();
    session = session_;
  }
  int64_t told = response->refusals_size();
  if (session != nullptr) {
    const WorkerMail mail = queues_->Take(*session, kMessageBytes);
    for (const auto& task : mail.items) AddItem(*task, response);
    for (const int64_t result : mail.acknowledged) response->add_acknowledged(result);
    for (const int64_t result : mail.returned) response->add_returned(result);
    for (const TaskId& task : mail.cancelled) response->add_cancelled(tokens_made_->Make(task));
    told += static_cast<int64_t>(mail.acknowledged.size() + mail.returned.size());
    if (mail.end.has_value()) {
      const std::lock_guard lock(mutex_);
      SetEnd(*mail.end);
    }
  }
  const std::lock_guard lock(mutex_);
  untold_results_ -= told;
  return response->ByteSizeLong() > 0;
}

void WorkerStream::Pump() {
  {
    const std::lock_guard lock(mutex_);
    is_woken_ = true;
    if (is_writing_ || reactor_ == nullptr) return;
    is_writing_ = true;
  }
  while (!WriteOnce()) {
  }
}

// Only for who has set `is_writing_`. True when it is somebody else's turn: that of the write that
// has begun, or of whoever wakes this stream next.
bool WorkerStream::WriteOnce() {
  v1::WorkResponse response;
  grpc::ByteBuffer bytes;
  bool has_some = false;
  try {
    has_some = Fill(&response);
    if (has_some) bytes = Serialize(response);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    is_writing_ = false;
    throw;
  }
  const std::lock_guard lock(mutex_);
  if (reactor_ == nullptr) return true;
  if (!has_some && end_.has_value() && (!end_->ok() || untold_results_ <= 0)) {
    std::exchange(reactor_, nullptr)->Finish(ToGrpcStatus(*end_));
    return true;
  }
  if (untold_results_ <= kUntoldMax && read_on_) {
    queues_->SetPaused(*session_, false);
    std::exchange(read_on_, nullptr)();  // with the lock, as it is the reactor's
  }
  if (has_some) {
    written_ = std::move(bytes);
    reactor_->StartWrite(&written_);
    return true;
  }
  if (is_woken_) return false;
  is_writing_ = false;
  return true;
}

void WorkerStream::WriteDone(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    is_writing_ = false;
    written_.Clear();
    if (!ok) SetEnd(absl::CancelledError("the client has gone"));
  }
  Pump();
}

void WorkerStream::End(const absl::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    SetEnd(status);
  }
  Pump();
}

// An error ends at once what was to end when all is told.
void WorkerStream::SetEnd(const absl::Status& status) {
  if (!end_.has_value() || (end_->ok() && !status.ok())) end_ = status;
}

void WorkerStream::Drop() {
  std::shared_ptr<TaskQueues::Session> session;
  {
    const std::lock_guard lock(mutex_);
    reactor_ = nullptr;
    session = session_;
  }
  if (session != nullptr) queues_->Close(session);
}

}  // namespace millrace::service
