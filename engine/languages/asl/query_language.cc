#include "engine/languages/asl/query_language.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"

namespace millrace::asl {

bool ReadQueryLanguage(ObjectReader& fields) {
  if (!fields.Has("QueryLanguage")) return true;
  const std::optional<std::string> language = fields.FindText("QueryLanguage");
  if (!language) return false;
  if (*language == "JSONPath") return true;
  if (*language == "JSONata") {
    fields.Report("QueryLanguage", problem_code::kUnsupported,
                  "JSONata is not supported yet; use JSONPath, which is the default.");
  } else {
    fields.Report(
        "QueryLanguage", problem_code::kInvalidValue,
        absl::StrCat("'QueryLanguage' is 'JSONPath' or 'JSONata', not ", Quoted(*language), "."));
  }
  return false;
}

}  // namespace millrace::asl
