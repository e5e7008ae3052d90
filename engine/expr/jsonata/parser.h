#pragma once

#include <memory>

#include "absl/strings/string_view.h"
#include "engine/expr/jsonata/syntax.h"

namespace millrace::jsonata_internal {

// Parses an expression into a tree as it is written; see compiler.h for what then becomes of it.
// Throws Failure.
void Parse(absl::string_view text, Program* program);

}  // namespace millrace::jsonata_internal
