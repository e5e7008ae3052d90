#include "engine/core/states/outcome.h"

namespace millrace {

Outcome Enter(const ParallelState&, Evaluation& evaluation) {
  AslResult<Json> input = EffectiveInput(evaluation);
  if (!input.ok()) return Fail{input.error()};
  return RunBranches{*std::move(input)};
}

}  // namespace millrace
