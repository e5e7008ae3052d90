#pragma once

#include "absl/strings/string_view.h"
#include "engine/languages/asl/compilation.h"

namespace millrace::asl {

// Where a Map's machine is: one of the two.
inline constexpr absl::string_view kProcessorFields[] = {"ItemProcessor", "Iterator"};

MapState ReadMap(const StateSource& source);  // in either query language

void ReadMapState(const StateSource& source, State* state);

// A processor's ProcessorConfig.
void CheckProcessorConfig(const Json& config, const Place& place, Compilation* compilation);

}  // namespace millrace::asl
