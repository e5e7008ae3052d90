#include "engine/runtime/history_view.h"

#include <variant>

#include "absl/strings/match.h"

namespace millrace {
namespace {

bool IsAboutTask(EventType type) {
  return type >= EventType::kTaskScheduled && type <= EventType::kTaskSubmitted;
}

bool IsAboutIteration(EventType type) {
  return type >= EventType::kMapIterationStarted && type <= EventType::kMapIterationAborted;
}

// A Lambda's or an activity's ARN as Resource: its events have `input` in place of parameters, no
// resource type, and the resource only once.
bool IsLegacy(absl::string_view type_name) {
  return absl::StartsWith(type_name, "LambdaFunction") || absl::StartsWith(type_name, "Activity");
}

void AddTask(const TaskState& task, const HistoryEvent& event, HistoryEventView* view) {
  const bool is_scheduled = event.type == EventType::kTaskScheduled;
  if (is_scheduled) view->timeout_seconds = event.timeout_seconds;
  if (is_scheduled) view->heartbeat_seconds = event.heartbeat_seconds;
  if (IsLegacy(view->type)) {
    if (is_scheduled) view->resource = task.resource;
    if (is_scheduled) view->input = event.data->ToText();
    return;
  }
  view->resource_type = task.resource_type;
  view->resource = task.action.empty() ? task.resource : task.action;
  if (is_scheduled) view->parameters = event.data->ToText();
}

void AddData(const HistoryEvent& event, HistoryEventView* view) {
  if (!event.data.has_value()) return;
  switch (event.type) {
    case EventType::kExecutionStarted:
    case EventType::kStateEntered:
      view->input = event.data->ToText();
      break;
    case EventType::kStateExited:
    case EventType::kTaskSucceeded:
    case EventType::kTaskSubmitted:
    case EventType::kExecutionSucceeded:
      view->output = event.data->ToText();
      break;
    default:  // the items of a Map and the input of its iterations stand elsewhere in the history
      break;
  }
}

}  // namespace

HistoryEventView MakeHistoryEventView(const Program& program, const HistoryEvent& event) {
  HistoryEventView view;
  view.id = NumberOf(event.id);
  view.previous_id = NumberOf(event.previous_id);
  view.type = EventTypeName(event, program);
  view.at = event.at;
  AddData(event, &view);
  // What fails an iteration stands with the event that led to it.
  if (event.error.has_value() && event.type != EventType::kMapIterationFailed) {
    view.error = event.error->name;
    view.cause = event.error->cause;
  }
  if (event.state < 0) return view;
  const State& state = program.states[static_cast<size_t>(event.state)];
  const bool is_about_state =
      event.type >= EventType::kStateEntered && event.type <= EventType::kStateAborted;
  const bool is_evaluation = event.type == EventType::kEvaluationFailed;
  if (is_about_state || is_evaluation || IsAboutIteration(event.type)) view.state_name = state.name;
  if (is_evaluation && !event.location.empty()) view.location = event.location;
  if (IsAboutIteration(event.type)) view.index = event.index;
  if (event.type == EventType::kMapStateStarted) view.length = event.index;
  if (IsAboutTask(event.type)) AddTask(std::get<TaskState>(state.body), event, &view);
  for (const auto& [name, value] : event.assigned) {
    view.assigned_variables.emplace_back(name, value.ToText());
  }
  return view;
}

}  // namespace millrace
