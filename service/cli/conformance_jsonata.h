#pragma once

#include "engine/json/json.h"
#include "service/cli/conformance_case.h"

namespace millrace::cli {

// Fills in `report`, whose id and area are set, for a case of a JSONata expression.
void RunJsonataCase(const Json& json, CaseReport* report);

}  // namespace millrace::cli
