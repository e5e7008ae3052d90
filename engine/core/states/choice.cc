#include "absl/strings/str_cat.h"
#include "engine/core/states/outcome.h"

namespace millrace {
namespace {

Outcome GoTo(Evaluation& evaluation, const Json& input, StateIndex next,
             const std::optional<PayloadTemplate>& assign) {
  AslResult<Exit> exit = PassOn(evaluation, input, assign);
  if (!exit.ok()) return Fail{exit.error()};
  return Leave{.exit = *std::move(exit), .next = next};
}

}  // namespace

// Choice goes where its first true rule points, else to Default. The state's own Assign counts only
// on the way to Default.
Outcome Enter(const ChoiceState& choice, Evaluation& evaluation) {
  const AslResult<Json> input = EffectiveInput(evaluation);
  if (!input.ok()) return Fail{input.error()};
  for (const ChoiceState::Rule& rule : choice.rules) {
    const AslResult<bool> holds = rule.condition.Holds(evaluation.Over(*input));
    if (!holds.ok()) return Fail{evaluation.Located(holds.error())};
    if (*holds) return GoTo(evaluation, *input, rule.next, rule.assign);
  }
  if (choice.default_next.has_value()) {
    return GoTo(evaluation, *input, *choice.default_next, evaluation.state().flow.assign);
  }
  return Fail{{.name = "States.NoChoiceMatched",
               .cause = absl::StrCat("No rule of '", evaluation.state().name,
                                     "' is true, and it has no Default.")}};
}

}  // namespace millrace
