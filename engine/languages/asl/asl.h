#pragma once

#include "absl/strings/string_view.h"
#include "engine/program/program.h"

namespace millrace {

// The Amazon States Language (states-language.net/spec.html), or Tencent's dialect of it.
CompileResult CompileAsl(absl::string_view definition, Dialect dialect,
                         const CompileOptions& options);

}  // namespace millrace
