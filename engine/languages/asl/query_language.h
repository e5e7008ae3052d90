#pragma once

#include "engine/languages/object_reader.h"

namespace millrace::asl {

// Reads QueryLanguage, of a definition or a state. False, reported, if what the object holds cannot
// be read: JSONata is not run yet.
bool ReadQueryLanguage(ObjectReader& fields);

}  // namespace millrace::asl
