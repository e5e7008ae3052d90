#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/program/asl_support.h"

namespace millrace {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAreArray;

std::string Message(absl::string_view definition) {
  const CompileResult result = CompileDefinition(definition);
  return result.problems.empty() ? "" : result.problems.front().message;
}

TEST(AslText, IsAJsonObjectOfBoundedSizeAndDepth) {
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  ExpectFindings({
      {"", {{"", "NOT_JSON"}}},
      {"not a definition", {{"", "NOT_JSON"}}},
      {R"({"StartAt": )", {{"", "NOT_JSON"}}},
      {deep, {{"", "TOO_DEEP"}}},
      {R"(["[[[[[[[[[[[[[[[[[[[[)" + std::string(200, '['), {{"", "NOT_JSON"}}},
      {"[]", {{"", "WRONG_TYPE"}}},
      {"null", {{"", "WRONG_TYPE"}}},
      {"{}", {{"", "MISSING_FIELD"}, {"", "MISSING_FIELD"}}},
  });
  const CompileResult large = Compile("ASL", std::string(101, ' '), {.definition_bytes_max = 100});
  EXPECT_THAT(Findings(large), UnorderedElementsAreArray({Finding("", "TOO_LARGE")}));
}

TEST(AslText, HasEachKeyOnce) {
  ExpectFindings({
      {R"({"StartAt": "A", "States": {"A": {"Type": "Fail"}, "A": {"Type": "Succeed"}}})",
       {{"/States/A", "DUPLICATE_STATE"}}},
      {R"({"StartAt": "A", "StartAt": "A",
           "States": {"A": {"Type": "Fail", "\u0054ype": "Fail"}}})",
       {{"/StartAt", "DUPLICATE_FIELD"}, {"/States/A/Type", "DUPLICATE_FIELD"}}},
      {OnlyState(R"("Type": "Pass", "End": true, "Result": [ {}, [1, "\"}", {"a": 1, "a": 2}] ])"),
       {{"/States/S/Result/1/2/a", "DUPLICATE_FIELD"}}},
  });
}

TEST(AslDefinition, HasOnlyTheFieldsOfTheLanguage) {
  ExpectFindings({
      {R"({"Comment": "c", "Version": "1.0", "TimeoutSeconds": 5, "QueryLanguage": "JSONPath",
           "StartAt": "A", "States": {"A": {"Type": "Succeed", "Comment": "c"}}})",
       {}},
      {R"({"Version": "2.0", "TimeoutSeconds": 0, "Comment": 1, "startAt": "A", "StartAt": "A",
           "States": {"A": {"Type": "Succeed"}}})",
       {{"/Version", "INVALID_VALUE"},
        {"/TimeoutSeconds", "INVALID_VALUE"},
        {"/Comment", "WRONG_TYPE"},
        {"/startAt", "UNKNOWN_FIELD"}}},
      {R"({"StartAt": "A", "States": {}})",
       {{"/StartAt", "UNKNOWN_STATE"}, {"/States", "INVALID_VALUE"}}},
      {R"({"StartAt": 1, "States": []})", {{"/StartAt", "WRONG_TYPE"}, {"/States", "WRONG_TYPE"}}},
      {R"({"StartAt": "B", "States": {"A": {"Type": "Succeed"}}})",
       {{"/StartAt", "UNKNOWN_STATE"}}},
      {R"({"QueryLanguage": "XPath", "StartAt": "A", "States": {"A": {"Type": "Succeed"}}})",
       {{"/QueryLanguage", "INVALID_VALUE"}}},
  });
}

TEST(AslState, IsAnObjectOfAKnownType) {
  ExpectFindings({
      {R"({"StartAt": "A", "States": {"A": 1}})", {{"/States/A", "WRONG_TYPE"}}},
      {OnlyState(R"("End": true)"), {{"/States/S", "MISSING_FIELD"}}},
      {OnlyState(R"("Type": "Tsk", "End": true)"), {{"/States/S/Type", "UNKNOWN_STATE_TYPE"}}},
      {OnlyState(R"("Type": 1, "End": true)"), {{"/States/S/Type", "WRONG_TYPE"}}},
  });
}

TEST(AslState, HasANameOfAtMostEightyCharactersThatNoOtherHas) {
  const std::string good(80, 'x');
  std::string umlauts;
  for (int i = 0; i < 80; ++i) umlauts += "\xC3\xA4";
  const auto with_name = [](const std::string& name) {
    return R"({"StartAt": ")" + name + R"(", "States": {")" + name + R"(": {"Type": "Succeed"}}})";
  };
  ExpectFindings({
      {with_name(good), {}},
      {with_name(umlauts), {}},
      {with_name(good + "x"), {{"/States/" + good + "x", "INVALID_VALUE"}}},
      {with_name(""), {{"/States/", "INVALID_VALUE"}}},
      {R"({"StartAt": "S", "States": {"S": {"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": "S", "States": {"S": {"Type": "Succeed"}}},
            {"StartAt": "a/b~c", "States": {"a/b~c": {"Type": "Succeed"}}},
            {"StartAt": "a/b~c", "States": {"a/b~c": {"Type": "Succeed"}}}]}}})",
       {{"/States/S/Branches/0/States/S", "DUPLICATE_STATE"},
        {"/States/S/Branches/2/States/a~1b~0c", "DUPLICATE_STATE"}}},
  });
}

TEST(AslTransition, LeadsToAStateOfTheSameMachine) {
  ExpectFindings({
      {WithState(R"("Type": "Pass", "Next": "T")"), {}},
      {OnlyState(R"("Type": "Pass")"), {{"/States/S", "MISSING_FIELD"}}},
      {WithState(R"("Type": "Pass", "Next": "T", "End": true)"),
       {{"/States/S/End", "CONFLICTING_FIELDS"}}},
      {OnlyState(R"("Type": "Pass", "End": false)"), {{"/States/S/End", "INVALID_VALUE"}}},
      {OnlyState(R"("Type": "Pass", "End": "true")"), {{"/States/S/End", "WRONG_TYPE"}}},
      {WithState(R"("Type": "Pass", "Next": "U")"), {{"/States/S/Next", "UNKNOWN_STATE"}}},
      {WithState(R"("Type": "Parallel", "Next": "T", "Branches": [{"StartAt": "B", "States": {
                      "B": {"Type": "Pass", "Next": "T"}}}])"),
       {{"/States/S/Branches/0/States/B/Next", "UNKNOWN_STATE"}}},
      {WithState(R"("Type": "Map", "Next": "B", "ItemProcessor": {"StartAt": "S", "States": {
                      "B": {"Type": "Succeed"}}})"),
       {{"/States/S/Next", "UNKNOWN_STATE"}, {"/States/S/ItemProcessor/StartAt", "UNKNOWN_STATE"}}},
      {OnlyState(R"("Type": "Succeed", "Next": "S")"), {{"/States/S/Next", "UNKNOWN_FIELD"}}},
      {OnlyState(R"("Type": "Fail", "End": true)"), {{"/States/S/End", "UNKNOWN_FIELD"}}},
  });
}

TEST(AslFlow, ReachesEveryStateAndAnEnd) {
  ExpectFindings({
      {WithState(R"("Type": "Pass", "End": true)"), {{"/States/T", "UNREACHABLE_STATE"}}},
      {OnlyState(R"("Type": "Pass", "Next": "S")"), {{"", "NO_TERMINAL_STATE"}}},
      {OnlyState(R"("Type": "Choice", "Choices": [
                     {"Variable": "$.a", "IsPresent": true, "Next": "S"}])"),
       {{"", "NO_TERMINAL_STATE"}}},
      {WithState(R"("Type": "Choice", "Choices": [
                     {"Variable": "$.a", "IsPresent": true, "Next": "S"}], "Default": "T")"),
       {}},
      {WithState(R"("Type": "Task", "Resource": "f", "End": true,
                    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "T"}])"),
       {}},
      {OnlyState(R"("Type": "Parallel", "End": true, "Branches": [{"StartAt": "B", "States": {
                      "B": {"Type": "Pass", "Next": "B"}, "C": {"Type": "Succeed"}}}])"),
       {{"/States/S/Branches/0/States/C", "UNREACHABLE_STATE"}}},
      {OnlyState(R"("Type": "Parallel", "End": true, "Branches": [{"StartAt": "B", "States": {
                      "B": {"Type": "Pass", "Next": "B"}}}])"),
       {{"/States/S/Branches/0", "NO_TERMINAL_STATE"}}},
  });
}

TEST(AslPass, TakesWhatThePassStateHas) {
  ExpectFindings({
      {OnlyState(R"("Type": "Pass", "End": true, "InputPath": "$.a", "Parameters": {"x.$": "$.y"},
                    "Result": null, "ResultPath": "$.r", "OutputPath": null, "Assign": {"v": 1})"),
       {}},
      {OnlyState(
           R"("Type": "Pass", "End": true, "ResultSelector": {}, "Retry": [], "Resource": "f")"),
       {{"/States/S/ResultSelector", "UNKNOWN_FIELD"},
        {"/States/S/Retry", "UNKNOWN_FIELD"},
        {"/States/S/Resource", "UNKNOWN_FIELD"}}},
      {OnlyState(R"("Type": "Pass", "End": true, "InputPath": "a", "ResultPath": "$.a[*]",
                    "OutputPath": 3, "Parameters": {"x.$": "y"})"),
       {{"/States/S/InputPath", "INVALID_PATH"},
        {"/States/S/ResultPath", "INVALID_PATH"},
        {"/States/S/OutputPath", "WRONG_TYPE"},
        {"/States/S/Parameters/x.$", "INVALID_TEMPLATE"}}},
      {OnlyState(R"("Type": "Pass", "End": true, "ResultPath": "$$.a")"),
       {{"/States/S/ResultPath", "INVALID_PATH"}}},
      {OnlyState(R"("Type": "Pass", "End": true, "ResultPath": "$v.a")"),
       {{"/States/S/ResultPath", "INVALID_PATH"}}},
      {OnlyState(R"("Type": "Pass", "End": true, "Assign": {"1a": 1, "b.$": "$.b", "states": 2})"),
       {{"/States/S/Assign/1a", "INVALID_VALUE"}, {"/States/S/Assign/states", "INVALID_VALUE"}}},
      {OnlyState(R"("Type": "Pass", "End": true, "Assign": [], "Parameters": ["$.x"])"),
       {{"/States/S/Assign", "WRONG_TYPE"}}},
  });
}

TEST(AslTask, NamesAFunctionAndItsTimes) {
  ExpectFindings({
      {OnlyState(R"("Type": "Task", "End": true, "Resource": "f", "TimeoutSeconds": 10,
                    "HeartbeatSeconds": 9, "ResultSelector": {"a.$": "$.b"})"),
       {}},
      {OnlyState(R"("Type": "Task", "End": true, "Resource": "f", "TimeoutSecondsPath": "$.t",
                    "HeartbeatSecondsPath": "$.h")"),
       {}},
      {OnlyState(R"("Type": "Task", "End": true)"), {{"/States/S", "MISSING_FIELD"}}},
      {OnlyState(R"("Type": "Task", "End": true, "Resource": "no name")"),
       {{"/States/S/Resource", "INVALID_RESOURCE"}}},
      {OnlyState(R"("Type": "Task", "End": true, "Resource": "arn:aws:states:::sqs:sendMessage")"),
       {{"/States/S/Resource", "RESOURCE_NOT_SERVED"}}},
      {OnlyState(R"("Type": "Task", "Resource": "f", "Credentials": {}, "End": true)"),
       {{"/States/S/Credentials", "IGNORED_FIELD"}}},
      {OnlyState(R"("Type": "Task", "End": true, "Resource": "f", "TimeoutSeconds": 9,
                    "HeartbeatSeconds": 9)"),
       {{"/States/S/HeartbeatSeconds", "INVALID_VALUE"}}},
      {OnlyState(R"("Type": "Task", "End": true, "Resource": "f", "TimeoutSeconds": 1.5,
                    "HeartbeatSecondsPath": "$.a[*]")"),
       {{"/States/S/TimeoutSeconds", "INVALID_VALUE"},
        {"/States/S/HeartbeatSecondsPath", "INVALID_PATH"}}},
      {OnlyState(R"("Type": "Task", "End": true, "Resource": "f", "TimeoutSeconds": 1,
                    "TimeoutSecondsPath": "$.a")"),
       {{"/States/S/TimeoutSecondsPath", "CONFLICTING_FIELDS"}}},
  });
}

std::string WithInvocation(absl::string_view fields) {
  return OnlyState(absl::StrCat(
      R"("Type": "Task", "End": true, "Resource": "arn:aws:states:::lambda:invoke")", fields));
}

TEST(AslTask, FindsAnInvocationsFunctionInItsParameters) {
  ExpectFindings({
      {WithInvocation(R"(, "Parameters": {"FunctionName": "f", "Payload.$": "$"})"), {}},
      {WithInvocation(R"(, "Parameters": {"FunctionName.$": "$.f", "Payload": {}})"), {}},
      {WithInvocation(""), {{"/States/S/Resource", "RESOURCE_NOT_SERVED"}}},
      {WithInvocation(R"(, "Parameters": {"FunctionName": "${Name}"})"),
       {{"/States/S/Resource", "RESOURCE_NOT_SERVED"}}},
      {WithInvocation(R"(, "Parameters": {"Payload": {}, "Payolad.$": "$"})"),
       {{"/States/S/Parameters", "MISSING_FIELD"},
        {"/States/S/Parameters/Payolad.$", "UNKNOWN_FIELD"}}},
      {WithInvocation(R"(, "Parameters": {"FunctionName": "no name"})"),
       {{"/States/S/Parameters/FunctionName", "INVALID_RESOURCE"}}},
  });
}

TEST(AslErrorHandling, ChecksRetriers) {
  const auto with_retry = [](absl::string_view retry) {
    return OnlyState(
        absl::StrCat(R"("Type": "Task", "End": true, "Resource": "f", "Retry": )", retry));
  };
  ExpectFindings({
      {with_retry(R"([{"ErrorEquals": ["A", "B"], "IntervalSeconds": 2, "MaxAttempts": 0,
                       "BackoffRate": 1.5, "MaxDelaySeconds": 9, "JitterStrategy": "FULL",
                       "Comment": "c"}, {"ErrorEquals": ["States.ALL"]}])"),
       {}},
      {with_retry("[]"), {}},
      {with_retry("{}"), {{"/States/S/Retry", "WRONG_TYPE"}}},
      {with_retry(R"([1, {}, {"ErrorEquals": []}, {"ErrorEquals": [1]}])"),
       {{"/States/S/Retry/0", "WRONG_TYPE"},
        {"/States/S/Retry/1", "MISSING_FIELD"},
        {"/States/S/Retry/2/ErrorEquals", "INVALID_VALUE"},
        {"/States/S/Retry/3/ErrorEquals/0", "WRONG_TYPE"}}},
      {with_retry(R"([{"ErrorEquals": ["A", "States.ALL"]}])"),
       {{"/States/S/Retry/0/ErrorEquals", "INVALID_VALUE"}}},
      {with_retry(R"([{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["A"]}])"),
       {{"/States/S/Retry/0/ErrorEquals", "INVALID_VALUE"}}},
      {with_retry(R"([{"ErrorEquals": ["A"], "IntervalSeconds": 0, "MaxAttempts": -1,
                       "BackoffRate": 0.9, "MaxDelaySeconds": 0, "JitterStrategy": "SOME",
                       "MaxRetries": 2}])"),
       {{"/States/S/Retry/0/IntervalSeconds", "INVALID_VALUE"},
        {"/States/S/Retry/0/MaxAttempts", "INVALID_VALUE"},
        {"/States/S/Retry/0/BackoffRate", "INVALID_VALUE"},
        {"/States/S/Retry/0/MaxDelaySeconds", "INVALID_VALUE"},
        {"/States/S/Retry/0/JitterStrategy", "INVALID_VALUE"},
        {"/States/S/Retry/0/MaxRetries", "UNKNOWN_FIELD"}}},
  });
}

TEST(AslErrorHandling, ChecksCatchers) {
  const auto with_catch = [](absl::string_view catches) {
    return WithState(
        absl::StrCat(R"("Type": "Task", "Next": "T", "Resource": "f", "Catch": )", catches));
  };
  ExpectFindings({
      {with_catch(R"([{"ErrorEquals": ["A"], "Next": "T", "ResultPath": "$.e", "Comment": "c",
                       "Assign": {"e.$": "$.Error"}},
                      {"ErrorEquals": ["States.ALL"], "Next": "T", "ResultPath": null}])"),
       {}},
      {with_catch(R"([{"ErrorEquals": ["A"]}])"), {{"/States/S/Catch/0", "MISSING_FIELD"}}},
      {with_catch(R"([{"ErrorEquals": ["A"], "Next": "X", "MaxAttempts": 1, "ResultPath": "x"}])"),
       {{"/States/S/Catch/0/Next", "UNKNOWN_STATE"},
        {"/States/S/Catch/0/MaxAttempts", "UNKNOWN_FIELD"},
        {"/States/S/Catch/0/ResultPath", "INVALID_PATH"}}},
  });
}

TEST(AslChoice, ChecksItsRules) {
  ExpectFindings({
      {OnlyState(R"("Type": "Choice")"), {{"/States/S", "MISSING_FIELD"}}},
      {OnlyState(R"("Type": "Choice", "Choices": [])"), {{"/States/S/Choices", "INVALID_VALUE"}}},
      {WithState(R"("Type": "Choice", "Choices": [1,
                    {"Variable": "$.a", "IsNull": true},
                    {"Variable": "$.a", "IsNull": true, "Next": "X"},
                    {"Variable": "$.a", "Next": "T"},
                    {"Variable": "$.a", "IsNull": true, "Next": "T", "Output": 1}])"),
       {{"/States/S/Choices/0", "WRONG_TYPE"},
        {"/States/S/Choices/1", "MISSING_FIELD"},
        {"/States/S/Choices/2/Next", "UNKNOWN_STATE"},
        {"/States/S/Choices/3", "INVALID_CONDITION"},
        {"/States/S/Choices/4/Output", "WRONG_QUERY_LANGUAGE"}}},
      {WithState(R"("Type": "Choice", "Default": "X", "Next": "T", "Parameters": {}, "Choices": [
                    {"Variable": "$.a", "IsNull": true, "Next": "T", "Assign": {"a": 1}}])"),
       {{"/States/S/Default", "UNKNOWN_STATE"},
        {"/States/S/Next", "UNKNOWN_FIELD"},
        {"/States/S/Parameters", "UNKNOWN_FIELD"}}},
  });
}

TEST(AslWait, WaitsForOneOfFourThings) {
  const auto with_wait = [](absl::string_view fields) {
    return OnlyState(absl::StrCat(R"("Type": "Wait", "End": true)", fields));
  };
  ExpectFindings({
      {with_wait(R"(, "Seconds": 0)"), {}},
      {with_wait(R"(, "SecondsPath": "$.s")"), {}},
      {with_wait(R"(, "Timestamp": "2026-03-14T01:59:00Z")"), {}},
      {with_wait(R"(, "TimestampPath": "$$.Execution.Input.t")"), {}},
      {with_wait(""), {{"/States/S", "MISSING_FIELD"}}},
      {with_wait(R"(, "Seconds": 1, "SecondsPath": "$.s")"),
       {{"/States/S/SecondsPath", "CONFLICTING_FIELDS"}}},
      {with_wait(R"(, "Seconds": -1)"), {{"/States/S/Seconds", "INVALID_VALUE"}}},
      {with_wait(R"(, "Seconds": 1.5)"), {{"/States/S/Seconds", "INVALID_VALUE"}}},
      {with_wait(R"(, "Seconds": "1")"), {{"/States/S/Seconds", "WRONG_TYPE"}}},
      {with_wait(R"(, "SecondsPath": "$..s")"), {{"/States/S/SecondsPath", "INVALID_PATH"}}},
      {with_wait(R"(, "Timestamp": "2026-02-30T01:59:00Z")"),
       {{"/States/S/Timestamp", "INVALID_VALUE"}}},
  });
}

TEST(AslFail, HasTextsOrWhereToFindThem) {
  const auto with_fail = [](absl::string_view fields) {
    return OnlyState(absl::StrCat(R"("Type": "Fail")", fields));
  };
  ExpectFindings({
      {with_fail(""), {}},
      {with_fail(R"(, "Error": "E", "Cause": "C")"), {}},
      {with_fail(R"json(, "ErrorPath": "$.e", "CausePath": "States.Format('{}', $.c)")json"), {}},
      {with_fail(R"json(, "ErrorPath": "$$.Execution.Name", "CausePath": "States.UUID()")json"),
       {}},
      {with_fail(R"(, "Error": "E", "ErrorPath": "$.e")"),
       {{"/States/S/ErrorPath", "CONFLICTING_FIELDS"}}},
      {with_fail(R"(, "Cause": 1, "Error": null)"),
       {{"/States/S/Cause", "WRONG_TYPE"}, {"/States/S/Error", "WRONG_TYPE"}}},
      {with_fail(R"json(, "CausePath": "States.Array(1)", "ErrorPath": "e")json"),
       {{"/States/S/CausePath", "INVALID_PATH"}, {"/States/S/ErrorPath", "INVALID_PATH"}}},
      {with_fail(R"(, "Assign": {}, "InputPath": "$")"),
       {{"/States/S/Assign", "UNKNOWN_FIELD"}, {"/States/S/InputPath", "UNKNOWN_FIELD"}}},
  });
}

TEST(AslParallel, HasBranchesThatAreMachines) {
  ExpectFindings({
      {OnlyState(R"("Type": "Parallel", "End": true)"), {{"/States/S", "MISSING_FIELD"}}},
      {OnlyState(R"("Type": "Parallel", "End": true, "Branches": [])"),
       {{"/States/S/Branches", "INVALID_VALUE"}}},
      {OnlyState(
           R"("Type": "Parallel", "End": true, "Branches": [1, {}, {"StartAt": "A", "Name": "n",
                     "States": {"A": {"Type": "Wait", "Seconds": 1, "Next": "B"}}}])"),
       {{"/States/S/Branches/0", "WRONG_TYPE"},
        {"/States/S/Branches/1", "MISSING_FIELD"},
        {"/States/S/Branches/1", "MISSING_FIELD"},
        {"/States/S/Branches/2/Name", "UNKNOWN_FIELD"},
        {"/States/S/Branches/2/States/A/Next", "UNKNOWN_STATE"}}},
  });
}

TEST(AslMap, HasOneProcessorInItsNewOrOldForm) {
  constexpr absl::string_view kMachine =
      R"({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})";
  const auto with_map = [](absl::string_view fields) {
    return OnlyState(absl::StrCat(R"("Type": "Map", "End": true)", fields));
  };
  ExpectFindings({
      {with_map(absl::StrCat(R"(, "ItemSelector": {"i.$": "$$.Map.Item.Index"}, "ItemsPath": "$.a",
                                 "MaxConcurrency": 0, "ItemProcessor": )",
                             kMachine)),
       {}},
      {with_map(absl::StrCat(R"(, "Parameters": {"i.$": "$.b"}, "MaxConcurrencyPath": "$.c",
                                 "Iterator": )",
                             kMachine)),
       {}},
      {with_map(R"(, "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "A",
                      "States": {"A": {"Type": "Succeed"}}})"),
       {}},
      {with_map(""), {{"/States/S", "MISSING_FIELD"}}},
      {with_map(absl::StrCat(R"(, "ItemSelector": {}, "Parameters": {}, "Iterator": )", kMachine)),
       {{"/States/S/Parameters", "CONFLICTING_FIELDS"}}},
      {with_map(R"(, "Iterator": {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}},
                     "ItemProcessor": {"StartAt": "B", "States": {"B": {"Type": "Succeed"}}})"),
       {{"/States/S/Iterator", "CONFLICTING_FIELDS"}}},
      {with_map(
           absl::StrCat(R"(, "ItemsPath": "$..a", "MaxConcurrency": -1, "Iterator": )", kMachine)),
       {{"/States/S/ItemsPath", "INVALID_PATH"}, {"/States/S/MaxConcurrency", "INVALID_VALUE"}}},
      {with_map(R"(, "ItemProcessor": {"ProcessorConfig": {"Mode": "REMOTE", "Speed": 1},
                      "StartAt": "A", "States": {"A": {"Type": "Succeed"}}})"),
       {{"/States/S/ItemProcessor/ProcessorConfig/Mode", "INVALID_VALUE"},
        {"/States/S/ItemProcessor/ProcessorConfig/Speed", "UNKNOWN_FIELD"}}},
  });
}

TEST(AslMessages, SuggestWhatWasProbablyMeant) {
  EXPECT_THAT(Message(OnlyState(R"("Type": "Pass", "End": true, "Parametrs": {})")),
              HasSubstr("A Pass state has no field 'Parametrs'; did you mean 'Parameters'?"));
  EXPECT_THAT(Message(OnlyState(R"("Type": "pass", "End": true)")),
              HasSubstr("did you mean 'Pass'?"));
  EXPECT_EQ(Message(R"({"StartAt": "Chrage", "States": {"Charge": {"Type": "Succeed"}}})"),
            "There is no state 'Chrage'; did you mean 'Charge'?");
  EXPECT_EQ(Message(R"({"StartAt": "Refund", "States": {"Charge": {"Type": "Succeed"}}})"),
            "There is no state 'Refund'.");
  EXPECT_THAT(Message(WithState(R"("Type": "Parallel", "Next": "T", "Branches": [{"StartAt": "B",
                                   "States": {"B": {"Type": "Pass", "Next": "T"}}}])")),
              HasSubstr("belongs to another machine"));
}

TEST(AslMessages, NeverGrowMuchBeyondTheDefinition) {
  std::string states;
  for (int i = 0; i < 5000; ++i) absl::StrAppend(&states, i > 0 ? "," : "", "\"s", i, "\": {}");
  const CompileResult result =
      CompileDefinition(absl::StrCat(R"({"StartAt": "s0", "States": {)", states, "}}"));
  EXPECT_EQ(result.problems.size(), 101u);
  EXPECT_EQ(result.problems.back().code, "TOO_MANY_PROBLEMS");
}

}  // namespace
}  // namespace millrace
