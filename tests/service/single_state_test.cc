#include "engine/core/single_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/runtime/state_test.h"
#include "service/cli/state_test_json.h"

namespace millrace {
namespace {

using ::testing::HasSubstr;

Json Parsed(absl::string_view text) {
  absl::StatusOr<Json> json = ParseJson(text);
  EXPECT_TRUE(json.ok()) << text;
  return json.ok() ? *std::move(json) : Json();
}

// What the state gives, inspected, as the command line shows it.
Json Inspect(const StateTestRequest& request, const LocalInvoke& invoke = nullptr) {
  const absl::StatusOr<StateTest> test = PrepareStateTest(request);
  if (!test.ok()) return Json(test.status().message());
  return cli::DescribeStateTest(*test->program, test->single, RunStateTest(*test, invoke), true);
}

struct Case {
  std::string what;
  StateTestRequest request;
  std::string expected;
};

void Check(const std::vector<Case>& cases) {
  for (const Case& some : cases) {
    SCOPED_TRACE(some.what);
    EXPECT_EQ(Inspect(some.request).ToPrettyText(), Parsed(some.expected).ToPrettyText());
  }
}

TEST(SingleState, ShowsTheDataAfterEachStepOfTheJsonPathFlow) {
  Check({{"Pass",
          {.definition = R"({"Type": "Pass", "InputPath": "$.a", "Parameters": {"p.$": "$.b"},
                             "ResultPath": "$.r", "OutputPath": "$.r", "Next": "Then"})",
           .input = R"({"a": {"b": 1}})"},
          R"({"status": "SUCCEEDED", "output": {"p": 1}, "nextState": "Then", "inspectionData": {
              "input": {"a": {"b": 1}}, "afterInputPath": {"b": 1}, "afterParameters": {"p": 1},
              "afterResultSelector": {"p": 1},
              "afterResultPath": {"a": {"b": 1}, "r": {"p": 1}}}})"},
         {"Pass with a Result",
          {.definition = R"({"Type": "Pass", "Result": 7, "End": true})", .input = "1"},
          R"({"status": "SUCCEEDED", "output": 7, "inspectionData": {"input": 1, "result": 7,
              "afterResultSelector": 7, "afterResultPath": 7}})"},
         {"Task",
          {.definition = R"({"Type": "Task", "Resource": "f", "ResultSelector": {"s.$": "$.x"},
                             "ResultPath": "$.r", "End": true})",
           .mock_result = R"({"x": 2})"},
          R"({"status": "SUCCEEDED", "output": {"r": {"s": 2}}, "inspectionData": {"input": {},
              "afterInputPath": {}, "afterParameters": {}, "result": {"x": 2},
              "afterResultSelector": {"s": 2}, "afterResultPath": {"r": {"s": 2}}}})"},
         {"Choice",
          {.definition = R"({"Type": "Choice", "Choices": [
                {"Variable": "$", "NumericEquals": 1, "Next": "One"}], "Default": "Other"})",
           .input = "1"},
          R"({"status": "SUCCEEDED", "output": 1, "nextState": "One",
              "inspectionData": {"input": 1, "afterInputPath": 1}})"},
         {"Wait",
          {.definition = R"({"Type": "Wait", "Seconds": 1000, "End": true})", .input = "1"},
          R"({"status": "SUCCEEDED", "output": 1,
              "inspectionData": {"input": 1, "afterInputPath": 1}})"},
         {"Map",
          {.definition = R"({"Type": "Map", "ItemsPath": "$.a", "MaxConcurrency": 3, "End": true,
              "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}})",
           .input = R"({"a": [1]})",
           .mock_result = "[2]"},
          R"({"status": "SUCCEEDED", "output": [2], "inspectionData": {"input": {"a": [1]},
              "afterInputPath": {"a": [1]}, "afterItemsPath": [1], "maxConcurrency": 3,
              "afterResultSelector": [2], "afterResultPath": [2]}})"}});
}

TEST(SingleState, ShowsWhatJsonataMakesOfIt) {
  Check({{"Task",
          {.definition = R"({"Type": "Task", "QueryLanguage": "JSONata", "Resource": "f",
                             "Arguments": {"v": "{% $v + 1 %}"}, "Assign": {"w": "{% $v %}"},
                             "Output": "{% $states.result.x %}", "End": true})",
           .variables = R"({"v": 1})",
           .mock_result = R"({"x": 2})"},
          R"({"status": "SUCCEEDED", "output": 2, "inspectionData": {"input": {},
              "afterArguments": {"v": 2}, "result": {"x": 2}, "variables": {"v": 1, "w": 1}}})"},
         {"the context object is the one that is given",
          {.definition = R"({"Type": "Pass", "QueryLanguage": "JSONata", "End": true,
                             "Output": "{% $states.context %}"})",
           .context = R"({"Execution": {"Name": "mine"}})"},
          R"({"status": "SUCCEEDED", "output": {"Execution": {"Name": "mine"}},
              "inspectionData": {"input": {}}})"}});
}

constexpr char kHandled[] =
    R"({"Type": "Task", "Resource": "f", "End": true,
        "Retry": [{"ErrorEquals": ["Other"]},
                  {"ErrorEquals": ["Busy"], "IntervalSeconds": 3, "MaxAttempts": 2}],
        "Catch": [{"ErrorEquals": ["Broken"], "Next": "A"},
                  {"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "B"}]})";

TEST(SingleState, SaysWhatHandlesAnError) {
  const std::string seen = R"("inspectionData": {"input": {}, "afterInputPath": {},
                              "afterParameters": {}, "errorDetails": )";
  Check({{"the second attempt is retried",
          {.definition = kHandled,
           .mock_error = AslError{.name = "Busy", .cause = "c"},
           .retry_count = 1},
          R"({"status": "RETRIABLE", "error": "Busy", "cause": "c", )" + seen +
              R"({"retryIndex": 1, "retryBackoffIntervalSeconds": 6}}})"},
         {"then it is caught",
          {.definition = kHandled,
           .mock_error = AslError{.name = "Busy", .cause = "c"},
           .retry_count = 2},
          R"({"status": "CAUGHT_ERROR", "output": {"e": {"Error": "Busy", "Cause": "c"}},
              "error": "Busy", "cause": "c", "nextState": "B", )" +
              seen + R"({"catchIndex": 1, "retryIndex": 1}}})"},
         {"nothing handles it",
          {.definition = R"({"Type": "Task", "Resource": "f", "End": true})",
           .mock_error = AslError{.name = "Busy", .cause = std::nullopt}},
          R"({"status": "FAILED", "error": "Busy", "inspectionData": {"input": {},
              "afterInputPath": {}, "afterParameters": {}}})"}});
}

constexpr char kDistributed[] =
    R"({"Type": "Map", "QueryLanguage": "JSONata", "Items": "{% $states.input %}", "End": true,
        "ToleratedFailurePercentage": 40, "ItemSelector": {"i": "{% $states.context.Map.Item.Value %}"},
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                          "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}})";

TEST(SingleState, HoldsFailedIterationsAgainstAMapsTolerance) {
  const std::string seen = R"("inspectionData": {"input": [7, 8, 9],
      "afterItemSelector": [{"i": 7}, {"i": 8}, {"i": 9}], "maxConcurrency": 0,
      "toleratedFailurePercentage": 40)";
  Check({{"a third is tolerated",
          {.definition = kDistributed,
           .input = "[7, 8, 9]",
           .mock_result = "[1, 2, 3]",
           .failed_iterations = 1},
          R"({"status": "SUCCEEDED", "output": [1, 2, 3], )" + seen + "}}"},
         {"two thirds are not",
          {.definition = kDistributed,
           .input = "[7, 8, 9]",
           .mock_result = "[1, 2, 3]",
           .failed_iterations = 2},
          R"({"status": "FAILED", "error": "States.ExceedToleratedFailureThreshold",
              "cause": "The specified tolerated failure threshold was exceeded", )" +
              seen + "}}"}});
}

TEST(SingleState, ReadsTheItemsOfAMapFromWhatIsGiven) {
  const std::string definition =
      R"({"Type": "Map", "End": true, "ItemReader": {"Resource": "arn:aws:states:::s3:getObject",
              "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
              "Parameters": {"Bucket": "b", "Key": "k"}},
          "ItemSelector": {"n.$": "$$.Map.Item.Value.name"},
          "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}})";
  const Json run = Inspect({.definition = definition,
                            .mock_result = "[1, 2]",
                            .reader_data = "name,age\nAnn,3\nBob,4\n"});
  EXPECT_EQ(run.Find("inspectionData")->Find("afterItemSelector")->ToText(),
            R"([{"n":"Ann"},{"n":"Bob"}])");
}

TEST(SingleState, CallsTheFunctionOfATaskWithoutAMock) {
  const LocalInvoke invoke = [](const InvokeFunction& call, const InvocationDone& done) {
    EXPECT_EQ(call.function, "double");
    done(Json(call.payload.AsDouble() * 2));
  };
  const Json run = Inspect({.definition = R"({"Type": "Task", "End": true,
                            "Resource": "arn:aws:states:::lambda:invoke",
                            "Parameters": {"FunctionName": "double", "Payload.$": "$"}})",
                            .input = "21",
                            .calls_functions = true},
                           invoke);
  EXPECT_EQ(run.Find("output")->Find("Payload")->ToText(), "42");
  EXPECT_EQ(run.Find("output")->Find("StatusCode")->ToText(), "200");
}

TEST(SingleState, TakesAStateFromInsideAMap) {
  const Json run = Inspect({.definition = R"({"StartAt": "Each", "States": {"Each": {"Type": "Map",
                            "End": true, "ItemProcessor": {"StartAt": "In", "States": {
                            "In": {"Type": "Pass", "Result": 5, "End": true}}}}}})",
                            .state = "In"});
  EXPECT_EQ(run.Find("output")->ToText(), "5");
}

TEST(SingleState, EndsExpressionsThatTakeTooMuchWork) {
  const Json run =
      Inspect({.definition = R"({"Type": "Pass", "QueryLanguage": "JSONata", "End": true,
                            "Output": "{% ($f := function($n) { $f($n + 1) }; $f(0)) %}"})"});
  EXPECT_EQ(run.Find("status")->AsString(), "FAILED");
}

TEST(SingleState, RefusesWhatMakesNoSense) {
  constexpr char kTask[] = R"({"Type": "Task", "Resource": "f", "End": true})";
  constexpr char kParallel[] = R"({"Type": "Parallel", "End": true, "Branches": [
      {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}]})";
  constexpr char kMap[] = R"({"Type": "Map", "End": true, "ItemProcessor":
      {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}})";
  const std::vector<std::pair<StateTestRequest, std::string>> cases = {
      {{.definition = kTask}, "mock: is required for a Task"},
      {{.definition = kMap}, "needs a mock for Map and Parallel"},
      {{.definition = R"({"Type": "Pass", "End": true})", .mock_result = "1"},
       "State type 'Pass' is not supported when a mock"},
      {{.definition = kTask, .mock_result = "{"}, "mock.result: Mocked result must be valid JSON"},
      {{.definition = kMap, .mock_result = "{}"}, "must be an array"},
      {{.definition = kParallel, .mock_result = "[1, 2]"}, "same number of items"},
      {{.definition = kMap, .mock_result = "[1]", .failed_iterations = 2},
       "less than or equal to the number of Map iterations"},
      {{.definition = kMap, .failed_iterations = 2}, "when a mock is not specified"},
      {{.definition = kTask, .mock_result = "1", .error_caused_by = "P"},
       "error_caused_by_state: is for Map and Parallel"},
      {{.definition = kTask, .context = R"({"Map": {}})", .mock_result = "1"},
       "'Map' field is not supported"},
      {{.definition = kTask, .context = R"({"Execution": {"x": 1}})", .mock_result = "1"},
       "Field 'x' is not allowed"},
      {{.definition = kTask, .input = "[", .mock_result = "1"}, "input: is not valid JSON"},
      {{.definition = kTask, .variables = "[]", .mock_result = "1"},
       "variables: must be a JSON object"},
      {{.definition = kMap, .mock_result = "[]", .reader_data = "[]"},
       "map_item_reader_data: is for Map states with an ItemReader"},
      {{.definition = R"({"Type": "Nonsense", "End": true})"}, "/Type: "},
      {{.definition = R"({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}})"},
       "state_name: is required"},
      {{.definition = R"({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}})",
        .state = "Q"},
       "no state 'Q'"},
      {{.definition = R"({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                          "Parameters": {"FunctionName": "f"}, "End": true})",
        .mock_result = R"({"StatusCode": "200"})"},
       "Field 'StatusCode' must be a number"}};
  for (const auto& [request, message] : cases) {
    SCOPED_TRACE(message);
    const absl::StatusOr<StateTest> test = PrepareStateTest(request);
    EXPECT_TRUE(absl::IsInvalidArgument(test.status()));
    EXPECT_THAT(std::string(test.status().message()), HasSubstr(message));
  }
}

}  // namespace
}  // namespace millrace
