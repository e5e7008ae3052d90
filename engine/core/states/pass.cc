#include "engine/core/states/outcome.h"

namespace millrace {

// Pass hands on its Result, or else its effective input.
Outcome Enter(const PassState& pass, Evaluation& evaluation) {
  const AslResult<Json> input = EffectiveInput(evaluation);
  if (!input.ok()) return Fail{input.error()};
  if (evaluation.is_jsonata()) {
    AslResult<Exit> exit = PassOn(evaluation, *input);
    if (!exit.ok()) return Fail{exit.error()};
    return Leave{.exit = *std::move(exit), .next = std::nullopt};
  }
  return LeaveWith(evaluation, pass.result.has_value() ? *pass.result : *input);
}

Outcome LeaveWith(Evaluation& evaluation, const Json& result) {
  AslResult<Exit> exit = ExitWith(evaluation, result);
  if (!exit.ok()) return Fail{exit.error()};
  return Leave{.exit = *std::move(exit), .next = std::nullopt};
}

}  // namespace millrace
