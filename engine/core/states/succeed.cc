#include "engine/core/states/outcome.h"

namespace millrace {

Outcome Enter(const SucceedState&, Evaluation& evaluation) {
  const AslResult<Json> input = EffectiveInput(evaluation);
  if (!input.ok()) return Fail{input.error()};
  AslResult<Exit> exit = PassOn(evaluation, *input);
  if (!exit.ok()) return Fail{exit.error()};
  return Leave{.exit = *std::move(exit), .next = std::nullopt};
}

}  // namespace millrace
