#pragma once

#include "engine/languages/asl/compilation.h"

namespace millrace::asl {

// Reads Retry and Catch.
void ReadErrorHandling(const StateSource& source, State* state);

}  // namespace millrace::asl
