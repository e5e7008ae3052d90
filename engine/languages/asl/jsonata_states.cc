#include "engine/languages/asl/jsonata_states.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/languages/asl/error_handling.h"
#include "engine/languages/asl/field_rules.h"
#include "engine/languages/asl/jsonata_fields.h"
#include "engine/languages/asl/map_state.h"
#include "engine/languages/asl/parallel_state.h"
#include "engine/languages/asl/task_state.h"
#include "engine/languages/asl/transition.h"
#include "engine/languages/asl/wait_state.h"

namespace millrace::asl {
namespace {

void ReadOutput(const StateSource& source, State* state) {
  state->flow.output = ReadJsonata(source.fields, "Output");
  state->flow.assign = ReadJsonataAssign(source.fields);
}

std::optional<JsonataTemplate> ReadCondition(ObjectReader& fields) {
  const Json* condition = fields.Find("Condition");
  if (condition == nullptr) {
    fields.problems()->Add(fields.place(), problem_code::kMissingField,
                           "A Choice rule needs the field 'Condition'.");
    return std::nullopt;
  }
  if (!condition->is_bool() && !IsJsonataExpression(fields, "Condition")) {
    fields.Report("Condition", problem_code::kInvalidCondition,
                  "'Condition' is true, false, or an expression such as \"{% $states.input.paid "
                  "%}\".");
  }
  return ReadJsonata(fields, "Condition");
}

// "Variable" is reported with the other fields of JSONPath.
void ReportComparisons(ObjectReader& fields) {
  for (const JsonMember& member : fields.json().members()) {
    const absl::string_view name = member.key.AsString();
    if (!ChoiceCondition::IsOperator(name)) continue;
    fields.Has(name);
    fields.Forbid(name, problem_code::kWrongQueryLanguage,
                  absl::StrCat("'", name,
                               "' is a field of JSONPath, and this is JSONata, which has "
                               "'Condition'."));
  }
}

void ReadRule(const Json& json, const Place& place, const StateSource& source,
              ChoiceState* choice) {
  ProblemList* problems = source.fields.problems();
  if (!ObjectReader::IsObject(json, place, "A Choice rule", problems)) {
    MarkIncomplete(source);
    return;
  }
  ObjectReader fields(json, place, "A Choice rule", problems);
  fields.FindText("Comment");
  ReportFieldsOfOtherLanguage(fields, /*is_jsonata=*/true);
  ReportComparisons(fields);
  std::optional<JsonataTemplate> condition = ReadCondition(fields);
  std::optional<JsonataTemplate> output = ReadJsonata(fields, "Output");
  std::optional<Template> assign = ReadJsonataAssign(fields);
  const std::optional<StateIndex> next =
      ReadTarget(fields, "Next", /*is_required=*/true, source.machine, &source.compilation);
  fields.ReportUnknownFields();
  if (!condition || !next) return;
  choice->rules.push_back({.condition = *std::move(condition),
                           .next = *next,
                           .output = std::move(output),
                           .assign = std::move(assign)});
}

}  // namespace

void ReadJsonataPass(const StateSource& source, State* state) {
  state->body = PassState{};
  ReadOutput(source, state);
  state->transition = ReadTransition(source);
}

void ReadJsonataTask(const StateSource& source, State* state) {
  ObjectReader& fields = source.fields;
  TaskState task = ReadTask(source);
  task.timeout_seconds = ReadJsonataNumber(fields, "TimeoutSeconds", kTimeoutRule);
  task.heartbeat_seconds = ReadJsonataNumber(fields, "HeartbeatSeconds", kTimeoutRule);
  CheckTimeouts(fields, task);
  state->body = std::move(task);
  state->flow.arguments = ReadJsonata(fields, "Arguments");
  ReadOutput(source, state);
  ReadErrorHandling(source, state);
  state->transition = ReadTransition(source);
}

void ReadJsonataChoice(const StateSource& source, State* state) {
  ObjectReader& fields = source.fields;
  ChoiceState choice;
  if (const Json* rules = fields.RequireArray("Choices")) {
    const Place list = fields.place().At("Choices");
    for (size_t i = 0; i < rules->size(); ++i) {
      ReadRule(rules->elements()[i], list.At(i), source, &choice);
    }
  }
  if (choice.rules.empty()) MarkIncomplete(source);
  choice.default_next =
      ReadTarget(fields, "Default", /*is_required=*/false, source.machine, &source.compilation);
  state->body = std::move(choice);
  ReadOutput(source, state);
}

void ReadJsonataWait(const StateSource& source, State* state) {
  ObjectReader& fields = source.fields;
  fields.OneOf({"Seconds", "Timestamp"}, /*is_required=*/true);
  WaitState wait{.seconds = ReadJsonataNumber(fields, "Seconds", kWaitRule)};
  if (IsJsonataExpression(fields, "Timestamp")) {
    wait.timestamp_jsonata = ReadJsonata(fields, "Timestamp");
  } else {
    wait.timestamp = ReadTimestamp(fields);
  }
  state->body = std::move(wait);
  ReadOutput(source, state);
  state->transition = ReadTransition(source);
}

void ReadJsonataSucceed(const StateSource& source, State* state) {
  state->body = SucceedState{};
  state->flow.output = ReadJsonata(source.fields, "Output");
}

void ReadJsonataFail(const StateSource& source, State* state) {
  state->body = FailState{.error = ReadJsonataText(source.fields, "Error"),
                          .cause = ReadJsonataText(source.fields, "Cause")};
}

void ReadJsonataParallel(const StateSource& source, State* state) {
  state->body = ReadBranches(source);
  state->flow.arguments = ReadJsonata(source.fields, "Arguments");
  ReadOutput(source, state);
  ReadErrorHandling(source, state);
  state->transition = ReadTransition(source);
}

void ReadJsonataMap(const StateSource& source, State* state) {
  state->body = ReadMap(source);
  ReadOutput(source, state);
  ReadErrorHandling(source, state);
  state->transition = ReadTransition(source);
}

}  // namespace millrace::asl
