#pragma once

#include "engine/languages/asl/compilation.h"

namespace millrace::asl {

// Reads what only a distributed Map has, in either query language: ItemReader, ItemBatcher,
// ResultWriter and Label; and what an inline Map may have too, though it changes nothing there:
// ToleratedFailureCount and ToleratedFailurePercentage. What is wrong with them is reported by
// map_rules.h, but for expressions, which are read here alone.
void ReadDistribution(const StateSource& source, MapState* map);

}  // namespace millrace::asl
