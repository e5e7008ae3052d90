#pragma once

#include "engine/languages/asl/compilation.h"

namespace millrace::asl {

void ReadParallelState(const StateSource& source, State* state);

ParallelState ReadBranches(const StateSource& source);

}  // namespace millrace::asl
