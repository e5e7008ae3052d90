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

TEST(LimitsTest, AnErrorAndItsCauseAreCutBetweenCharacters) {
  CorePlayer player(R"json({"StartAt": "P", "States": {
      "P": {"Type": "Parallel", "End": true, "Branches": [{"StartAt": "F", "States": {
            "F": {"Type": "Fail", "ErrorPath": "$.text", "CausePath": "$.text"}}}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z"}]}, "Z": {"Type": "Succeed"}}})json");
  std::string text = "xy";
  for (int i = 0; i < 20'000; ++i) text += "\u20ac";
  player.Take(Started{.input = Json::Object({{"text", Json(text)}}), .seed = 1});
  ASSERT_TRUE(player.snapshot().output.has_value());
  const Json& caught = *player.snapshot().output;
  EXPECT_EQ(*caught.Find("Error"), Json(text.substr(0, 254)));
  EXPECT_EQ(*caught.Find("Cause"), Json(text.substr(0, 32'768)));
}

TEST(LimitsTest, AFunctionsErrorIsCutToo) {
  CorePlayer player(R"json({"StartAt": "T", "States": {
      "T": {"Type": "Task", "Resource": "f", "End": true}}})json");
  player.Take(Started{.input = Json(1), .seed = 1});
  const std::string text(100'000, 'x');
  player.Take(TaskFailed{.event_id = player.calls().begin()->first,
                         .error = {.name = text, .cause = text}});
  ASSERT_TRUE(player.snapshot().ended);
  for (const HistoryEvent& event : player.history()) {
    if (!event.error.has_value()) continue;
    EXPECT_EQ(event.error->name->size(), 256u);
    EXPECT_EQ(event.error->cause->size(), 32'768u);
  }
}

// What a distributed Map over 200,000 bytes of text ends with.
std::string EndOfDistributed(absl::string_view fields) {
  const std::string definition = absl::StrCat(
      R"json({"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "End": true,
          "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                            "StartAt": "I", "States": {"I": {"Type": "Pass", "Result": 1,
                                                             "End": true}}}, )json",
      fields, "}}}");
  return EndOf(definition,
               absl::StrCat(R"({"items": [1, 2], "text": ")", std::string(200'000, 'x'), "\"}"));
}

TEST(LimitsTest, ADistributedMapsInputsAreNotLargerThanAStatesData) {
  EXPECT_EQ(EndOfDistributed(R"json("ItemBatcher": {"MaxItemsPerBatch": 2,
                "BatchInput": {"twice.$": "States.Array($.text, $.text)"}})json"),
            "States.DataLimitExceeded");
  EXPECT_EQ(EndOfDistributed(R"json("ItemSelector": {"text.$": "$.text"}, "ItemBatcher": {
                "MaxItemsPerBatch": 2, "BatchInput": {"once.$": "$.text"}})json"),
            "States.DataLimitExceeded");
  EXPECT_EQ(EndOfDistributed(R"json("ResultWriter": {"Resource": "arn:aws:states:::s3:putObject",
                "Parameters": {"Bucket": "b", "Prefix.$": "States.Format('{}{}', $.text, $.text)"}}
                )json"),
            "States.DataLimitExceeded");
  EXPECT_EQ(EndOfDistributed(R"json("ItemBatcher": {"MaxItemsPerBatch": 2,
                "BatchInput": {"once.$": "$.text"}})json"),
            "[1]");
}

TEST(LimitsTest, AnItemThatWasReadIsNotLargerThanAStatesData) {
  CorePlayer player(R"json({"StartAt": "M", "States": {"M": {"Type": "Map", "End": true,
      "ItemReader": {"Resource": "arn:aws:states:::s3:getObject",
                     "ReaderConfig": {"InputType": "JSON"},
                     "Parameters": {"Bucket": "b", "Key": "k"}},
      "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                        "StartAt": "I", "States": {"I": {"Type": "Pass", "Result": 1,
                                                         "End": true}}}}}})json");
  ASSERT_TRUE(
      player.objects().Put("b", "k", absl::StrCat("[\"", std::string(300'000, 'x'), "\"]")).ok());
  player.Take(Started{.input = Json(1), .seed = 1});
  ASSERT_TRUE(player.snapshot().error.has_value());
  EXPECT_EQ(player.snapshot().error->name, "States.DataLimitExceeded");
}

// Nothing of such an attempt is in the history, but it is in the journal.
TEST(LimitsTest, AttemptsThatLeaveNoEventsCountTowardsTheLimitOfEvents) {
  CorePlayer player(R"json({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true,
      "Parameters": {"a.$": "States.ArrayGetItem($, 5)"},
      "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": 1,
                 "MaxAttempts": 100000}],
      "Branches": [{"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}]}}})json");
  player.info().events_max = 60;
  player.Take(Started{.input = Parse("[1]"), .seed = 1});
  ASSERT_FALSE(player.snapshot().ended);
  player.Advance(absl::Seconds(100));
  ASSERT_TRUE(player.snapshot().ended);
  EXPECT_NE(player.snapshot().error->cause->find("history events (60)"), std::string::npos);
  EXPECT_LT(player.rows().size(), 70u);
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
