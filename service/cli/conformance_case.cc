#include "service/cli/conformance_case.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/expr/jsonpath.h"
#include "engine/languages/compile.h"
#include "service/cli/conformance_jsonata.h"
#include "service/cli/files.h"

namespace millrace::cli {
namespace {

// One state alone, and not a scenario: those say of which type the workflow is.
bool IsStateCase(const Json& json) {
  return json.Find("expected") != nullptr && json.Find("definition") != nullptr &&
         json.Find("type") == nullptr;
}

std::string AreaOf(const Json& json, const std::string& authority) {
  const std::string area = TextOf(json, "area");
  if (!area.empty()) return area;
  if (json.Find("valid") != nullptr) return absl::StrCat("definitions/", authority);
  if (json.Find("expr") != nullptr) return absl::StrCat("jsonata/", TextOf(json, "group"));
  const std::string id = TextOf(json, "id");
  return absl::StrCat("jsonpath/", id.substr(0, id.find(',')));
}

void RunDefinitionCase(const Json& json, CaseReport* report) {
  std::string text = TextOf(json, "definition_text");
  if (text.empty()) text = json.Find("definition")->ToText();
  const CompileResult compiled =
      Compile("ASL", text, {.is_express = TextOf(json, "type") == "EXPRESS"});
  const bool is_valid = compiled.program != nullptr;
  if (is_valid == json.Find("valid")->AsBool()) return;
  Fail(1,
       is_valid ? absl::StrCat("it is accepted; expected: ",
                               json.Find("expected_message") != nullptr
                                   ? json.Find("expected_message")->ToText()
                                   : "a problem")
                : absl::StrCat("it is refused: ", DescribeProblems(compiled.problems)),
       report);
}

bool IsOneOf(const Json& result, const Json& json) {
  if (const Json* expected = json.Find("result")) return result == *expected;
  const auto choices = json.Find("results_any_of")->elements();
  return std::find(choices.begin(), choices.end(), result) != choices.end();
}

void RunJsonPathCase(const Json& json, CaseReport* report) {
  const absl::StatusOr<JsonPath> path =
      JsonPath::Parse(json.Find("selector")->AsString(), PathDialect::kRfc9535);
  if (json.Find("invalid") != nullptr) {
    if (path.ok()) Fail(1, "the selector is accepted", report);
    return;
  }
  if (!path.ok()) {
    return Fail(1, absl::StrCat("the selector is refused: ", path.status().message()), report);
  }
  const Json result = Json::Array(path->Select({.data = json.Find("document")}));
  if (!IsOneOf(result, json)) Fail(1, absl::StrCat("it selects ", result.ToText()), report);
}

}  // namespace

std::string TextOf(const Json& json, absl::string_view key) {
  const Json* value = json.Find(key);
  return value != nullptr && value->is_string() ? std::string(value->AsString()) : "";
}

void Fail(int level, std::string difference, CaseReport* report) {
  report->outcome = level <= 3 ? CaseOutcome::kFailed : CaseOutcome::kPassed;
  report->failed_level = level;
  report->difference = std::move(difference);
}

CaseReport RunCase(const Json& json, FunctionHost& host) {
  CaseReport report;
  report.id = TextOf(json, "id");
  const Json* source = json.Find("source");
  report.authority = source == nullptr ? "suite" : TextOf(*source, "authority");
  report.area = AreaOf(json, report.authority);
  if (json.Find("selector") != nullptr) {
    RunJsonPathCase(json, &report);
  } else if (json.Find("expr") != nullptr) {
    RunJsonataCase(json, &report);
  } else if (json.Find("valid") != nullptr) {
    RunDefinitionCase(json, &report);
  } else if (IsStateCase(json)) {
    RunStateCase(json, host, &report);
  } else if (json.Find("expected") != nullptr && json.Find("definition") != nullptr) {
    RunScenarioCase(json, host, &report);
  } else {
    Fail(1, "the case is of no known kind", &report);
  }
  return report;
}

}  // namespace millrace::cli
