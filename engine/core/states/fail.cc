#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/core/states/outcome.h"

namespace millrace {
namespace {

AslResult<std::optional<std::string>> ReadText(const std::optional<TextField>& field,
                                               Evaluation& evaluation) {
  if (!field.has_value()) return std::optional<std::string>();
  if (field->value.has_value()) return field->value;
  if (field->jsonata.has_value()) {
    const AslResult<Json> value = evaluation.Fill(*field->jsonata, field->name);
    if (!value.ok()) return value.error();
    if (value->is_string()) return std::optional<std::string>(std::string(value->AsString()));
    return evaluation.QueryError(*field->jsonata, field->name, "string", *value);
  }
  const AslResult<Json> value = evaluation.Over(evaluation.frame().data, [&](const Scope& scope) {
    return field->expression->Evaluate(scope, field->name);
  });
  if (!value.ok()) return evaluation.Located(value.error());
  if (!value->is_string()) {
    return evaluation.RuntimeError(absl::StrCat("The ", field->name, " must select a string."));
  }
  return std::optional<std::string>(std::string(value->AsString()));
}

}  // namespace

Outcome Enter(const FailState& fail, Evaluation& evaluation) {
  const auto error = ReadText(fail.error, evaluation);
  if (!error.ok()) return Fail{error.error()};
  const auto cause = ReadText(fail.cause, evaluation);
  if (!cause.ok()) return Fail{cause.error()};
  AslError failure{.name = *error, .cause = *cause};
  HoldToLimits(&failure);
  return Fail{std::move(failure)};
}

}  // namespace millrace
