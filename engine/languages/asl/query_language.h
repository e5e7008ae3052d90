#pragma once

#include <optional>

#include "engine/languages/object_reader.h"
#include "engine/program/program.h"

namespace millrace::asl {

// Reads QueryLanguage, of a definition or of a state; `inherited` where there is none. A workflow
// in JSONata has no state in JSONPath. nullopt, reported, for a language that is not known.
std::optional<QueryLanguage> ReadQueryLanguage(ObjectReader& fields, QueryLanguage inherited);

}  // namespace millrace::asl
