// Each code of a problem by the smallest definition that has it, and its line in the documentation.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "engine/languages/problem_list.h"
#include "tests/program/asl_support.h"

namespace millrace {
namespace {

using ::testing::HasSubstr;

struct CodeCase {
  absl::string_view code;
  Severity severity;
  std::string definition;
  std::string language = "ASL";
  bool is_express = false;
};

std::string ManyUnknownFields() {
  std::string fields = R"("Type": "Succeed")";
  for (int i = 0; i < 101; ++i) absl::StrAppend(&fields, ", \"f", i, "\": 1");
  return OnlyState(fields);
}

const std::vector<CodeCase>& Cases() {
  constexpr Severity kError = Severity::kError;
  constexpr Severity kWarning = Severity::kWarning;
  const std::string machine = R"({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})";
  static const auto& cases = *new std::vector<CodeCase>{
      {"TOO_LARGE", kError, std::string((1 << 20) + 1, ' ')},
      {"TOO_DEEP", kError, std::string(200, '[') + std::string(200, ']')},
      {"TOO_MANY_PROBLEMS", kError, ManyUnknownFields()},
      {"UNKNOWN_LANGUAGE", kError, "{}", "BPMN"},
      {"NOT_JSON", kError, "{"},
      {"MISSING_FIELD", kError, "{}"},
      {"UNKNOWN_FIELD", kError, OnlyState(R"("Type": "Succeed", "Nexxt": 1)")},
      {"DUPLICATE_FIELD", kError, OnlyState(R"("Type": "Succeed", "Type": "Succeed")")},
      {"CONFLICTING_FIELDS", kError, WithState(R"("Type": "Pass", "Next": "T", "End": true)")},
      {"WRONG_TYPE", kError, OnlyState(R"("Type": "Wait", "Seconds": "1", "End": true)")},
      {"INVALID_VALUE", kError, OnlyState(R"("Type": "Wait", "Seconds": -1, "End": true)")},
      {"INVALID_PATH", kError, OnlyState(R"("Type": "Succeed", "InputPath": "a")")},
      {"INVALID_TEMPLATE", kError,
       OnlyState(R"("Type": "Pass", "End": true, "Parameters": {"a.$": "b"})")},
      {"INVALID_EXPRESSION", kError,
       OnlyState(R"("Type": "Succeed", "QueryLanguage": "JSONata", "Output": "{% 1 + %}")")},
      {"INVALID_CONDITION", kError,
       WithState(R"("Type": "Choice", "Choices": [{"Variable": "$.a", "Next": "T"}])")},
      {"INVALID_RESOURCE", kError,
       OnlyState(R"("Type": "Task", "Resource": "no name", "End": true)")},
      {"UNKNOWN_STATE", kError, OnlyState(R"("Type": "Pass", "Next": "T")")},
      {"UNKNOWN_STATE_TYPE", kError, OnlyState(R"("Type": "Tsk")")},
      {"DUPLICATE_STATE", kError,
       OnlyState(absl::StrCat(R"("Type": "Parallel", "End": true, "Branches": [)", machine, ",",
                              machine, "]"))},
      {"UNREACHABLE_STATE", kError, WithState(R"("Type": "Succeed")")},
      {"NO_TERMINAL_STATE", kError, OnlyState(R"("Type": "Pass", "Next": "S")")},
      {"WRONG_QUERY_LANGUAGE", kError,
       OnlyState(R"("Type": "Pass", "End": true, "Output": "{% 1 %}")")},
      {"NOT_IN_EXPRESS", kError, OnlyState(R"("Type": "Task", "End": true,
                    "Resource": "arn:aws:states:::ecs:runTask.sync")"),
       "ASL", /*is_express=*/true},
      {"UNASSIGNED_VARIABLE", kWarning, OnlyState(R"("Type": "Succeed", "OutputPath": "$v")")},
      {"UNKNOWN_ERROR", kWarning, OnlyState(R"("Type": "Task", "Resource": "f", "End": true,
                    "Retry": [{"ErrorEquals": ["States.Timeot"]}])")},
      {"NOT_IN_ASW", kWarning, OnlyState(R"("Type": "Succeed")"), "ASW"},
      {"RESOURCE_NOT_SERVED", kWarning,
       OnlyState(R"("Type": "Task", "End": true, "Resource": "arn:aws:states:::sqs:sendMessage")")},
      {"IGNORED_FIELD", kWarning, WithState(R"("Type": "Pass", "End": false, "Next": "T")")},
      {"IMPLIED_MODE", kWarning,
       OnlyState(absl::StrCat(R"("Type": "Map", "End": true, "ItemProcessor": )", machine,
                              R"(, "ItemBatcher": {"MaxItemsPerBatch": 2})"))},
  };
  return cases;
}

TEST(ProblemCodes, EachHasADefinitionThatShowsIt) {
  std::set<std::string> shown;
  for (const CodeCase& expected : Cases()) {
    SCOPED_TRACE(std::string(expected.code));
    shown.emplace(expected.code);
    const CompileResult result =
        Compile(expected.language, expected.definition, {.is_express = expected.is_express});
    const auto found =
        std::find_if(result.problems.begin(), result.problems.end(),
                     [&](const Problem& problem) { return problem.code == expected.code; });
    ASSERT_NE(found, result.problems.end()) << Messages(result);
    EXPECT_EQ(found->severity, expected.severity);
    EXPECT_EQ(result.program == nullptr, expected.severity == Severity::kError);
    EXPECT_NE(found->message, "");
  }
  EXPECT_EQ(shown,
            std::set<std::string>(std::begin(problem_code::kAll), std::end(problem_code::kAll)));
}

TEST(ProblemCodes, AreAllDocumented) {
  const char* source = std::getenv("MILLRACE_SOURCE_DIR");
  std::ifstream file(absl::StrCat(source == nullptr ? "." : source, "/docs/asl_support.md"));
  ASSERT_TRUE(file.is_open());
  const std::string text(std::istreambuf_iterator<char>(file), {});
  for (const CodeCase& expected : Cases()) {
    const absl::string_view severity = expected.severity == Severity::kError ? "error" : "warning";
    EXPECT_THAT(text, HasSubstr(absl::StrCat("| `", expected.code, "` | ", severity, " |")));
  }
}

}  // namespace
}  // namespace millrace
