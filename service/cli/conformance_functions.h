#pragma once

#include "engine/json/json.h"
#include "engine/runtime/local_runner.h"

namespace millrace::cli {

// The functions of a conformance case, by their names.
FunctionLoader LoaderOf(const Json& json);

}  // namespace millrace::cli
