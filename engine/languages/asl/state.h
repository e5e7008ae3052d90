#pragma once

#include "engine/json/json.h"
#include "engine/languages/asl/compilation.h"
#include "engine/languages/place.h"

namespace millrace::asl {

// Reads a declared state into the program, with all machines in it.
void DefineState(const Json& json, const Place& place, MachineIndex machine, StateIndex index,
                 Compilation* compilation);

}  // namespace millrace::asl
