#include "service/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace millrace::service {
namespace {

using ::testing::HasSubstr;

TEST(NamesTest, AcceptsIdsWithinTheirRules) {
  for (const char* id : {"a", "default", "my-project-1"}) EXPECT_TRUE(IsProjectId(id)) << id;
  for (const char* id : {"", "A", "1a", "-a", "a_b", "a.b", "a/b", "ä"}) {
    EXPECT_FALSE(IsProjectId(id)) << id;
  }
  for (const char* id : {"a", "Z", "order_2-x"}) EXPECT_TRUE(IsWorkflowId(id)) << id;
  for (const char* id : {"", "1a", "_a", "-a", "a.b", "a b", "a/b", "ü"}) {
    EXPECT_FALSE(IsWorkflowId(id)) << id;
  }
  for (const char* id : {"1", "a.b_c-D", "..."}) EXPECT_TRUE(IsExecutionId(id)) << id;
  for (const char* id : {"", ".", "..", "a/b", "a b", "a:b", "a\n"}) {
    EXPECT_FALSE(IsExecutionId(id)) << id;
  }
}

TEST(NamesTest, BoundsTheLengthOfIds) {
  EXPECT_TRUE(IsProjectId(std::string(63, 'a')));
  EXPECT_FALSE(IsProjectId(std::string(64, 'a')));
  EXPECT_TRUE(IsWorkflowId(std::string(63, 'a')));
  EXPECT_FALSE(IsWorkflowId(std::string(64, 'a')));
  EXPECT_TRUE(IsExecutionId(std::string(80, 'a')));
  EXPECT_FALSE(IsExecutionId(std::string(81, 'a')));
}

TEST(NamesTest, ReadsWhatItWrites) {
  const WorkflowId workflow{.project = "p", .workflow = "Order"};
  const ExecutionId execution{.workflow = workflow, .execution = "e.1"};
  const FunctionId function{.project = "p", .function = "sum"};
  FieldChecks checks;
  EXPECT_EQ(ParseProjectName("parent", "projects/p", &checks), "p");
  EXPECT_EQ(ParseWorkflowName("name", NameOf(workflow), &checks), workflow);
  EXPECT_EQ(ParseExecutionName("name", NameOf(execution), &checks), execution);
  EXPECT_EQ(ParseFunctionName("name", NameOf(function), &checks), function);
  EXPECT_TRUE(checks.ok()) << checks.status();
}

TEST(NamesTest, RefusesWhatIsNoName) {
  for (const std::string& name :
       {std::string(), std::string("order"), std::string("projects/p"),
        std::string("projects/p/workflows/"), std::string("projects//workflows/w"),
        std::string("/projects/p/workflows/w"), std::string("projects/p/workflows/w/"),
        std::string("projects/p/functions/w"), std::string("projects/P/workflows/w"),
        std::string("projects/p/workflows/w/executions/e"),
        std::string("projects/p/workflows/w\0", 23), std::string(1'000'000, '/')}) {
    SCOPED_TRACE(Quote(name));
    FieldChecks checks;
    ParseWorkflowName("parent", name, &checks);
    EXPECT_EQ(checks.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(checks.status().message()), HasSubstr("parent"));
    EXPECT_LT(checks.status().message().size(), 600u);
  }
}

TEST(NamesTest, NamesTheRuleThatIsBroken) {
  const auto problem = [](const auto& check) {
    FieldChecks checks;
    check(&checks);
    return std::string(checks.status().message());
  };
  EXPECT_EQ(
      problem([](FieldChecks* checks) { ParseProjectName("parent", "projects/Default", checks); }),
      "parent: is projects/{project}: {project} is 1 to 63 lower-case letters, digits and '-', "
      "a letter first, not 'Default'");
  EXPECT_EQ(problem([](FieldChecks* checks) { ParseProjectName("parent", "default", checks); }),
            "parent: is projects/{project}, not 'default'");
  const std::string both = problem([](FieldChecks* checks) {
    ParseExecutionName("name", "projects/p/workflows/1/executions/..", checks);
  });
  EXPECT_THAT(both,
              HasSubstr("{workflow} is 1 to 63 letters, digits, '_' and '-', a letter first"));
  EXPECT_THAT(both, HasSubstr("{execution} is 1 to 80 of A-Z a-z 0-9 _ . -, and neither '.' nor "
                              "'..', not '..'"));
  EXPECT_THAT(problem([](FieldChecks* checks) { CheckExecutionId("execution_id", "..", checks); }),
              HasSubstr("neither '.' nor '..'; not '..'"));
}

}  // namespace
}  // namespace millrace::service
