// Definitions that were accepted once: what of later rules they may break.
#include <gmock/gmock.h>

#include "tests/program/asl_support.h"

namespace millrace {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

CompileResult CompileKept(absl::string_view definition, bool is_express = false) {
  return Compile("ASL", definition, {.is_express = is_express, .is_lenient = true});
}

TEST(LenientCompilation, TakesWhatOnlyARuleForbids) {
  const struct {
    std::string definition;
    bool is_express = false;
  } cases[] = {
      {WithState(R"("Type": "Pass", "Odd": 1, "Next": "T")")},
      {WithState(R"("Type": "Pass", "Comment": "a", "Comment": "b", "Next": "T")")},
      {WithState(R"("Type": "Pass", "Output": 1, "Next": "T")")},
      {WithState(R"("Type": "Task", "Resource": "f", "TimeoutSeconds": 0.5, "Next": "T")")},
      {WithState(R"("Type": "Task", "Resource": "f", "TimeoutSeconds": 2, "HeartbeatSeconds": 3,
                    "Next": "T")")},
      {WithState(R"("Type": "Pass", "End": true)")},  // T is unreachable
      {R"({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}}})"},
      {R"({"Version": "2.0", "StartAt": "A", "States": {"A": {"Type": "Succeed"}}})"},
      {WithState(R"("Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync",
                    "Parameters": {"StateMachineArn": "x"}, "Next": "T")"),
       true},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.definition);
    EXPECT_EQ(Compile("ASL", one.definition, {.is_express = one.is_express}).program, nullptr);
    const CompileResult kept = CompileKept(one.definition, one.is_express);
    EXPECT_NE(kept.program, nullptr);
    EXPECT_THAT(kept.problems, Not(IsEmpty()));
    EXPECT_EQ(kept.problems[0].severity, Severity::kError);
  }
}

TEST(LenientCompilation, RefusesWhatGivesNoWholeProgram) {
  for (const std::string& definition :
       {std::string("{"), WithState(R"("Type": "Dance", "Next": "T")"),
        WithState(R"("Type": "Pass", "Next": "Nowhere")"), WithState(R"("Type": "Pass")"),
        WithState(R"("Type": "Wait", "Next": "T")"),
        WithState(R"("Type": "Pass", "InputPath": "$[", "Next": "T")"),
        WithState(R"("Type": "Task", "Resource": "", "Next": "T")"),
        WithState(R"("Type": "Pass", "Parameters": {"a.$": "no path"}, "Next": "T")")}) {
    SCOPED_TRACE(definition);
    EXPECT_EQ(CompileKept(definition).program, nullptr);
  }
}

TEST(LenientCompilation, TakesTheNearestNumberThatMayBe) {
  const auto timeout = [](absl::string_view number) {
    const CompileResult kept = CompileKept(WithState(absl::StrCat(
        R"("Type": "Task", "Resource": "f", "TimeoutSeconds": )", number, R"(, "Next": "T")")));
    return std::get<TaskState>(kept.program->FindState("S")->body).timeout_seconds->value;
  };
  EXPECT_EQ(timeout("-3"), 1);
  EXPECT_EQ(timeout("1e300"), 99999999);
  EXPECT_EQ(timeout("7.4"), 7);
  EXPECT_EQ(timeout("8"), 8);
}

}  // namespace
}  // namespace millrace
