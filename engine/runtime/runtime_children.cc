// How a node starts the child executions of Tasks, and waits for them.
#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/runtime/runtime.h"

namespace millrace {
namespace {

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

// What trying again would not change.
std::optional<AslError> ErrorOf(const StartChild& call, const absl::Status& status) {
  if (absl::IsNotFound(status)) return NoSuchWorkflow(call);
  if (absl::IsAlreadyExists(status)) return NameIsTaken(call);
  if (absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status)) {
    return AslError{.name = "States.TaskFailed", .cause = std::string(status.message())};
  }
  return std::nullopt;
}

constexpr size_t kIdBytesMax = 80;

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

struct Runtime::PendingChild {
  ChildCall call;
  std::atomic<bool> has_started{false};
};

void Runtime::StartChildOf(ChildCall call) {
  if (!IsExecutionId(call.execution_id)) return call.done(NameIsNone(call.what));
  auto child = std::make_shared<PendingChild>();
  child->call = std::move(call);
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
  ExecutionDone ended;
  if (call.what.answer != ChildAnswer::kStarted) {
    ended = [this, child](const absl::StatusOr<ExecutionView>& answer) {
      OnChildEnded(child, answer);
    };
  }
  FindThenStart(std::move(request), std::move(started), std::move(ended));
}

void Runtime::OnChildStarted(const std::shared_ptr<PendingChild>& child,
                             const absl::StatusOr<ExecutionView>& answer) {
  const ChildCall& call = child->call;
  if (answer.ok()) {
    child->has_started = true;
    Json output = DescribeStart(ChildViewOf(*answer));
    const bool waits = call.what.answer != ChildAnswer::kStarted;
    return waits ? call.started(std::move(output)) : call.done(std::move(output));
  }
  if (const auto error = ErrorOf(call.what, answer.status())) return call.done(*error);
  const std::lock_guard lock(children_mutex_);
  children_.insert(child);
}

void Runtime::OnChildEnded(const std::shared_ptr<PendingChild>& child,
                           const absl::StatusOr<ExecutionView>& answer) {
  const ChildCall& call = child->call;
  if (answer.ok()) return call.done(DescribeEnd(call.what, ChildViewOf(*answer)));
  if (const auto error = ErrorOf(call.what, answer.status())) {
    // A refused start is told to both; it is OnChildStarted's to say so.
    if (child->has_started) call.done(*error);
    return;
  }
  const std::lock_guard lock(children_mutex_);
  children_.insert(child);
}

void Runtime::StopChildOf(const ExecutionId& id) {
  // One that has ended, or never began, needs no stop.
  Stop(id, "Millrace.ParentEnded", "The Task that started this execution is over.",
       [](const absl::StatusOr<ExecutionView>&) {});
}

void Runtime::AskForChildrenAgain() {
  absl::flat_hash_set<std::shared_ptr<PendingChild>> children;
  {
    const std::lock_guard lock(children_mutex_);
    children.swap(children_);
  }
  for (const std::shared_ptr<PendingChild>& child : children) {
    if (!is_shut_) StartPending(child);
  }
}

}  // namespace millrace
