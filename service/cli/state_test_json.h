#pragma once

#include "engine/core/single_state.h"
#include "engine/json/json.h"
#include "engine/program/program.h"

namespace millrace::cli {

// What came of a state that was run alone, as the States Language's TestState says it: `status`
// ("SUCCEEDED", "FAILED", "RETRIABLE" or "CAUGHT_ERROR"), `output`, `error`, `cause`, `nextState`;
// and, with `with_inspection`, `inspectionData`: the data after each step, and how an error was
// handled.
Json DescribeStateTest(const Program& program, const SingleState& single, const SingleStateRun& run,
                       bool with_inspection);

}  // namespace millrace::cli
