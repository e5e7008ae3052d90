#include "engine/core/history_event.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace millrace {
namespace {

// A legacy Lambda ARN as Resource, and an activity's, have events of their own in the real
// service's histories.
absl::string_view TaskEventPrefix(const State& state) {
  const auto* task = std::get_if<TaskState>(&state.body);
  if (task == nullptr) return "Task";
  if (absl::StartsWith(task->resource, "arn:aws:lambda:")) return "LambdaFunction";
  return task->resource_type == "activity" ? "Activity" : "Task";
}

absl::string_view FixedName(EventType type) {
  switch (type) {
    case EventType::kExecutionStarted:
      return "ExecutionStarted";
    case EventType::kExecutionSucceeded:
      return "ExecutionSucceeded";
    case EventType::kExecutionFailed:
      return "ExecutionFailed";
    case EventType::kExecutionTimedOut:
      return "ExecutionTimedOut";
    case EventType::kExecutionAborted:
      return "ExecutionAborted";
    case EventType::kParallelStateStarted:
      return "ParallelStateStarted";
    case EventType::kParallelStateSucceeded:
      return "ParallelStateSucceeded";
    case EventType::kParallelStateFailed:
      return "ParallelStateFailed";
    case EventType::kMapStateStarted:
      return "MapStateStarted";
    case EventType::kMapStateSucceeded:
      return "MapStateSucceeded";
    case EventType::kMapStateFailed:
      return "MapStateFailed";
    case EventType::kMapIterationStarted:
      return "MapIterationStarted";
    case EventType::kMapIterationSucceeded:
      return "MapIterationSucceeded";
    case EventType::kMapIterationFailed:
      return "MapIterationFailed";
    case EventType::kMapIterationAborted:
      return "MapIterationAborted";
    case EventType::kMapRunStarted:
      return "MapRunStarted";
    case EventType::kMapRunSucceeded:
      return "MapRunSucceeded";
    case EventType::kMapRunFailed:
      return "MapRunFailed";
    case EventType::kItemsRead:
      return "ItemsRead";
    case EventType::kResultsGathered:
      return "ResultsGathered";
    case EventType::kEvaluationFailed:
      return "EvaluationFailed";
    case EventType::kRetryPlanned:
      return "RetryPlanned";
    case EventType::kWaitPlanned:
      return "WaitPlanned";
    case EventType::kBranchFailed:
      return "BranchFailed";
    default:
      return "";
  }
}

absl::string_view Suffix(EventType type) {
  switch (type) {
    case EventType::kStateEntered:
      return "StateEntered";
    case EventType::kStateExited:
      return "StateExited";
    case EventType::kStateAborted:
      return "StateAborted";
    case EventType::kTaskScheduled:
      return "Scheduled";
    case EventType::kTaskStarted:
      return "Started";
    case EventType::kTaskSucceeded:
      return "Succeeded";
    case EventType::kTaskFailed:
      return "Failed";
    case EventType::kTaskSubmitted:
      return "Submitted";
    default:  // kTaskTimedOut
      return "TimedOut";
  }
}

}  // namespace

std::string EventTypeName(const HistoryEvent& event, const Program& program) {
  const absl::string_view fixed = FixedName(event.type);
  if (!fixed.empty()) return std::string(fixed);
  const State& state = program.states[static_cast<size_t>(event.state)];
  if (event.type < EventType::kTaskScheduled) {
    return absl::StrCat(StateTypeName(state), Suffix(event.type));
  }
  return absl::StrCat(TaskEventPrefix(state), Suffix(event.type));
}

bool IsTerminal(EventType type) {
  return type >= EventType::kExecutionSucceeded && type <= EventType::kExecutionAborted;
}

size_t BytesOf(const HistoryEvent& event) {
  size_t bytes =
      event.data.has_value() && event.source == DataSource::kInline ? event.data->TextSize() : 0;
  for (const auto& [name, value] : event.assigned) bytes += name.size() + value.TextSize();
  if (event.error.has_value() && event.error->cause.has_value()) {
    bytes += event.error->cause->size();
  }
  return bytes;
}

}  // namespace millrace
