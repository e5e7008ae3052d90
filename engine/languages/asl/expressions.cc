#include "engine/languages/asl/expressions.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/base/check.h"

namespace millrace::asl {
namespace {

constexpr size_t kVariableBytesMax = 80;

// The intrinsic functions whose result is, or may be, a text.
constexpr absl::string_view kTextFunctions[] = {
    "States.Format",       "States.JsonToString", "States.ArrayGetItem", "States.Base64Encode",
    "States.Base64Decode", "States.Hash",         "States.UUID"};

// The parsed text of `field`, which is present; nullopt when reported.
std::optional<JsonPath> ParsePath(ObjectReader& fields, absl::string_view field) {
  const std::optional<std::string> text = fields.FindText(field);
  if (!text) return std::nullopt;
  absl::StatusOr<JsonPath> path = JsonPath::Parse(*text);
  if (path.ok()) return *std::move(path);
  fields.Report(field, problem_code::kInvalidPath,
                absl::StrCat("'", field, "' is no JSONPath: ", path.status().message()));
  return std::nullopt;
}

bool IsReference(const JsonPath& path) {
  return path.is_reference() || (path.is_definite() && !path.variable().empty());
}

bool IsNull(ObjectReader& fields, absl::string_view field) {
  const Json* value = fields.Find(field);
  return value != nullptr && value->is_null();
}

bool IsVariableName(absl::string_view name) {
  const auto is_letter = [](char c) {
    return absl::ascii_isalpha(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
  };
  return !name.empty() && name.size() <= kVariableBytesMax && is_letter(name[0]) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || absl::ascii_isdigit(c); });
}

bool IsTextFunction(absl::string_view text) {
  const absl::string_view name = text.substr(0, text.find('('));
  return std::find(std::begin(kTextFunctions), std::end(kTextFunctions), name) !=
         std::end(kTextFunctions);
}

std::optional<Expression> ReadTextPath(ObjectReader& fields, absl::string_view field) {
  const std::optional<std::string> text = fields.FindText(field);
  if (!text) return std::nullopt;
  if (absl::StartsWith(*text, "$")) {
    if (!ReadReferencePath(fields, field)) return std::nullopt;
  } else if (!IsTextFunction(*text)) {
    fields.Report(field, problem_code::kInvalidPath,
                  absl::StrCat("'", field,
                               "' is a Reference Path, or an intrinsic function that "
                               "gives a string, as States.Format(...)."));
    return std::nullopt;
  }
  absl::StatusOr<Expression> expression = Expression::Parse(*text);
  if (expression.ok()) return *std::move(expression);
  fields.Report(field, problem_code::kInvalidPath, std::string(expression.status().message()));
  return std::nullopt;
}

}  // namespace

const JsonPath& RootPath() {
  static const JsonPath& root = *[] {
    absl::StatusOr<JsonPath> path = JsonPath::Parse("$");
    MILLRACE_CHECK(path.ok());
    return new JsonPath(*std::move(path));
  }();
  return root;
}

PathField ReadPath(ObjectReader& fields, absl::string_view field) {
  if (!fields.Has(field)) return {.path = RootPath()};
  if (IsNull(fields, field)) return {};
  return {.path = ParsePath(fields, field)};
}

std::optional<JsonPath> ReadReferencePath(ObjectReader& fields, absl::string_view field) {
  std::optional<JsonPath> path = ParsePath(fields, field);
  if (!path || IsReference(*path)) return path;
  fields.Report(field, problem_code::kInvalidPath,
                absl::StrCat("'", field,
                             "' is a Reference Path, which selects one value by names "
                             "and indexes: no wildcards, slices, filters or functions."));
  return std::nullopt;
}

ResultPathField ReadResultPath(ObjectReader& fields) {
  if (!fields.Has("ResultPath")) return {.path = RootPath()};
  if (IsNull(fields, "ResultPath")) return {};
  std::optional<JsonPath> path = ReadReferencePath(fields, "ResultPath");
  if (path && (path->uses_context() || !path->variable().empty())) {
    fields.Report(
        "ResultPath", problem_code::kInvalidPath,
        "'ResultPath' begins with '$', as in '$.result': the context object and variables "
        "cannot take a result.");
  }
  return {.path = std::move(path)};
}

std::optional<PayloadTemplate> ReadTemplate(ObjectReader& fields, absl::string_view field) {
  const Json* json = fields.Find(field);
  if (json == nullptr) return std::nullopt;
  std::vector<TemplateProblem> problems;
  PayloadTemplate parsed = PayloadTemplate::Parse(*json, &problems);
  fields.problems()->AddBelow(fields.place().At(field), problem_code::kInvalidTemplate, problems);
  return parsed;
}

std::optional<PayloadTemplate> ReadObjectTemplate(ObjectReader& fields, absl::string_view field) {
  return fields.FindObject(field) == nullptr ? std::nullopt : ReadTemplate(fields, field);
}

void CheckVariableNames(const Json& assign, const Place& place, ProblemList* problems) {
  for (const JsonMember& member : assign.members()) {
    const absl::string_view name = absl::StripSuffix(member.key.AsString(), ".$");
    if (IsVariableName(name) && name != "states") continue;
    problems->Forbid(place.At(member.key.AsString()), problem_code::kInvalidValue,
                     absl::StrCat(Quoted(name),
                                  " is no name of a variable: a letter or '_', then "
                                  "letters, digits and '_', at most ",
                                  kVariableBytesMax, "; 'states' is taken."));
  }
}

std::optional<PayloadTemplate> ReadAssign(ObjectReader& fields) {
  if (const Json* assign = fields.Find("Assign"); assign != nullptr && assign->is_object()) {
    CheckVariableNames(*assign, fields.place().At("Assign"), fields.problems());
  }
  return ReadObjectTemplate(fields, "Assign");
}

std::optional<NumberField> ReadNumber(ObjectReader& fields, absl::string_view field,
                                      const NumberRule& rule) {
  const std::string path_field = absl::StrCat(field, "Path");
  fields.OneOf({field, path_field}, /*is_required=*/false);
  if (const std::optional<double> value = fields.FindNumber(field, rule)) {
    return NumberField{.value = value, .name = std::string(field)};
  }
  std::optional<JsonPath> path = ReadReferencePath(fields, path_field);
  if (!path) return std::nullopt;
  return NumberField{.path = std::move(path), .name = path_field};
}

std::optional<TextField> ReadText(ObjectReader& fields, absl::string_view field) {
  const std::string path_field = absl::StrCat(field, "Path");
  fields.OneOf({field, path_field}, /*is_required=*/false);
  if (std::optional<std::string> value = fields.FindText(field)) {
    return TextField{.value = std::move(value)};
  }
  std::optional<Expression> expression = ReadTextPath(fields, path_field);
  if (!expression) return std::nullopt;
  return TextField{.expression = std::move(expression), .name = path_field};
}

}  // namespace millrace::asl
