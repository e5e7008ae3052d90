#include "engine/languages/object_reader.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/suggest.h"

namespace millrace {
namespace {

absl::string_view KindName(Json::Kind kind) {
  switch (kind) {
    case Json::Kind::kNull:
      return "null";
    case Json::Kind::kBool:
      return "a boolean";
    case Json::Kind::kInt:
    case Json::Kind::kUint:
    case Json::Kind::kDouble:
      return "a number";
    case Json::Kind::kString:
      return "a string";
    case Json::Kind::kArray:
      return "an array";
    case Json::Kind::kObject:
      return "an object";
  }
  return "";
}

std::string NumberText(double value) {
  std::string text;
  AppendJsonNumber(value, &text);
  return text;
}

// "an integer of at least 1", "a number from 0 to 100".
std::string Describe(const NumberRule& rule) {
  std::string text = rule.is_integer ? "an integer" : "a number";
  if (rule.max == std::numeric_limits<double>::max()) {
    return absl::StrCat(text, " of at least ", NumberText(rule.min));
  }
  return absl::StrCat(text, " from ", NumberText(rule.min), " to ", NumberText(rule.max));
}

}  // namespace

ObjectReader::ObjectReader(const Json& json, const Place& place, std::string what,
                           ProblemList* problems)
    : json_(json), place_(place), what_(std::move(what)), problems_(problems) {}

bool ObjectReader::IsObject(const Json& json, const Place& place, absl::string_view what,
                            ProblemList* problems) {
  if (json.is_object()) return true;
  problems->Add(place, problem_code::kWrongType,
                absl::StrCat(what, " is an object, not ", KindName(json.kind()), "."));
  return false;
}

const Json* ObjectReader::Find(absl::string_view field) {
  if (std::find(known_.begin(), known_.end(), field) == known_.end()) known_.emplace_back(field);
  return json_.Find(field);
}

bool ObjectReader::Has(absl::string_view field) { return Find(field) != nullptr; }

const Json* ObjectReader::Require(absl::string_view field) {
  const Json* value = Find(field);
  if (value == nullptr) {
    problems_->Add(place_, problem_code::kMissingField,
                   absl::StrCat(what_, " needs the field '", field, "'."));
  }
  return value;
}

const Json* ObjectReader::OfKind(absl::string_view field, const Json* value, Json::Kind kind) {
  if (value == nullptr || value->kind() == kind) return value;
  Report(field, problem_code::kWrongType,
         absl::StrCat("'", field, "' is ", KindName(kind), ", not ", KindName(value->kind()), "."));
  return nullptr;
}

const Json* ObjectReader::FindObject(absl::string_view field) {
  return OfKind(field, Find(field), Json::Kind::kObject);
}

const Json* ObjectReader::RequireObject(absl::string_view field) {
  return OfKind(field, Require(field), Json::Kind::kObject);
}

const Json* ObjectReader::FindArray(absl::string_view field) {
  const Json* array = OfKind(field, Find(field), Json::Kind::kArray);
  if (array == nullptr || array->size() > 0) return array;
  Report(field, problem_code::kInvalidValue, absl::StrCat("'", field, "' must not be empty."));
  return nullptr;
}

const Json* ObjectReader::RequireArray(absl::string_view field) {
  return Require(field) == nullptr ? nullptr : FindArray(field);
}

std::optional<std::string> ObjectReader::AsText(absl::string_view field, const Json* value) {
  value = OfKind(field, value, Json::Kind::kString);
  if (value == nullptr) return std::nullopt;
  return std::string(value->AsString());
}

std::optional<std::string> ObjectReader::FindText(absl::string_view field) {
  return AsText(field, Find(field));
}

std::optional<std::string> ObjectReader::RequireText(absl::string_view field) {
  return AsText(field, Require(field));
}

std::optional<bool> ObjectReader::FindBool(absl::string_view field) {
  const Json* value = OfKind(field, Find(field), Json::Kind::kBool);
  if (value == nullptr) return std::nullopt;
  return value->AsBool();
}

std::optional<double> ObjectReader::FindNumber(absl::string_view field, const NumberRule& rule) {
  const Json* value = Find(field);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) {
    Report(
        field, problem_code::kWrongType,
        absl::StrCat("'", field, "' is ", Describe(rule), ", not ", KindName(value->kind()), "."));
    return std::nullopt;
  }
  const double number = value->AsDouble();
  const bool is_whole = !rule.is_integer || value->ToInt64().has_value();
  if (is_whole && number >= rule.min && number <= rule.max) return number;
  Forbid(field, problem_code::kInvalidValue,
         absl::StrCat("'", field, "' is ", Describe(rule), ", not ", NumberText(number), "."));
  if (!problems_->is_lenient()) return std::nullopt;
  return std::clamp(rule.is_integer ? std::round(number) : number, rule.min, rule.max);
}

bool ObjectReader::OneOf(std::initializer_list<absl::string_view> fields, bool is_required) {
  std::vector<absl::string_view> present;
  for (const absl::string_view field : fields) {
    if (Has(field)) present.push_back(field);
  }
  if (present.size() > 1) {
    Report(present[1], problem_code::kConflictingFields,
           absl::StrCat(what_, " has only one of '", absl::StrJoin(present, "', '"), "'."));
  } else if (present.empty() && is_required) {
    problems_->Add(place_, problem_code::kMissingField,
                   absl::StrCat(what_, " needs one of '", absl::StrJoin(fields, "', '"), "'."));
  }
  return present.size() == 1;
}

void ObjectReader::Report(absl::string_view field, absl::string_view code, std::string message) {
  problems_->Add(place_.At(field), code, std::move(message));
}

void ObjectReader::Forbid(absl::string_view field, absl::string_view code, std::string message) {
  problems_->Forbid(place_.At(field), code, std::move(message));
}

void ObjectReader::Warn(absl::string_view field, absl::string_view code, std::string message) {
  problems_->Warn(place_.At(field), code, std::move(message));
}

void ObjectReader::ReportUnknownFields() {
  const std::vector<absl::string_view> known(known_.begin(), known_.end());
  for (const JsonMember& member : json_.members()) {
    const absl::string_view field = member.key.AsString();
    if (std::find(known_.begin(), known_.end(), field) != known_.end()) continue;
    Forbid(field, problem_code::kUnknownField,
           absl::StrCat(what_, " has no field ", Quoted(field), DidYouMean(field, known)));
  }
}

}  // namespace millrace
