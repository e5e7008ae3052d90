#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "engine/core/states/outcome.h"
#include "engine/program/resource.h"

namespace millrace {
namespace {

// No function where a child workflow is started; of a queue its name. What the parameters, or a
// queue, name goes to `named`.
AslResult<const FunctionTarget*> ReadTarget(const TaskState& task, Evaluation& evaluation,
                                            const Json& parameters, FunctionTarget* named) {
  if (task.is_mocked) return AslResult<const FunctionTarget*>(named);
  if (const auto* child = std::get_if<ChildTarget>(&task.target)) {
    if (auto error = CheckChildParameters(*child, evaluation, parameters)) return *std::move(error);
    return AslResult<const FunctionTarget*>(named);
  }
  if (const auto* unserved = std::get_if<UnservedTarget>(&task.target)) {
    return AslError{.name = "States.TaskFailed",
                    .cause = absl::StrCat("The resource '", task.resource,
                                          "' cannot be called: ", unserved->reason, ".")};
  }
  if (const auto* queue = std::get_if<QueueTarget>(&task.target)) {
    named->function = queue->queue;
    return AslResult<const FunctionTarget*>(named);
  }
  const auto& target = std::get<FunctionTarget>(task.target);
  if (!target.name_from_parameters) return &target;
  const Json* name = parameters.Find("FunctionName");
  if (name == nullptr || !name->is_string()) {
    return evaluation.RuntimeError("The parameter FunctionName must be a string.");
  }
  absl::StatusOr<FunctionTarget> parsed = ParseFunctionName(name->AsString());
  if (!parsed.ok()) return evaluation.RuntimeError(parsed.status().message());
  *named = *std::move(parsed);
  return AslResult<const FunctionTarget*>(named);
}

}  // namespace

Outcome Enter(const TaskState& task, Evaluation& evaluation) {
  const AslResult<Json> parameters = EffectiveInput(evaluation);
  if (!parameters.ok()) return Fail{parameters.error()};
  if (std::optional<AslError> error = CheckSize(evaluation, task.resource, *parameters)) {
    return Fail{*std::move(error)};
  }
  FunctionTarget named;
  const AslResult<const FunctionTarget*> target = ReadTarget(task, evaluation, *parameters, &named);
  if (!target.ok()) return Fail{target.error()};
  CallFunction call{
      .parameters = *parameters, .function = (*target)->function, .version = (*target)->version};
  const std::pair<const std::optional<NumberField>&, std::optional<double>&> numbers[] = {
      {task.timeout_seconds, call.timeout_seconds},
      {task.heartbeat_seconds, call.heartbeat_seconds}};
  for (const auto& [field, number] : numbers) {
    if (!field.has_value()) continue;
    const AslResult<double> seconds = ReadNumber(*field, evaluation, evaluation.frame().data);
    if (!seconds.ok()) return Fail{seconds.error()};
    number = *seconds;
  }
  return call;
}

Json InvocationPayload(const TaskState& task, const Json& parameters) {
  if (!task.wraps_invocation) return parameters;
  const Json* payload = parameters.Find("Payload");
  if (payload == nullptr || payload->is_null()) return Json::Object();
  if (!payload->is_string()) return *payload;
  // A text is the payload's bytes: JSON text, where it can be read as such.
  absl::StatusOr<Json> parsed = ParseJson(payload->AsString());
  return parsed.ok() ? *std::move(parsed) : *payload;
}

Json InvocationOutput(const TaskState& task, const Json& parameters, Json output) {
  if (!task.wraps_invocation || task.is_mocked) return output;
  Json wrapped = Json::Object({{"ExecutedVersion", Json("$LATEST")},
                               {"Payload", std::move(output)},
                               {"StatusCode", Json(200)}});
  // What a function has printed is not kept: the tail of its log is empty.
  const Json* log_type = parameters.Find("LogType");
  const bool wants_log = log_type != nullptr && *log_type == Json("Tail");
  return wants_log ? wrapped.With("LogResult", Json("")) : wrapped;
}

}  // namespace millrace
