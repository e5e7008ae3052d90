#include "engine/languages/asl/task_state.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "engine/languages/asl/error_handling.h"
#include "engine/languages/asl/express_rules.h"
#include "engine/languages/asl/expressions.h"
#include "engine/languages/asl/jsonata_fields.h"
#include "engine/languages/asl/transition.h"
#include "engine/program/resource.h"

namespace millrace::asl {
namespace {

using Target = decltype(TaskState::target);

// FunctionName in Parameters or Arguments, of "...:states:::lambda:invoke".
Target ReadFunctionName(ObjectReader& parameters, bool is_jsonata) {
  if (!parameters.OneOf({"FunctionName", "FunctionName.$"}, /*is_required=*/true)) return {};
  if (parameters.Has("FunctionName.$")) return FunctionTarget{.name_from_parameters = true};
  const std::optional<std::string> name = parameters.FindText("FunctionName");
  if (!name) return {};
  if (is_jsonata && JsonataTemplate::IsExpression(*name)) {
    return FunctionTarget{.name_from_parameters = true};
  }
  absl::StatusOr<FunctionTarget> target = ParseFunctionName(*name);
  if (target.ok()) return *std::move(target);
  if (HasPlaceholder(*name)) {
    return UnservedTarget{absl::StrCat(Quoted(*name),
                                       " has a placeholder, which is to be filled "
                                       "in before the workflow is created")};
  }
  parameters.Report("FunctionName", problem_code::kInvalidResource,
                    std::string(target.status().message()));
  return {};
}

// What an invocation's Parameters may hold, each also as a path: "Payload.$".
Target ReadInvocation(const StateSource& source) {
  ObjectReader& fields = source.fields;
  const absl::string_view field = source.is_jsonata() ? "Arguments" : "Parameters";
  if (source.is_jsonata() && IsJsonataExpression(fields, field)) {
    return FunctionTarget{.name_from_parameters = true};
  }
  if (!fields.Has(field)) {
    return UnservedTarget{absl::StrCat("'", field, "' is absent, which would hold 'FunctionName'")};
  }
  const Json* json = fields.FindObject(field);
  if (json == nullptr) return {};
  const Place place = fields.place().At(field);
  ObjectReader parameters(*json, place, absl::StrCat("'", field, "' of lambda:invoke"),
                          fields.problems());
  Target target = ReadFunctionName(parameters, source.is_jsonata());
  for (const absl::string_view name :
       {"Payload", "Qualifier", "InvocationType", "ClientContext", "LogType"}) {
    parameters.OneOf({name, absl::StrCat(name, ".$")}, /*is_required=*/false);
  }
  const Json* qualifier = parameters.Find("Qualifier");
  if (qualifier != nullptr && qualifier->is_string()) {
    auto* function = std::get_if<FunctionTarget>(&target);
    if (function != nullptr && function->version.empty()) {
      function->version = std::string(qualifier->AsString());
    }
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
                  absl::StrCat(resource.status().message(), "."));
    return;
  }
  if (source.compilation.options.is_express) CheckExpressResource(*resource, fields);
  task->resource = *text;
  task->wraps_invocation = resource->wraps_invocation;
  task->resource_type = resource->resource_type;
  task->action = resource->action;
  task->target = resource->wraps_invocation ? ReadInvocation(source) : resource->target;
  if (const auto* unserved = std::get_if<UnservedTarget>(&task->target)) {
    fields.Warn(
        "Resource", problem_code::kResourceNotServed,
        absl::StrCat("Each call of ", Quoted(*text), " will fail: ", unserved->reason, "."));
  }
}

// A role to take on, which functions here have not.
void ReadCredentials(const StateSource& source) {
  ObjectReader& fields = source.fields;
  if (fields.FindObject("Credentials") == nullptr) return;
  if (source.is_jsonata()) {
    ReadJsonata(fields, "Credentials");
  } else {
    ReadTemplate(fields, "Credentials");
  }
  fields.Warn("Credentials", problem_code::kIgnoredField,
              "'Credentials' changes nothing here: functions have no role to take on.");
}

}  // namespace

TaskState ReadTask(const StateSource& source) {
  TaskState task;
  ReadResource(source, &task);
  ReadCredentials(source);
  return task;
}

void CheckTimeouts(ObjectReader& fields, const TaskState& task) {
  if (!task.timeout_seconds || !task.heartbeat_seconds) return;
  const std::optional<double>& timeout = task.timeout_seconds->value;
  const std::optional<double>& heartbeat = task.heartbeat_seconds->value;
  if (!timeout || !heartbeat || *heartbeat < *timeout) return;
  fields.Forbid("HeartbeatSeconds", problem_code::kInvalidValue,
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
