#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/asl_error.h"
#include "engine/core/evaluation.h"

namespace millrace {

// A state's way from its raw input to what it works on, and from its result to its output:
// InputPath, Parameters, [work], ResultSelector, ResultPath, OutputPath; and Assign.

// InputPath, then Parameters; in JSONata, Arguments.
AslResult<Json> EffectiveInput(Evaluation& evaluation);

struct Exit {
  Json output;
  std::vector<std::pair<std::string, Json>> assigned;
};

// ResultSelector to OutputPath, over the frame's raw input; Assign sees the selected result. In
// JSONata, Output, or else the result itself.
AslResult<Exit> ExitWith(Evaluation& evaluation, const Json& result);

// The output of a state that passes `data` on: OutputPath, or `output` in JSONata, and `assign`.
struct Passing {
  const std::optional<JsonataTemplate>& output;
  const std::optional<Template>& assign;
  std::string fields;  // where the two stand: "" in the state, or "Choices[0]/"
};
AslResult<Exit> PassOn(Evaluation& evaluation, const Json& data, const Passing& passing);
AslResult<Exit> PassOn(Evaluation& evaluation, const Json& data);  // the state's own

// Error Output of a Catch: the catcher's ResultPath, or Output in JSONata, and Assign.
AslResult<Exit> ExitCaught(Evaluation& evaluation, const Catcher& catcher, const AslError& error);

// States.DataLimitExceeded for a value of more bytes than the limit; `what` is named in the cause.
std::optional<AslError> CheckSize(const Evaluation& evaluation, absl::string_view what,
                                  const Json& value);

}  // namespace millrace
