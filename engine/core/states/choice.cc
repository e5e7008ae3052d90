#include "absl/strings/str_cat.h"
#include "engine/core/states/outcome.h"

namespace millrace {
namespace {

AslResult<bool> Holds(const ChoiceState::Rule& rule, const std::string& fields, const Json& input,
                      Evaluation& evaluation) {
  if (const auto* condition = std::get_if<ChoiceCondition>(&rule.condition)) {
    evaluation.Burn(1);
    AslResult<bool> holds =
        evaluation.Over(input, [&](const Scope& scope) { return condition->Holds(scope); });
    if (!holds.ok()) return evaluation.Located(holds.error());
    return holds;
  }
  const auto& condition = std::get<JsonataTemplate>(rule.condition);
  const std::string field = absl::StrCat(fields, "Condition");
  const AslResult<Json> value = evaluation.Fill(condition, field);
  if (!value.ok()) return value.error();
  if (value->is_bool()) return value->AsBool();
  return evaluation.QueryError(condition, field, "boolean", *value);
}

Outcome GoTo(AslResult<Exit> exit, StateIndex next) {
  if (!exit.ok()) return Fail{exit.error()};
  return Leave{.exit = *std::move(exit), .next = next};
}

}  // namespace

// Choice goes where its first true rule points, else to Default. The state's own Assign and Output
// count only on the way to Default.
Outcome Enter(const ChoiceState& choice, Evaluation& evaluation) {
  const AslResult<Json> input = EffectiveInput(evaluation);
  if (!input.ok()) return Fail{input.error()};
  for (size_t i = 0; i < choice.rules.size(); ++i) {
    const ChoiceState::Rule& rule = choice.rules[i];
    std::string fields;
    if (evaluation.is_jsonata()) fields = absl::StrCat("Choices[", i, "]/");
    const AslResult<bool> holds = Holds(rule, fields, *input, evaluation);
    if (!holds.ok()) return Fail{holds.error()};
    if (!*holds) continue;
    return GoTo(PassOn(evaluation, *input,
                       {.output = rule.output, .assign = rule.assign, .fields = fields}),
                rule.next);
  }
  if (choice.default_next.has_value()) {
    return GoTo(PassOn(evaluation, *input), *choice.default_next);
  }
  return Fail{{.name = "States.NoChoiceMatched",
               .cause = absl::StrCat("No rule of '", evaluation.state().name,
                                     "' is true, and it has no Default.")}};
}

}  // namespace millrace
