#include "engine/languages/asl/task_state.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/languages/asl/error_handling.h"
#include "engine/languages/asl/expressions.h"
#include "engine/languages/asl/jsonata_fields.h"
#include "engine/languages/asl/transition.h"
#include "engine/program/resource.h"

namespace millrace::asl {
namespace {

// FunctionName in Parameters or Arguments, of "...:states:::lambda:invoke".
FunctionTarget ReadFunctionName(ObjectReader& parameters, bool is_jsonata) {
  if (!parameters.OneOf({"FunctionName", "FunctionName.$"}, /*is_required=*/true)) return {};
  if (parameters.Has("FunctionName.$")) return {.name_from_parameters = true};
  const std::optional<std::string> name = parameters.FindText("FunctionName");
  if (!name) return {};
  if (is_jsonata && JsonataTemplate::IsExpression(*name)) return {.name_from_parameters = true};
  absl::StatusOr<FunctionTarget> target = ParseFunctionName(*name);
  if (target.ok()) return *std::move(target);
  parameters.Report("FunctionName", problem_code::kInvalidResource,
                    std::string(target.status().message()));
  return {};
}

// What an invocation's Parameters may hold, each also as a path: "Payload.$".
FunctionTarget ReadInvocation(const StateSource& source) {
  ObjectReader& fields = source.fields;
  const absl::string_view field = source.is_jsonata() ? "Arguments" : "Parameters";
  if (source.is_jsonata() && IsJsonataExpression(fields, field)) {
    return {.name_from_parameters = true};
  }
  const Json* json = fields.RequireObject(field);
  if (json == nullptr) return {};
  const Place place = fields.place().At(field);
  ObjectReader parameters(*json, place, absl::StrCat("'", field, "' of lambda:invoke"),
                          fields.problems());
  FunctionTarget target = ReadFunctionName(parameters, source.is_jsonata());
  for (const absl::string_view name :
       {"Payload", "Qualifier", "InvocationType", "ClientContext", "LogType"}) {
    parameters.OneOf({name, absl::StrCat(name, ".$")}, /*is_required=*/false);
  }
  if (const Json* qualifier = parameters.Find("Qualifier"); qualifier != nullptr) {
    if (qualifier->is_string() && target.version.empty())
      target.version = std::string(qualifier->AsString());
  }
  parameters.ReportUnknownFields();
  return target;
}

void ReadResource(const StateSource& source, TaskState* task) {
  ObjectReader& fields = source.fields;
  const std::optional<std::string> text = fields.RequireText("Resource");
  if (!text) return;
  absl::StatusOr<Resource> resource = ParseResource(*text);
  if (!resource.ok()) {
    fields.Report("Resource", problem_code::kInvalidResource,
                  std::string(resource.status().message()));
    return;
  }
  task->resource = *text;
  task->wraps_invocation = resource->wraps_invocation;
  task->resource_type = resource->resource_type;
  task->target = resource->wraps_invocation ? ReadInvocation(source) : resource->target;
}

void ReportCredentials(ObjectReader& fields) {
  if (!fields.Has("Credentials")) return;
  fields.Report("Credentials", problem_code::kUnsupported,
                "'Credentials' is not supported: functions have no role to take on.");
}

}  // namespace

TaskState ReadTask(const StateSource& source) {
  TaskState task;
  ReadResource(source, &task);
  ReportCredentials(source.fields);
  return task;
}

void CheckTimeouts(ObjectReader& fields, const TaskState& task) {
  if (!task.timeout_seconds || !task.heartbeat_seconds) return;
  const std::optional<double>& timeout = task.timeout_seconds->value;
  const std::optional<double>& heartbeat = task.heartbeat_seconds->value;
  if (!timeout || !heartbeat || *heartbeat < *timeout) return;
  fields.Report("HeartbeatSeconds", problem_code::kInvalidValue,
                "'HeartbeatSeconds' is less than 'TimeoutSeconds'.");
}

void ReadTaskState(const StateSource& source, State* state) {
  ObjectReader& fields = source.fields;
  TaskState task = ReadTask(source);
  task.timeout_seconds = ReadNumber(fields, "TimeoutSeconds", kTimeoutRule);
  task.heartbeat_seconds = ReadNumber(fields, "HeartbeatSeconds", kTimeoutRule);
  CheckTimeouts(fields, task);
  state->body = std::move(task);
  state->flow.input_path = ReadPath(fields, "InputPath");
  state->flow.parameters = ReadTemplate(fields, "Parameters");
  state->flow.result_selector = ReadObjectTemplate(fields, "ResultSelector");
  state->flow.result_path = ReadResultPath(fields);
  state->flow.output_path = ReadPath(fields, "OutputPath");
  state->flow.assign = ReadAssign(fields);
  ReadErrorHandling(source, state);
  state->transition = ReadTransition(source);
}

}  // namespace millrace::asl
