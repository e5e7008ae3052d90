// How a node starts the child executions of Tasks, and waits for them.
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/errors.h"
#include "engine/runtime/runtime.h"

namespace millrace {
namespace {

constexpr size_t kIdBytesMax = 80;
constexpr absl::string_view kQuarantinedReason = "EXECUTION_QUARANTINED";

ChildView ChildViewOf(const ExecutionView& view) {
  ChildView child{
      .execution_name = absl::StrCat("projects/", view.id.workflow.project, "/workflows/",
                                     view.id.workflow.workflow, "/executions/", view.id.execution),
      .execution_id = view.id.execution,
      .has_succeeded = view.status == ExecutionStatus::kSucceeded,
      .error = view.error,
      .cause = view.cause,
      .started_at = view.started_at,
      .ended_at = view.ended_at.value_or(view.started_at)};
  switch (view.status) {
    case ExecutionStatus::kSucceeded:
      child.status = "SUCCEEDED";
      break;
    case ExecutionStatus::kTimedOut:
      child.status = "TIMED_OUT";
      break;
    case ExecutionStatus::kAborted:
      child.status = "ABORTED";
      break;
    default:
      child.status = "FAILED";
  }
  const auto parse = [](const std::string& text) {
    const absl::StatusOr<Json> json =
        ParseJson(text, {.text_bytes_max = text.size() + 1, .depth_max = 1024});
    MILLRACE_CHECK(json.ok());
    return *json;
  };
  child.input = parse(view.input);
  if (view.output.has_value()) child.output = parse(*view.output);
  return child;
}

// What trying again would not change; nullopt for what it may: also a child in quarantine, which an
// operator may let go on.
std::optional<AslError> ErrorOf(const StartChild& call, const absl::Status& status) {
  if (absl::IsNotFound(status)) return NoSuchWorkflow(call);
  if (absl::IsAlreadyExists(status)) return NameIsTaken(call);
  if (errors::ReasonOf(status) == kQuarantinedReason) return std::nullopt;
  if (absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) ||
      absl::IsInternal(status)) {
    return AslError{.name = "States.TaskFailed", .cause = std::string(status.message())};
  }
  return std::nullopt;
}

bool IsExecutionId(const std::string& id) {
  return !id.empty() && id.size() <= kIdBytesMax && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
  });
}

AslError NameIsNone(const StartChild& call) {
  return {.name = "StepFunctions.InvalidNameException",
          .cause = absl::StrCat("Invalid Name: '", call.name, "'; it is 1 to ", kIdBytesMax,
                                " of A-Z a-z 0-9 _ . -")};
}

}  // namespace

// Until it is answered or cancelled it stands in children_; what then comes for it is dropped.
struct Runtime::PendingChild {
  ChildCall call;
  // By children_mutex_:
  bool is_to_be_asked = false;
  std::shared_ptr<EndWaiter> waiter;  // of the last time that it was asked for
};

void Runtime::StartChildOf(ChildCall call) {
  if (!IsExecutionId(call.execution_id)) return call.done(NameIsNone(call.what));
  auto child = std::make_shared<PendingChild>();
  child->call = std::move(call);
  {
    const std::lock_guard lock(children_mutex_);
    children_[child->call.call_id] = child;
  }
  StartPending(child);
}

void Runtime::StartPending(const std::shared_ptr<PendingChild>& child) {
  const ChildCall& call = child->call;
  StartRequest request{.workflow = {.project = call.project, .workflow = call.what.workflow},
                       .execution_id = call.execution_id,
                       .input = call.what.input.ToText()};
  ExecutionDone started = [this, child](const absl::StatusOr<ExecutionView>& answer) {
    OnChildStarted(child, answer);
  };
  std::shared_ptr<EndWaiter> ended;
  if (call.what.answer != ChildAnswer::kStarted) {
    // Which the child has, so it must not have the child.
    ended = std::make_shared<EndWaiter>(
        [this, weak = std::weak_ptr(child)](const absl::StatusOr<ExecutionView>& answer) {
          if (const auto child = weak.lock(); child != nullptr) OnChildEnded(child, answer);
        });
  }
  std::shared_ptr<EndWaiter> before;
  {
    const std::lock_guard lock(children_mutex_);
    if (!children_.contains(call.call_id)) return;  // cancelled
    before = std::exchange(child->waiter, ended);
  }
  if (before != nullptr) GiveUp(*before);
  FindThenStart(std::move(request), std::move(started), std::move(ended));
}

void Runtime::OnChildStarted(const std::shared_ptr<PendingChild>& child,
                             const absl::StatusOr<ExecutionView>& answer) {
  const ChildCall& call = child->call;
  if (answer.ok()) {
    Json output = DescribeStart(ChildViewOf(*answer));
    if (call.what.answer != ChildAnswer::kStarted) return call.started(std::move(output));
    return AnswerChild(*child, std::move(output));
  }
  if (auto error = ErrorOf(call.what, answer.status())) {
    return AnswerChild(*child, *std::move(error));
  }
  AskForChildAgain(child);
}

void Runtime::OnChildEnded(const std::shared_ptr<PendingChild>& child,
                           const absl::StatusOr<ExecutionView>& answer) {
  const ChildCall& call = child->call;
  if (answer.ok()) return AnswerChild(*child, DescribeEnd(call.what, ChildViewOf(*answer)));
  if (auto error = ErrorOf(call.what, answer.status())) {
    return AnswerChild(*child, *std::move(error));
  }
  AskForChildAgain(child);
}

void Runtime::AskForChildAgain(const std::shared_ptr<PendingChild>& child) {
  const std::lock_guard lock(children_mutex_);
  child->is_to_be_asked = true;
}

void Runtime::AnswerChild(const PendingChild& child, InvocationResult result) {
  {
    const std::lock_guard lock(children_mutex_);
    if (children_.erase(child.call.call_id) == 0) return;  // answered, or cancelled
  }
  child.call.done(std::move(result));
}

void Runtime::CancelChild(const std::string& call_id) {
  std::shared_ptr<EndWaiter> waiter;
  {
    const std::lock_guard lock(children_mutex_);
    const auto found = children_.find(call_id);
    if (found == children_.end()) return;
    waiter = std::move(found->second->waiter);
    children_.erase(found);
  }
  if (waiter != nullptr) GiveUp(*waiter);
}

void Runtime::StopChildOf(const ExecutionId& id) {
  // One that has ended, or never began, needs no stop.
  Stop(id, "Millrace.ParentEnded", "The Task that started this execution is over.",
       [](const absl::StatusOr<ExecutionView>&) {});
}

void Runtime::AskForChildrenAgain() {
  std::vector<std::shared_ptr<PendingChild>> children;
  {
    const std::lock_guard lock(children_mutex_);
    for (const auto& [call_id, child] : children_) {
      if (std::exchange(child->is_to_be_asked, false)) children.push_back(child);
    }
  }
  for (const std::shared_ptr<PendingChild>& child : children) {
    if (!is_shut_) StartPending(child);
  }
}

}  // namespace millrace
