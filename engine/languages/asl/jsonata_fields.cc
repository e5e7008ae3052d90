#include "engine/languages/asl/jsonata_fields.h"

#include <string>
#include <utility>
#include <vector>

#include "engine/languages/asl/expressions.h"

namespace millrace::asl {

std::optional<JsonataTemplate> ReadJsonata(ObjectReader& fields, absl::string_view field) {
  const Json* json = fields.Find(field);
  if (json == nullptr) return std::nullopt;
  std::vector<TemplateProblem> problems;
  JsonataTemplate parsed = JsonataTemplate::Parse(*json, &problems);
  fields.problems()->AddBelow(fields.place().At(field), problem_code::kInvalidExpression, problems);
  return parsed;
}

std::optional<Template> ReadJsonataAssign(ObjectReader& fields) {
  const Json* assign = fields.FindObject("Assign");
  if (assign == nullptr) return std::nullopt;
  CheckVariableNames(*assign, fields.place().At("Assign"), fields.problems());
  return ReadJsonata(fields, "Assign");
}

std::optional<NumberField> ReadJsonataNumber(ObjectReader& fields, absl::string_view field,
                                             const NumberRule& rule) {
  if (IsJsonataExpression(fields, field)) {
    return NumberField{
        .jsonata = ReadJsonata(fields, field), .name = std::string(field), .max = rule.max};
  }
  const std::optional<double> value = fields.FindNumber(field, rule);
  if (!value) return std::nullopt;
  return NumberField{.value = value, .name = std::string(field)};
}

std::optional<TextField> ReadJsonataText(ObjectReader& fields, absl::string_view field) {
  if (IsJsonataExpression(fields, field)) {
    return TextField{.jsonata = ReadJsonata(fields, field), .name = std::string(field)};
  }
  std::optional<std::string> value = fields.FindText(field);
  if (!value) return std::nullopt;
  if (std::string problem = JsonataTemplate::HalfMarked(*value); !problem.empty()) {
    fields.Report(field, problem_code::kInvalidExpression, std::move(problem));
  }
  return TextField{.value = std::move(value)};
}

bool IsJsonataExpression(ObjectReader& fields, absl::string_view field) {
  const Json* json = fields.Find(field);
  return json != nullptr && json->is_string() && JsonataTemplate::IsExpression(json->AsString());
}

}  // namespace millrace::asl
