#include "engine/languages/compile.h"

#include "absl/strings/str_cat.h"
#include "engine/languages/asl/asl.h"
#include "engine/languages/problem_list.h"

namespace millrace {

CompileResult Compile(absl::string_view language, absl::string_view definition,
                      const CompileOptions& options) {
  if (language == "ASL") return CompileAsl(definition, Dialect::kStates, options);
  if (language == "ASW") return CompileAsl(definition, Dialect::kAsw, options);
  return {.problems = {{.pointer = "",
                        .code = std::string(problem_code::kUnknownLanguage),
                        .message = absl::StrCat(Quoted(language),
                                                " is no known language; there are ASL and ASW.")}}};
}

}  // namespace millrace
