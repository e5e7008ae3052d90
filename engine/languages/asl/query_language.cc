#include "engine/languages/asl/query_language.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace millrace::asl {

std::optional<QueryLanguage> ReadQueryLanguage(ObjectReader& fields, QueryLanguage inherited) {
  if (!fields.Has("QueryLanguage")) return inherited;
  const std::optional<std::string> language = fields.FindText("QueryLanguage");
  if (!language) return std::nullopt;
  if (*language == "JSONata") return QueryLanguage::kJsonata;
  if (*language != "JSONPath") {
    fields.Report(
        "QueryLanguage", problem_code::kInvalidValue,
        absl::StrCat("'QueryLanguage' is 'JSONPath' or 'JSONata', not ", Quoted(*language), "."));
    return std::nullopt;
  }
  if (inherited == QueryLanguage::kJsonata) {
    fields.Forbid("QueryLanguage", problem_code::kInvalidValue,
                  "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state "
                  "machine");
  }
  return QueryLanguage::kJsonPath;
}

}  // namespace millrace::asl
