#pragma once

#include "engine/languages/asl/compilation.h"

namespace millrace::asl {

void ReadSucceedState(const StateSource& source, State* state);

}  // namespace millrace::asl
