#pragma once

#include "engine/json/json.h"
#include "engine/languages/place.h"
#include "engine/languages/problem_list.h"

namespace millrace::asl {

// Warns of variables that are used where no way through the workflow has assigned them. An
// execution that gets there fails, so that this is most often a misspelling. `root` is a definition
// without errors; one that is too large for the analysis gets no warnings.
void WarnOfUnassignedVariables(const Json& root, ProblemList* problems);

}  // namespace millrace::asl
