#include "engine/core/states/outcome.h"

namespace millrace {

Outcome Enter(const TaskState& task, Evaluation& evaluation) {
  const AslResult<Json> parameters = EffectiveInput(evaluation);
  if (!parameters.ok()) return Fail{parameters.error()};
  if (std::optional<AslError> error = CheckSize(evaluation, task.resource, *parameters)) {
    return Fail{*std::move(error)};
  }
  const auto& target = std::get<FunctionTarget>(task.target);
  CallFunction call{
      .parameters = *parameters, .function = target.function, .version = target.version};
  if (task.timeout_seconds.has_value()) {
    const AslResult<double> seconds =
        ReadNumber(*task.timeout_seconds, evaluation, evaluation.frame().data);
    if (!seconds.ok()) return Fail{seconds.error()};
    call.timeout_seconds = *seconds;
  }
  return call;
}

Json InvocationPayload(const TaskState& task, const Json& parameters) {
  if (!task.wraps_invocation) return parameters;
  const Json* payload = parameters.Find("Payload");
  return payload == nullptr || payload->is_null() ? Json::Object() : *payload;
}

Json InvocationResult(const TaskState& task, Json output) {
  if (!task.wraps_invocation) return output;
  return Json::Object({{"ExecutedVersion", Json("$LATEST")},
                       {"Payload", std::move(output)},
                       {"StatusCode", Json(200)}});
}

}  // namespace millrace
