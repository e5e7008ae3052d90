#include "engine/runtime/local_runner.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <limits>
#include <mutex>
#include <optional>
#include <queue>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/uuid.h"
#include "engine/runtime/child_calls.h"
#include "engine/runtime/store_calls.h"

namespace millrace {
namespace {

struct Answer {
  int64_t event_id = 0;
  InvocationResult result;
};

// Where answers of functions arrive, also those that nobody waits for any longer.
struct Mailbox {
  std::mutex mutex;
  std::condition_variable arrived;
  std::deque<Answer> answers;
};

struct IsLater {
  bool operator()(const SetAlarm& a, const SetAlarm& b) const {
    return std::pair(a.at, a.event_id) > std::pair(b.at, b.event_id);
  }
};

class Runner {
 public:
  Runner(const Program& program, const LocalRunOptions& options, const LocalInvoke& invoke)
      : program_(program),
        options_(options),
        invoke_(invoke),
        mailbox_(std::make_shared<Mailbox>()),
        started_nanos_(SteadyNanos()) {}

  absl::StatusOr<LocalRun> Run(Json input);

 private:
  enum class Next { kReady, kAnswer, kAlarm, kNothing };

  absl::Time Now() const {
    return options_.starts_at + absl::Nanoseconds(SteadyNanos() - started_nanos_) + jumped_;
  }
  bool IsWaitedFor(int64_t event_id) const {
    return event_id == 0 ? run_.snapshot.times_out_at.has_value()
                         : run_.snapshot.waits.contains(event_id);
  }

  void Take(decltype(Event::what) what);
  void Carry(const Command& command);
  // Takes what comes first: an answer, or an alarm whose time has come.
  Next TakeNext();
  // Until an answer is there or the first alarm is due.
  Next AwaitNext(std::unique_lock<std::mutex>& lock);
  void TakeAnswer(Answer answer);
  void CallObjects(const StoreCall& call);
  void RunChild(const StartChild& call);
  void Post(int64_t event_id, InvocationResult result);
  void ForgetWhatIsOver();
  void CancelAll();

  const Program& program_;
  const LocalRunOptions& options_;
  const LocalInvoke& invoke_;
  const std::shared_ptr<Mailbox> mailbox_;
  const int64_t started_nanos_;
  absl::Duration jumped_;  // how far virtual time is ahead
  std::priority_queue<SetAlarm, std::vector<SetAlarm>, IsLater> alarms_;
  absl::flat_hash_set<int64_t> under_way_;  // functions that have not answered
  std::vector<ChildStarted> submitted_;
  bool goes_on_ = false;  // there is more to do without waiting
  LocalRun run_;
};

absl::StatusOr<LocalRun> Runner::Run(Json input) {
  const absl::Cleanup cancel = [this] { CancelAll(); };
  Take(Started{.input = std::move(input), .seed = options_.seed});
  while (!run_.snapshot.ended) {
    if (TakeNext() == Next::kNothing) {
      return absl::InternalError("the execution waits for nothing and has not ended");
    }
  }
  return std::move(run_);
}

void Runner::Take(decltype(Event::what) what) {
  StepResult result;
  const StepRefusal refusal = Step(program_, options_.info, {.at = Now(), .what = std::move(what)},
                                   std::numeric_limits<int64_t>::max(), &run_.snapshot, &result);
  // An answer or an alarm that comes too late is refused, which is as good as not coming.
  if (refusal != StepRefusal::kNone) return;
  for (HistoryEvent& event : result.history) run_.history.push_back(std::move(event));
  for (const Command& command : result.commands) Carry(command);
}

void Runner::Carry(const Command& command) {
  if (const auto* alarm = std::get_if<SetAlarm>(&command)) return alarms_.push(*alarm);
  if (std::holds_alternative<GoOn>(command)) {
    goes_on_ = true;
    return;
  }
  if (const auto* read = std::get_if<ReadItems>(&command)) return CallObjects(*read);
  if (const auto* write = std::get_if<WriteResults>(&command)) return CallObjects(*write);
  if (const auto* child = std::get_if<StartChild>(&command)) return RunChild(*child);
  if (std::holds_alternative<StopChild>(command)) return;  // it has ended: children run at once
  const auto& call = std::get<InvokeFunction>(command);
  under_way_.insert(call.event_id);
  invoke_(call, [mailbox = mailbox_, event_id = call.event_id](InvocationResult result) {
    const std::lock_guard<std::mutex> lock(mailbox->mutex);
    mailbox->answers.push_back({.event_id = event_id, .result = std::move(result)});
    mailbox->arrived.notify_one();
  });
}

void Runner::CallObjects(const StoreCall& call) {
  const int64_t event_id = std::visit([](const auto& some) { return some.event_id; }, call);
  Post(event_id, CallStore(options_.objects, call));
}

void Runner::Post(int64_t event_id, InvocationResult result) {
  const std::lock_guard<std::mutex> lock(mailbox_->mutex);
  mailbox_->answers.push_back({.event_id = event_id, .result = std::move(result)});
}

// "workflow" in the place of this one's own.
std::string SiblingOf(const std::string& workflow_name, const std::string& workflow) {
  return absl::StrCat(workflow_name.substr(0, workflow_name.find_last_of(":/") + 1), workflow);
}

void Runner::RunChild(const StartChild& call) {
  const auto program = options_.find_workflow ? options_.find_workflow(call.workflow) : nullptr;
  if (program == nullptr) return Post(call.event_id, NoSuchWorkflow(call));
  LocalRunOptions options = options_;
  options.starts_at = Now();
  options.info.workflow_id = call.workflow;
  options.info.workflow_name = SiblingOf(options_.info.workflow_name, call.workflow);
  options.info.execution_id =
      call.name.empty() ? absl::StrCat(options_.info.execution_id, "-", call.event_id) : call.name;
  options.info.execution_name = SiblingOf(options_.info.execution_name, options.info.execution_id);
  const absl::StatusOr<LocalRun> run = RunLocally(*program, call.input, options, invoke_);
  if (!run.ok()) {
    return Post(call.event_id, AslError{.name = "States.TaskFailed",
                                        .cause = std::string(run.status().message())});
  }
  const ChildView child = ViewOfChild(options.info, run->snapshot);
  if (options_.virtual_time) jumped_ += std::max(child.ended_at - Now(), absl::ZeroDuration());
  if (call.answer == ChildAnswer::kStarted) return Post(call.event_id, DescribeStart(child));
  submitted_.push_back({.event_id = call.event_id, .output = DescribeStart(child)});
  Post(call.event_id, DescribeEnd(call, child));
}

Runner::Next Runner::TakeNext() {
  if (!submitted_.empty()) {
    const ChildStarted submitted = std::move(submitted_.back());
    submitted_.pop_back();
    Take(submitted);
    return Next::kReady;
  }
  if (std::exchange(goes_on_, false)) {
    Take(Resumed{});
    return Next::kReady;
  }
  ForgetWhatIsOver();
  std::unique_lock<std::mutex> lock(mailbox_->mutex);
  const Next next = AwaitNext(lock);
  if (next == Next::kAnswer) {
    Answer answer = std::move(mailbox_->answers.front());
    mailbox_->answers.pop_front();
    lock.unlock();
    TakeAnswer(std::move(answer));
  } else if (next == Next::kAlarm) {
    lock.unlock();
    const SetAlarm alarm = alarms_.top();
    alarms_.pop();
    Take(AlarmRang{.event_id = alarm.event_id});
  }
  return next;
}

Runner::Next Runner::AwaitNext(std::unique_lock<std::mutex>& lock) {
  while (mailbox_->answers.empty()) {
    if (alarms_.empty()) {
      if (under_way_.empty()) return Next::kNothing;
      mailbox_->arrived.wait(lock);
      continue;
    }
    const absl::Duration left = alarms_.top().at - Now();
    if (left <= absl::ZeroDuration()) return Next::kAlarm;
    if (options_.virtual_time && under_way_.empty()) {
      jumped_ += left;
      return Next::kAlarm;
    }
    // Bounded, so that a wait of centuries does not overflow.
    mailbox_->arrived.wait_for(
        lock, absl::ToChronoMilliseconds(std::min(left + absl::Milliseconds(1), absl::Hours(1))));
  }
  return Next::kAnswer;
}

void Runner::TakeAnswer(Answer answer) {
  under_way_.erase(answer.event_id);
  if (answer.result.ok()) {
    Take(TaskSucceeded{.event_id = answer.event_id, .output = *std::move(answer.result)});
  } else {
    Take(TaskFailed{.event_id = answer.event_id, .error = answer.result.error()});
  }
}

// A task's timeout years ahead must not move virtual time once the task has answered, nor a
// function hold it whose task has timed out.
void Runner::ForgetWhatIsOver() {
  while (!alarms_.empty() && !IsWaitedFor(alarms_.top().event_id)) alarms_.pop();
  absl::erase_if(under_way_, [this](int64_t event_id) {
    if (IsWaitedFor(event_id)) return false;
    if (options_.cancel) options_.cancel(event_id);
    return true;
  });
}

void Runner::CancelAll() {
  for (const int64_t event_id : under_way_) {
    if (options_.cancel) options_.cancel(event_id);
  }
}

AslError NotFound(const InvokeFunction& call) {
  return {.name = "Lambda.ResourceNotFoundException",
          .cause = absl::StrCat("Function not found: ", call.function,
                                call.version.empty() ? "" : ":", call.version)};
}

}  // namespace

std::string LocalIdempotencyKey(absl::string_view execution_name, int64_t event_id) {
  return absl::StrCat(execution_name, "/", event_id);
}

LocalCancel CancelThrough(FunctionHost& host, std::string execution_name) {
  return [&host, execution_name = std::move(execution_name)](int64_t event_id) {
    host.Cancel(LocalIdempotencyKey(execution_name, event_id));
  };
}

LocalInvoke InvokeThrough(FunctionHost& host, FunctionLoader loader, std::string execution_name) {
  return [&host, loader = std::move(loader), execution_name = std::move(execution_name)](
             const InvokeFunction& call, InvocationDone done) {
    const auto code = loader(call.function, call.version);
    if (absl::IsNotFound(code.status())) return done(NotFound(call));
    if (!code.ok()) {
      return done(
          AslError{.name = "Function.ExitError", .cause = std::string(code.status().message())});
    }
    host.Invoke(*code, call.payload,
                {.execution_name = execution_name,
                 .event_id = call.event_id,
                 .idempotency_key = LocalIdempotencyKey(execution_name, call.event_id),
                 .request_id = Uuid::Random().ToString(),
                 .function_name = call.function,
                 .call_id = LocalIdempotencyKey(execution_name, call.event_id)},
                std::move(done));
  };
}

absl::StatusOr<LocalRun> RunLocally(const Program& program, Json input,
                                    const LocalRunOptions& options, const LocalInvoke& invoke) {
  return Runner(program, options, invoke).Run(std::move(input));
}

}  // namespace millrace
