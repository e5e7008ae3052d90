// A Task that starts a child workflow.
#include <string>

#include "engine/core/states/outcome.h"

namespace millrace {
namespace {

std::string TextIn(const Json& parameters, absl::string_view name) {
  const Json* text = parameters.Find(name);
  return text != nullptr && text->is_string() ? std::string(text->AsString()) : "";
}

// The name that "arn:aws:states:us-east-1:1:stateMachine:pay" or "projects/p/workflows/pay" ends
// in.
std::string NameIn(const std::string& workflow) {
  return workflow.substr(workflow.find_last_of(":/") + 1);
}

// JSON, or JSON text.
Json InputIn(const Json& parameters) {
  const Json* input = parameters.Find("Input");
  if (input == nullptr || input->is_null()) return Json::Object();
  if (!input->is_string()) return *input;
  absl::StatusOr<Json> parsed = ParseJson(input->AsString());
  return parsed.ok() ? *std::move(parsed) : *input;
}

}  // namespace

std::optional<AslError> CheckChildParameters(const ChildTarget& target,
                                             const Evaluation& evaluation, const Json& parameters) {
  if (!target.workflow.empty()) return std::nullopt;
  if (NameIn(TextIn(parameters, "StateMachineArn")).empty()) {
    return evaluation.RuntimeError("The parameter StateMachineArn must name a workflow.");
  }
  const Json* name = parameters.Find("Name");
  if (name == nullptr || name->is_null() || name->is_string()) return std::nullopt;
  return evaluation.RuntimeError("The parameter Name must be a string.");
}

StartChild ChildCallOf(const ChildTarget& target, int64_t event_id, const Json& parameters) {
  if (!target.workflow.empty()) {
    return {.event_id = event_id,
            .workflow = target.workflow,
            .workflow_as_given = target.workflow,
            .input = parameters,
            .answer = target.answer};
  }
  const std::string workflow = TextIn(parameters, "StateMachineArn");
  return {.event_id = event_id,
          .workflow = NameIn(workflow),
          .workflow_as_given = workflow,
          .name = TextIn(parameters, "Name"),
          .input = InputIn(parameters),
          .answer = target.answer};
}

}  // namespace millrace
