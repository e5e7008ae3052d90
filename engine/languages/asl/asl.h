#pragma once

#include "absl/strings/string_view.h"
#include "engine/program/program.h"

namespace millrace {

// The Amazon States Language (states-language.net/spec.html), JSONPath mode.
CompileResult CompileAsl(absl::string_view definition, const CompileOptions& options);

}  // namespace millrace
