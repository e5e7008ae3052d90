#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/core/states/outcome.h"

namespace millrace {
namespace {

// Variables may hold numbers as text.
std::optional<int64_t> ToInteger(const JsonPath& path, const Json& value) {
  int64_t number = 0;
  if (value.is_string() && !path.variable().empty() &&
      absl::SimpleAtoi(value.AsString(), &number)) {
    return number;
  }
  return value.ToInt64();
}

std::optional<double> ToFraction(const JsonPath& path, const Json& value) {
  double number = 0;
  if (value.is_number()) return value.AsDouble();
  if (value.is_string() && !path.variable().empty() &&
      absl::SimpleAtod(value.AsString(), &number)) {
    return number;
  }
  return std::nullopt;
}

bool IsInSeconds(const NumberField& field) { return absl::EndsWith(field.name, "SecondsPath"); }

AslError NoNumber(const NumberField& field, const Evaluation& evaluation, const Json& value,
                  absl::string_view type) {
  const std::string& path = field.path->text();
  if (IsInSeconds(field)) {
    return evaluation.RuntimeError(
        absl::StrCat("The ", field.name, " parameter cannot be parsed as a long value: ", path,
                     " == ", value.ToText()));
  }
  const std::string shown = value.is_string() ? std::string(value.AsString()) : value.ToText();
  return evaluation.RuntimeError(absl::StrCat("The ", field.name, " field refers to value \"",
                                              shown, "\" which is not a valid ", type, ": ", path));
}

AslError Negative(const NumberField& field, const Evaluation& evaluation, const Json& value) {
  if (field.name == "MaxItemsPath") {
    return {.name = "States.ItemReaderFailed", .cause = "field MaxItems must be positive"};
  }
  if (field.name == "ToleratedFailureCountPath") {
    return evaluation.RuntimeError("ToleratedFailureCount cannot be negative.");
  }
  if (field.name == "MaxConcurrencyPath") {
    return evaluation.RuntimeError(absl::StrCat(
        "Expected non-negative integer for MaxConcurrency, got ", value.ToText(), "."));
  }
  return evaluation.RuntimeError(absl::StrCat(
      "The ", field.name, " parameter references a negative value: ", field.path->text(),
      " == ", value.ToText()));
}

// What the path selects.
AslResult<Json> FindNumber(const NumberField& field, Evaluation& evaluation, const Json& data) {
  std::optional<Json> value =
      evaluation.Over(data, [&](const Scope& scope) { return field.path->Evaluate(scope); });
  if (value.has_value() && !value->is_null()) return *std::move(value);
  return evaluation.RuntimeError(absl::StrCat(
      "The ", field.name, " parameter does not reference an input value: ", field.path->text()));
}

// All below are exact as doubles.
constexpr double kIntegerMax = 9e15;

AslResult<double> EvaluateNumber(const NumberField& field, Evaluation& evaluation) {
  const AslResult<Json> value = evaluation.Fill(*field.jsonata, field.name);
  if (!value.ok()) return value.error();
  if (!value->is_number()) {
    return evaluation.QueryError(*field.jsonata, field.name, "number", *value);
  }
  const std::optional<int64_t> number = value->ToInt64();
  if (number.has_value() && *number >= 0 && static_cast<double>(*number) <= field.max) {
    return static_cast<double>(*number);
  }
  return evaluation.QueryError(
      field.name, absl::StrCat("The ", field.name, " field must be an integer from 0 to ",
                               static_cast<int64_t>(field.max), ", but was: ", value->ToText()));
}

}  // namespace

AslResult<double> ReadNumber(const NumberField& field, Evaluation& evaluation, const Json& data) {
  if (field.value.has_value()) return *field.value;
  if (field.jsonata.has_value()) return EvaluateNumber(field, evaluation);
  const AslResult<Json> value = FindNumber(field, evaluation, data);
  if (!value.ok()) return value.error();
  const std::optional<int64_t> number = ToInteger(*field.path, *value);
  if (!number.has_value()) return NoNumber(field, evaluation, *value, "integer");
  if (*number < 0) return Negative(field, evaluation, *value);
  const bool is_time_limit =
      absl::StartsWith(field.name, "Timeout") || absl::StartsWith(field.name, "Heartbeat");
  if (is_time_limit && static_cast<double>(*number) > field.max) {
    return evaluation.RuntimeError(absl::StrCat(
        "The ", field.name, " parameter references a value over ", static_cast<int64_t>(field.max),
        ": ", field.path->text(), " == ", value->ToText()));
  }
  return std::min(static_cast<double>(*number), kIntegerMax);
}

AslResult<double> ReadFraction(const NumberField& field, Evaluation& evaluation, const Json& data) {
  if (field.value.has_value()) return *field.value;
  const AslResult<Json> value = FindNumber(field, evaluation, data);
  if (!value.ok()) return value.error();
  const std::optional<double> number = ToFraction(*field.path, *value);
  if (!number.has_value()) return NoNumber(field, evaluation, *value, "float");
  return *number;
}

}  // namespace millrace
