#include "engine/runtime/child_calls.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace millrace {
namespace {

Json Included() { return Json::Object({{"Included", Json(true)}}); }

Json MillisOf(absl::Time time) { return Json(absl::ToUnixMillis(time)); }

// With inputs and outputs as JSON, or else as JSON text.
Json Describe(const StartChild& call, const ChildView& child, bool is_parsed) {
  const auto shown = [is_parsed](const Json& json) {
    return is_parsed ? json : Json(json.ToText());
  };
  std::vector<JsonMember> members;
  if (!child.has_succeeded) {
    if (!child.cause.empty()) members.push_back({Json("Cause"), Json(child.cause)});
    if (!child.error.empty()) members.push_back({Json("Error"), Json(child.error)});
  }
  members.push_back({Json("ExecutionArn"), Json(child.execution_name)});
  members.push_back({Json("Input"), shown(child.input)});
  members.push_back({Json("InputDetails"), Included()});
  members.push_back({Json("Name"), Json(child.execution_id)});
  if (child.output.has_value()) {
    members.push_back({Json("Output"), shown(*child.output)});
    members.push_back({Json("OutputDetails"), Included()});
  }
  members.push_back({Json("StartDate"), MillisOf(child.started_at)});
  members.push_back({Json("StateMachineArn"), Json(call.workflow_as_given)});
  members.push_back({Json("Status"), Json(child.status)});
  members.push_back({Json("StopDate"), MillisOf(child.ended_at)});
  return Json::Object(std::move(members));
}

const char* StatusName(EventType end) {
  switch (end) {
    case EventType::kExecutionSucceeded:
      return "SUCCEEDED";
    case EventType::kExecutionTimedOut:
      return "TIMED_OUT";
    case EventType::kExecutionAborted:
      return "ABORTED";
    default:
      return "FAILED";
  }
}

}  // namespace

ChildView ViewOfChild(const ExecutionInfo& info, const Snapshot& snapshot) {
  ChildView view{.execution_name = info.execution_name,
                 .execution_id = info.execution_id,
                 .has_succeeded = snapshot.end == EventType::kExecutionSucceeded,
                 .status = StatusName(snapshot.end),
                 .input = snapshot.input,
                 .started_at = snapshot.started_at,
                 .ended_at = snapshot.last_at};
  if (view.has_succeeded) view.output = snapshot.output;
  if (snapshot.error.has_value()) {
    view.error = snapshot.error->name.value_or("");
    view.cause = snapshot.error->cause.value_or("");
  }
  return view;
}

Json DescribeStart(const ChildView& child) {
  return Json::Object(
      {{"ExecutionArn", Json(child.execution_name)}, {"StartDate", MillisOf(child.started_at)}});
}

InvocationResult DescribeEnd(const StartChild& call, const ChildView& child) {
  if (!child.has_succeeded) {
    return AslError{.name = "States.TaskFailed",
                    .cause = Describe(call, child, /*is_parsed=*/false).ToText()};
  }
  if (call.answer == ChildAnswer::kOutput) return child.output.value_or(Json());
  return Describe(call, child, call.answer == ChildAnswer::kParsedDescription);
}

AslError NoSuchWorkflow(const StartChild& call) {
  return {.name = "StepFunctions.StateMachineDoesNotExistException",
          .cause = absl::StrCat("State Machine Does Not Exist: '", call.workflow_as_given, "'")};
}

AslError NameIsTaken(const StartChild& call) {
  return {.name = "StepFunctions.ExecutionAlreadyExistsException",
          .cause = absl::StrCat("Execution Already Exists: '", call.name, "'")};
}

}  // namespace millrace
