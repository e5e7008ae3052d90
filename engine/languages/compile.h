#pragma once

#include "absl/strings/string_view.h"
#include "engine/program/program.h"

namespace millrace {

// Compiles `definition`, the text of a workflow in `language`: "ASL", the Amazon States Language,
// or "ASW", Tencent's dialect of it. All problems are found in one pass; a language that is not
// known is a problem too. Pure and thread-safe.
CompileResult Compile(absl::string_view language, absl::string_view definition,
                      const CompileOptions& options);

}  // namespace millrace
