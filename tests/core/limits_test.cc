// What an author's data may not do: outgrow its limits, or be taken for another state's.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/core_player.h"

namespace millrace {
namespace {

Json Parse(absl::string_view text) { return *ParseJson(text); }

// The error's name with which the execution ends at once, or its output.
std::string EndOf(absl::string_view definition, absl::string_view input) {
  CorePlayer player(definition);
  StepRefusal refusal = player.Take(Started{.input = Parse(input), .seed = 1});
  for (int i = 0; i < 100 && refusal == StepRefusal::kNone && !player.snapshot().ended; ++i) {
    refusal = player.Take(Resumed{});
  }
  const Snapshot& snapshot = player.snapshot();
  if (!snapshot.ended) return "it goes on";
  return snapshot.error.has_value() ? snapshot.error->name.value_or("") : snapshot.output->ToText();
}

std::string AssigningInALoop(absl::string_view value) {
  return absl::StrCat(
      R"json({"StartAt": "Init", "States": {
          "Init": {"Type": "Pass", "Assign": {"v": "0123456789abcdef"}, "Next": "Grow"},
          "Grow": {"Type": "Pass", "Assign": {"v)json",
      value, R"json(}, "Next": "Again"},
          "Again": {"Type": "Choice", "Default": "Grow",
                    "Choices": [{"Variable": "$.stop", "IsPresent": true, "Next": "End"}]},
          "End": {"Type": "Succeed"}}})json");
}

TEST(LimitsTest, AVariableIsNotLargerThanAStatesData) {
  EXPECT_EQ(EndOf(AssigningInALoop(R"json(.$": "States.Array($v, $v)")json"), "{}"),
            "States.DataLimitExceeded");
}

TEST(LimitsTest, AVariableIsNotNestedDeeperThanAStatesData) {
  EXPECT_EQ(EndOf(AssigningInALoop(R"(": {"deeper.$": "$v"})"), "{}"), "States.Runtime");
}

TEST(LimitsTest, AllVariablesOfAScopeHaveALimit) {
  std::string definition = R"json({"StartAt": "S0", "States": {)json";
  const std::string text(250'000, 'x');
  for (int i = 0; i < 60; ++i) {
    absl::StrAppend(&definition, "\"S", i, R"(": {"Type": "Pass", "Assign": {"v)", i,
                    R"(.$": "$.text"}, "Next": "S)", i + 1, "\"},");
  }
  absl::StrAppend(&definition, R"("S60": {"Type": "Succeed"}}})");
  EXPECT_EQ(EndOf(definition, absl::StrCat("{\"text\": \"", text, "\"}")),
            "States.DataLimitExceeded");
}

TEST(LimitsTest, FormatMakesNoTextThatNoStateMayHave) {
  std::string call = "States.Format('{}";
  for (int i = 1; i < 300; ++i) call += "{}";
  call += "'";
  for (int i = 0; i < 300; ++i) call += ", $.text";
  const std::string definition = absl::StrCat(
      R"json({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true,
                                               "Parameters": {"all.$": ")json",
      call, ")\"}}}}");
  EXPECT_EQ(EndOf(definition, absl::StrCat("{\"text\": \"", std::string(200'000, 'x'), "\"}")),
            "States.IntrinsicFailure");
}

constexpr char kReader[] = R"json({"StartAt": "M", "States": {
    "M": {"Type": "Map", "Next": "P",
          "ItemReader": {"Resource": "arn:aws:states:::s3:getObject",
                         "ReaderConfig": {"InputType": "JSON"}, "Parameters": $PARAMETERS},
          "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                            "StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}},
          "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "P"}]},
    "P": {"Type": "Parallel", "End": true, "Branches": [{"StartAt": "B", "States": {
          "B": {"Type": "Pass", "Parameters": {"a.$": "$.a"}, "End": true}}}]}}})json";

std::string WithParameters(absl::string_view parameters) {
  std::string definition = kReader;
  const std::string mark = "$PARAMETERS";
  return definition.replace(definition.find(mark), mark.size(), std::string(parameters));
}

TEST(LimitsTest, AMapThatFailedBeforeItBeganLeavesNoItems) {
  const std::string definition =
      WithParameters(R"json({"Bucket": "b", "Key.$": "States.ArrayGetItem($.a, 5)"})json");
  EXPECT_EQ(EndOf(definition, R"({"a": [1]})"), R"([{"a":[1]}])");
}

TEST(LimitsTest, AReadersArgumentsSayOnlyWhereTheObjectIs) {
  CorePlayer player(WithParameters(
      R"({"Bucket": "b", "Key": "k", "InputType": "CSV", "MaxItems": -1, "Action": "listObjectsV2"})"));
  ASSERT_EQ(player.Take(Started{.input = Parse("{}"), .seed = 1}), StepRefusal::kNone);
  const auto run = std::find_if(
      player.history().begin(), player.history().end(),
      [](const HistoryEvent& event) { return event.type == EventType::kMapRunStarted; });
  ASSERT_NE(run, player.history().end());
  const Json& request = *run->data->Find("Read");
  EXPECT_EQ(*request.Find("Action"), Json("getObject"));
  EXPECT_EQ(*request.Find("InputType"), Json("JSON"));
  EXPECT_EQ(request.Find("MaxItems"), nullptr);
}

}  // namespace
}  // namespace millrace
