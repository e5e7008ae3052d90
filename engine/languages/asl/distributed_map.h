#pragma once

#include <optional>

#include "engine/languages/asl/compilation.h"

// What only a distributed Map has, in either query language.
namespace millrace::asl {

std::optional<ItemReader> ReadItemReader(const StateSource& source);
std::optional<ItemBatcher> ReadItemBatcher(const StateSource& source);
std::optional<ResultWriter> ReadResultWriter(const StateSource& source);

// ToleratedFailureCount and ToleratedFailurePercentage. An inline Map may have them too, as in the
// real service, where they change nothing.
void ReadTolerance(const StateSource& source, MapState* map);

}  // namespace millrace::asl
