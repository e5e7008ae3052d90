#include "engine/runtime/mocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/languages/compile.h"

namespace millrace {
namespace {

using ::testing::HasSubstr;

constexpr char kCharge[] = R"({"StartAt": "Charge", "States": {
    "Charge": {"Type": "Task", "Resource": "charge", "Next": "Notify", "Retry": [
      {"ErrorEquals": ["Busy"], "MaxAttempts": 5}]},
    "Notify": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
               "Parameters": {"FunctionName": "notify"}, "Next": "Done"},
    "Done": {"Type": "Succeed"}}})";

struct Outcome {
  std::string end;  // the output, or the error's name
  std::string missing;
};

Outcome RunWith(absl::string_view mock_file) {
  const CompileResult compiled = Compile("ASL", kCharge, {});
  const absl::StatusOr<Mocks> mocks = Mocks::Parse(mock_file);
  EXPECT_TRUE(mocks.ok()) << mocks.status();
  const absl::StatusOr<Program> program = MockTasks(*compiled.program, *mocks);
  EXPECT_TRUE(program.ok()) << program.status();
  Outcome outcome;
  const LocalInvoke others = [](const InvokeFunction& call, const InvocationDone& done) {
    done(AslError{.name = "Called", .cause = call.function});
  };
  LocalRunOptions options;
  options.virtual_time = true;
  const absl::StatusOr<LocalRun> run = RunLocally(
      *program, Json::Object(), options, InvokeMocks(*program, *mocks, others, &outcome.missing));
  EXPECT_TRUE(run.ok());
  const Snapshot& snapshot = run->snapshot;
  outcome.end = snapshot.output.has_value() ? snapshot.output->ToText() : *snapshot.error->name;
  return outcome;
}

TEST(Mocks, AnswerByStateAndAttempt) {
  const Outcome outcome = RunWith(R"({"States": {
      "Charge": {"0-1": {"Throw": {"Error": "Busy"}}, "2": {"Return": 7}},
      "Notify": {"Return": {"Payload": "sent", "StatusCode": 202}}}})");
  EXPECT_EQ(outcome.end, R"({"Payload":"sent","StatusCode":202})");
  EXPECT_EQ(outcome.missing, "");
}

TEST(Mocks, LeaveOtherTasksToTheirFunctions) {
  const Outcome outcome = RunWith(R"({"States": {"Charge": {"Return": 7}}})");
  EXPECT_EQ(outcome.end, "Called");
  EXPECT_EQ(outcome.missing, "");
}

TEST(Mocks, TellTheAttemptThatHasNoAnswer) {
  const Outcome outcome = RunWith(R"({"States": {"Charge": {"0": {"Throw": {"Error": "Busy"}}}}})");
  EXPECT_EQ(outcome.end, "States.Runtime");
  EXPECT_EQ(outcome.missing, "/States/Charge: has no answer for attempt 1");
}

TEST(Mocks, RefuseStatesThatAreNoTasksOfTheWorkflow) {
  const CompileResult compiled = Compile("ASL", kCharge, {});
  for (const auto& [state, rule] : std::vector<std::pair<std::string, std::string>>{
           {"Charg", "/States/Charg: the workflow has no such state"},
           {"Done", "/States/Done: only Tasks can be mocked"}}) {
    const absl::StatusOr<Mocks> mocks =
        Mocks::Parse(R"({"States": {")" + state + R"(": {"Return": 1}}})");
    ASSERT_TRUE(mocks.ok());
    const absl::StatusOr<Program> program = MockTasks(*compiled.program, *mocks);
    EXPECT_THAT(std::string(program.status().message()), HasSubstr(rule));
  }
}

TEST(Mocks, AreRefusedWithTheirPlaceAndRule) {
  for (const auto& [text, rule] : std::vector<std::pair<std::string, std::string>>{
           {"[", "the mock file: is not JSON"},
           {"[]", "the mock file: must be an object"},
           {R"({"Stats": {}})", "/Stats: is not known here"},
           {R"({"States": []})", "/States: must be an object"},
           {R"({"States": {"A": 1}})", "/States/A: must be an object"},
           {R"({"States": {"A": {}}})", "/States/A: must have a Return, a Throw, or attempts"},
           {R"({"States": {"A": {"Return": 1, "Throw": {}}}})", "/States/A: must have a Return or"},
           {R"({"States": {"A": {"Throw": {}}}})", "/States/A/Throw: must have an Error"},
           {R"({"States": {"A": {"Throw": {"Error": 1}}}})",
            "/States/A/Throw/Error: must be a string"},
           {R"({"States": {"A": {"x": {"Return": 1}}}})", "/States/A/x: must be an attempt"},
           {R"({"States": {"A": {"2-1": {"Return": 1}}}})", "/States/A/2-1: must be an attempt"},
           {R"({"States": {"A": {"0-1": {"Return": 1}, "1": {"Return": 1}}}})",
            "/States/A/1: names an attempt that has an answer already"},
           {R"({"States": {"A": {"99999999999999999999": {"Return": 1}}}})", "must be an attempt"},
           {R"({"Variables": 1})", "/Variables: must be an object"}}) {
    SCOPED_TRACE(text);
    const absl::StatusOr<Mocks> mocks = Mocks::Parse(text);
    EXPECT_THAT(std::string(mocks.status().message()), HasSubstr(rule));
  }
}

}  // namespace
}  // namespace millrace
