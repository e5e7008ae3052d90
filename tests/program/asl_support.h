#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/languages/compile.h"

namespace millrace {

// Where something is wrong, and its code.
using Finding = std::pair<std::string, std::string>;

inline CompileResult CompileDefinition(absl::string_view definition) {
  return Compile("ASL", definition, {});
}

inline std::vector<Finding> Findings(const CompileResult& result) {
  std::vector<Finding> findings;
  for (const Problem& problem : result.problems)
    findings.emplace_back(problem.pointer, problem.code);
  return findings;
}

inline bool HasErrors(const CompileResult& result) {
  return std::any_of(result.problems.begin(), result.problems.end(),
                     [](const Problem& problem) { return problem.severity == Severity::kError; });
}

// All messages, a line each, to show when a test fails.
inline std::string Messages(const CompileResult& result) {
  std::string text;
  for (const Problem& problem : result.problems) {
    absl::StrAppend(&text, problem.pointer, " ", problem.code, " ", problem.message, "\n");
  }
  return text;
}

// A definition of one state "S" with these fields; and of "T", which succeeds, for it to go to.
inline std::string WithState(absl::string_view fields) {
  return absl::StrCat(R"({"StartAt": "S", "States": {"S": {)", fields,
                      R"(}, "T": {"Type": "Succeed"}}})");
}

// A definition of one state "S" with these fields only.
inline std::string OnlyState(absl::string_view fields) {
  return absl::StrCat(R"({"StartAt": "S", "States": {"S": {)", fields, "}}}");
}

struct FindingsCase {
  std::string definition;
  std::vector<Finding> findings;  // in any order
};

// A definition is refused for errors, and for nothing else.
inline void ExpectFindings(const std::vector<FindingsCase>& cases,
                           absl::string_view language = "ASL") {
  for (const FindingsCase& expected : cases) {
    SCOPED_TRACE(expected.definition.substr(0, 1000));
    const CompileResult result = Compile(language, expected.definition, {});
    EXPECT_THAT(Findings(result), ::testing::UnorderedElementsAreArray(expected.findings))
        << Messages(result);
    EXPECT_EQ(result.program == nullptr, HasErrors(result));
  }
}

}  // namespace millrace
