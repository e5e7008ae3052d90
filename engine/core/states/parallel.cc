#include "engine/core/states/outcome.h"

namespace millrace {

Outcome Enter(const ParallelState&, Evaluation& evaluation) {
  AslResult<Json> input = EffectiveInput(evaluation);
  if (!input.ok()) return Fail{input.error()};
  if (std::optional<AslError> error = CheckSize(evaluation, evaluation.state().name, *input)) {
    return Fail{*std::move(error)};
  }
  return RunBranches{*std::move(input)};
}

}  // namespace millrace
