#include "engine/languages/compile.h"

#include "absl/strings/str_cat.h"
#include "engine/languages/asl/asl.h"

namespace millrace {

CompileResult Compile(absl::string_view language, absl::string_view definition,
                      const CompileOptions& options) {
  if (language == "ASL") return CompileAsl(definition, options);
  return {.problems = {
              {.pointer = "",
               .code = "UNKNOWN_LANGUAGE",
               .message = absl::StrCat("'", language, "' is no known language; there is ASL")}}};
}

}  // namespace millrace
