#include "engine/expr/expression.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"

namespace millrace {

absl::StatusOr<Expression> Expression::Parse(absl::string_view text) {
  if (absl::StartsWith(text, "States.")) {
    MILLRACE_ASSIGN_OR_RETURN(IntrinsicCall call, IntrinsicCall::Parse(text));
    return Expression(std::move(call));
  }
  MILLRACE_ASSIGN_OR_RETURN(JsonPath path, JsonPath::Parse(text));
  return Expression(std::move(path));
}

AslResult<Json> Expression::Evaluate(const Scope& scope, absl::string_view field) const {
  if (const JsonPath* const written = path()) return EvaluatePath(*written, scope, field);
  return std::get<IntrinsicCall>(value_).Evaluate(scope, field);
}

AslError LooksAtTooMuch() {
  return {.name = "States.Runtime", .cause = "The expressions look at too much data."};
}

AslError MakesTooMuch() {
  return {.name = "States.Runtime", .cause = "The intrinsic functions make too much data."};
}

AslResult<Json> EvaluatePath(const JsonPath& path, const Scope& scope, absl::string_view field) {
  std::optional<Json> value = path.Evaluate(scope);
  if (value.has_value()) return *std::move(value);
  if (!scope.Charge(0)) return LooksAtTooMuch();
  return AslError{
      .name = "States.Runtime",
      .cause = absl::StrCat("The JSONPath '", path.text(), "' specified for the field '", field,
                            "' could not be found in the input '",
                            scope.data != nullptr ? scope.data->ToText() : "null", "'")};
}

}  // namespace millrace
