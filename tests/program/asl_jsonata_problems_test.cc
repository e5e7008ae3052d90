// Definitions in JSONata.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/program/asl_support.h"

namespace millrace {
namespace {

using ::testing::HasSubstr;

std::string Jsonata(absl::string_view fields) {
  return WithState(absl::StrCat(R"("QueryLanguage": "JSONata", )", fields));
}

std::string FirstMessage(absl::string_view definition) {
  const CompileResult result = CompileDefinition(definition);
  return result.problems.empty() ? "" : result.problems.front().message;
}

TEST(AslJsonata, IsChosenForAMachineOrAState) {
  ExpectFindings({
      {R"({"QueryLanguage": "JSONata", "StartAt": "A", "States": {
            "A": {"Type": "Pass", "Output": "{% 1 %}", "End": true}}})",
       {}},
      {R"({"QueryLanguage": "JSONata", "StartAt": "A", "States": {
            "A": {"Type": "Pass", "QueryLanguage": "JSONPath", "End": true}}})",
       {{"/States/A/QueryLanguage", "INVALID_VALUE"}}},
      {R"({"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Parallel",
            "End": true, "Branches": [{"StartAt": "B", "States": {
              "B": {"Type": "Pass", "InputPath": "$.a", "End": true}}}]}}})",
       {{"/States/A/Branches/0/States/B/InputPath", "WRONG_QUERY_LANGUAGE"}}},
      {OnlyState(R"("Type": "Succeed", "QueryLanguage": "XPath")"),
       {{"/States/S/QueryLanguage", "INVALID_VALUE"}}},
  });
}

TEST(AslJsonata, MarksExpressionsAtBothEnds) {
  const auto with_output = [](absl::string_view output) {
    return Jsonata(absl::StrCat(R"("Type": "Pass", "Next": "T", "Output": )", output));
  };
  ExpectFindings({
      {with_output(R"("{% 1 %}")"), {}},
      {with_output(R"({"a": ["text", "{%$states.input%}", " {% not one %} ", "100 %"]})"), {}},
      {with_output(R"("{% 1")"), {{"/States/S/Output", "INVALID_EXPRESSION"}}},
      {with_output(R"(["1 %}"])"), {{"/States/S/Output/0", "INVALID_EXPRESSION"}}},
      {with_output(R"({"a": "{%}"})"), {{"/States/S/Output/a", "INVALID_EXPRESSION"}}},
      {with_output(R"("{%%}")"), {{"/States/S/Output", "INVALID_EXPRESSION"}}},
      {with_output(R"({"a": "{% 1 + %}", "b": ["{% (1 %}"]})"),
       {{"/States/S/Output/a", "INVALID_EXPRESSION"},
        {"/States/S/Output/b/0", "INVALID_EXPRESSION"}}},
      {Jsonata(R"("Type": "Fail", "Error": "{% 1", "Cause": "{% $x.y %}")"),
       {{"/States/S/Error", "INVALID_EXPRESSION"},
        {"/States/S/Cause", "UNASSIGNED_VARIABLE"},
        {"/States/T", "UNREACHABLE_STATE"}}},
  });
}

TEST(AslJsonata, HasFieldsOfItsOwn) {
  ExpectFindings({
      {Jsonata(R"("Type": "Pass", "Next": "T", "InputPath": "$", "Parameters": {}, "Result": 1,
                  "ResultPath": "$.a", "OutputPath": "$.a")"),
       {{"/States/S/InputPath", "WRONG_QUERY_LANGUAGE"},
        {"/States/S/Parameters", "WRONG_QUERY_LANGUAGE"},
        {"/States/S/Result", "WRONG_QUERY_LANGUAGE"},
        {"/States/S/ResultPath", "WRONG_QUERY_LANGUAGE"},
        {"/States/S/OutputPath", "WRONG_QUERY_LANGUAGE"}}},
      {WithState(R"("Type": "Task", "Resource": "f", "Next": "T", "Arguments": {},
                    "Output": "{% 1 %}")"),
       {{"/States/S/Arguments", "WRONG_QUERY_LANGUAGE"},
        {"/States/S/Output", "WRONG_QUERY_LANGUAGE"}}},
      {Jsonata(R"("Type": "Task", "Resource": "f", "Next": "T", "ResultSelector": {},
                  "TimeoutSecondsPath": "$.a", "HeartbeatSecondsPath": "$.b")"),
       {{"/States/S/ResultSelector", "WRONG_QUERY_LANGUAGE"},
        {"/States/S/TimeoutSecondsPath", "WRONG_QUERY_LANGUAGE"},
        {"/States/S/HeartbeatSecondsPath", "WRONG_QUERY_LANGUAGE"}}},
      {Jsonata(R"("Type": "Task", "Resource": "f", "Next": "T", "TimeoutSeconds": "{% 9 %}",
                  "HeartbeatSeconds": 8, "Arguments": "{% $states.input %}", "Assign": {"a": 1},
                  "Catch": [{"ErrorEquals": ["E"], "Next": "T", "Output": "{% $states.errorOutput %}",
                             "Assign": {"e": "{% $states.errorOutput.Error %}"}}])"),
       {}},
      {Jsonata(R"("Type": "Task", "Resource": "f", "Next": "T", "TimeoutSeconds": "9",
                  "Catch": [{"ErrorEquals": ["E"], "Next": "T", "ResultPath": "$.e"}])"),
       {{"/States/S/TimeoutSeconds", "WRONG_TYPE"},
        {"/States/S/Catch/0/ResultPath", "WRONG_QUERY_LANGUAGE"}}},
      {Jsonata(R"("Type": "Wait", "Next": "T", "Seconds": "{% 1 %}")"), {}},
      {Jsonata(R"("Type": "Wait", "Next": "T", "Timestamp": "{% $now() %}")"), {}},
      {Jsonata(R"("Type": "Wait", "Next": "T", "Timestamp": "tomorrow")"),
       {{"/States/S/Timestamp", "INVALID_VALUE"}}},
      {Jsonata(R"("Type": "Wait", "Next": "T", "SecondsPath": "$.a")"),
       {{"/States/S", "MISSING_FIELD"}, {"/States/S/SecondsPath", "WRONG_QUERY_LANGUAGE"}}},
  });
}

TEST(AslJsonata, ChoosesByConditions) {
  ExpectFindings({
      {Jsonata(R"("Type": "Choice", "Choices": [
                    {"Condition": "{% $states.input.a = 1 %}", "Next": "T", "Output": 1,
                     "Assign": {"v": 1}, "Comment": "c"},
                    {"Condition": true, "Next": "T"}])"),
       {}},
      {Jsonata(R"("Type": "Choice", "Default": "T", "Choices": [
                    {"Condition": "true", "Next": "T"}, {"Next": "T"},
                    {"Condition": "{% = %}", "Next": "T"},
                    {"Condition": true, "Variable": "$.a", "IsNull": true, "Next": "T"}])"),
       {{"/States/S/Choices/0/Condition", "INVALID_CONDITION"},
        {"/States/S/Choices/1", "MISSING_FIELD"},
        {"/States/S/Choices/2/Condition", "INVALID_EXPRESSION"},
        {"/States/S/Choices/3/Variable", "WRONG_QUERY_LANGUAGE"},
        {"/States/S/Choices/3/IsNull", "WRONG_QUERY_LANGUAGE"}}},
  });
}

TEST(AslJsonPath, HasNoFieldsOfJsonata) {
  ExpectFindings({
      {WithState(R"("Type": "Choice", "Default": "T", "Choices": [
                    {"Condition": "{% true %}", "Next": "T"},
                    {"Variable": "$.a", "IsNull": true, "Next": "T", "Output": 1}])"),
       {{"/States/S/Choices/0", "INVALID_CONDITION"},
        {"/States/S/Choices/0/Condition", "WRONG_QUERY_LANGUAGE"},
        {"/States/S/Choices/1/Output", "WRONG_QUERY_LANGUAGE"}}},
      {WithState(R"("Type": "Task", "Resource": "f", "Next": "T",
                    "Catch": [{"ErrorEquals": ["E"], "Next": "T", "Output": "{% 1 %}"}])"),
       {{"/States/S/Catch/0/Output", "WRONG_QUERY_LANGUAGE"}}},
      {WithState(R"("Type": "Map", "Next": "T", "Items": [],
                    "ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})"),
       {{"/States/S/Items", "WRONG_QUERY_LANGUAGE"}}},
  });
}

TEST(AslVariables, AreAssignedBeforeTheyAreUsed) {
  const std::string assigning = R"({"StartAt": "A", "States": {"A": {"Type": "Pass",
      "Assign": {"total": 1}, "Next": "B"}, "B": )";
  ExpectFindings({
      {assigning + R"({"Type": "Pass", "InputPath": "$total", "End": true}}})", {}},
      {assigning + R"({"Type": "Pass", "QueryLanguage": "JSONata", "End": true,
                       "Output": "{% $map([1], function($v) { $v + $total }) %}"}}})",
       {}},
      {assigning + R"({"Type": "Pass", "Parameters": {"a.$": "$totl.b"}, "End": true}}})",
       {{"/States/B/Parameters/a.$", "UNASSIGNED_VARIABLE"}}},
      {assigning + R"({"Type": "Pass", "QueryLanguage": "JSONata", "End": true,
                       "Output": ["{% $x + $states.input %}"]}}})",
       {{"/States/B/Output/0", "UNASSIGNED_VARIABLE"}}},
      {assigning + R"({"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "C", "States": {
                       "C": {"Type": "Pass", "InputPath": "$total", "End": true}}}}}})",
       {}},
      // An item of a distributed Map has an execution of its own.
      {assigning + R"({"Type": "Map", "End": true, "ItemProcessor": {
                       "ProcessorConfig": {"Mode": "DISTRIBUTED"}, "StartAt": "C", "States": {
                       "C": {"Type": "Pass", "InputPath": "$total", "End": true}}}}}})",
       {{"/States/B/ItemProcessor/States/C/InputPath", "UNASSIGNED_VARIABLE"}}},
  });
  EXPECT_THAT(FirstMessage(assigning + R"({"Type": "Pass", "InputPath": "$totl", "End": true}}})"),
              HasSubstr("did you mean 'total'?"));
}

TEST(AslMessages, SuggestInExpressionsAndRules) {
  EXPECT_EQ(FirstMessage(WithState(R"("Type": "Choice", "Choices": [
                {"Variable": "$.a", "NumericEqual": 1, "Next": "T"}])")),
            "A Choice rule has no field 'NumericEqual'; did you mean 'NumericEquals'?");
  EXPECT_THAT(FirstMessage(WithState(R"json("Type": "Pass", "Next": "T",
                "Parameters": {"a.$": "States.Fromat('{}', $.b)"})json")),
              HasSubstr("perhaps States.Format"));
  EXPECT_THAT(FirstMessage(WithState(R"("Type": "Task", "Resource": "f", "Next": "T",
                "Retry": [{"ErrorEquals": ["States.Timeot"]}])")),
              HasSubstr("did you mean 'States.Timeout'?"));
  EXPECT_THAT(FirstMessage(WithState(R"("Type": "Task", "Resource": "f", "Next": "T",
                "Retry": [{"ErrorEquals": ["StatesALL"]}])")),
              HasSubstr("did you mean 'States.ALL'?"));
}

}  // namespace
}  // namespace millrace
