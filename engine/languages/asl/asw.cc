#include "engine/languages/asl/asw.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/expr/jsonpath.h"

namespace millrace::asl {
namespace {

constexpr double kDay = 86400;
constexpr double kMinute = 60;

// An operator that compares two values, and has a form with a path: "NumericLessThan".
bool IsComparison(absl::string_view key) {
  const auto begins = [key](absl::string_view prefix) { return absl::StartsWith(key, prefix); };
  const bool is_family =
      begins("String") || begins("Numeric") || begins("Boolean") || begins("Timestamp");
  return is_family && (absl::EndsWith(key, "Equals") || absl::EndsWith(key, "Than"));
}

bool IsPath(const Json& operand) {
  return operand.is_string() && absl::StartsWith(operand.AsString(), "$") &&
         JsonPath::Parse(operand.AsString()).ok();
}

Json AswChoiceRules(const Json& rules) {
  std::vector<Json> elements;
  for (const Json& rule : rules.elements()) elements.push_back(AswChoiceRule(rule));
  return Json::Array(std::move(elements));
}

}  // namespace

double ReadAswTimeout(ObjectReader& fields, bool is_express) {
  const double seconds_max = is_express ? 5 * kMinute : 365 * kDay;
  const std::optional<double> seconds =
      fields.FindNumber("TimeoutSeconds", {.min = 1, .max = seconds_max});
  const std::optional<double> milliseconds =
      fields.FindNumber("TimeoutMilliseconds", {.min = 1, .max = seconds_max * 1000});
  if (milliseconds) return *milliseconds / 1000;
  return seconds.value_or(is_express ? kMinute : kDay);
}

void WarnOfTypeAbsentInAsw(ObjectReader& fields, absl::string_view type) {
  if (type != "Wait" && type != "Succeed" && type != "Fail") return;
  fields.Warn("Type", problem_code::kNotInAsw,
              absl::StrCat("ASW itself has no ", type, " state; it works here."));
}

Json AswChoiceRule(const Json& rule) {
  if (!rule.is_object()) return rule;
  std::vector<JsonMember> members;
  for (const JsonMember& member : rule.members()) {
    const absl::string_view key = member.key.AsString();
    if ((key == "And" || key == "Or") && member.value.is_array()) {
      members.push_back({member.key, AswChoiceRules(member.value)});
    } else if (key == "Not") {
      members.push_back({member.key, AswChoiceRule(member.value)});
    } else if (IsComparison(key) && IsPath(member.value)) {
      members.push_back({Json(absl::StrCat(key, "Path")), member.value});
    } else {
      members.push_back(member);
    }
  }
  return Json::Object(std::move(members));
}

}  // namespace millrace::asl
