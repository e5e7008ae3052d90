#include "engine/core/step.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/core_player.h"

namespace millrace {
namespace {

constexpr absl::string_view kTask = R"json(
  {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "f", "TimeoutSeconds": 60,
   "Retry": [{"ErrorEquals": ["Boom"]}], "Next": "U"},
   "U": {"Type": "Task", "Resource": "f", "End": true}}})json";
constexpr absl::string_view kLoop = R"json(
  {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A2"}, "A2": {"Type": "Choice",
   "Choices": [{"Variable": "$.go", "BooleanEquals": true, "Next": "A"}], "Default": "Z"},
   "Z": {"Type": "Succeed"}}})json";

Json Parse(absl::string_view text) { return *ParseJson(text); }

CorePlayer StartedPlayer(absl::string_view definition, absl::string_view input) {
  CorePlayer player(definition);
  EXPECT_EQ(player.Take(Started{.input = Parse(input), .seed = 1}), StepRefusal::kNone);
  return player;
}

TEST(StepTest, RefusesAnAnswerThatCameBefore) {
  CorePlayer player = StartedPlayer(kTask, "{}");
  const int64_t call = player.calls().begin()->first;
  EXPECT_EQ(player.Take(TaskSucceeded{.event_id = call, .output = Json(1)}), StepRefusal::kNone);
  const std::string before = DebugText(player.snapshot());
  EXPECT_EQ(player.Take(TaskSucceeded{.event_id = call, .output = Json(2)}),
            StepRefusal::kOutdated);
  EXPECT_EQ(player.Take(TaskFailed{.event_id = call, .error = {}}), StepRefusal::kOutdated);
  EXPECT_EQ(DebugText(player.snapshot()), before);
}

TEST(StepTest, RefusesAnEventIdThatItHasNotGivenOut) {
  CorePlayer player = StartedPlayer(kTask, "{}");
  for (const int64_t id : {int64_t{1000}, int64_t{-1}, std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(player.Take(TaskSucceeded{.event_id = id, .output = Json(1)}), StepRefusal::kUnknown);
    EXPECT_EQ(player.Take(AlarmRang{.event_id = id}), StepRefusal::kUnknown);
  }
}

TEST(StepTest, KnowsNothingBeforeTheStart) {
  CorePlayer player(kTask);
  EXPECT_EQ(player.Take(TaskSucceeded{.event_id = 3, .output = Json(1)}), StepRefusal::kUnknown);
  EXPECT_EQ(player.Take(StopRequested{}), StepRefusal::kUnknown);
}

TEST(StepTest, StartsOnlyOnce) {
  CorePlayer player = StartedPlayer(kTask, "{}");
  EXPECT_EQ(player.Take(Started{.input = Json(2)}), StepRefusal::kOutdated);
}

TEST(StepTest, RefusesAnAlarmBeforeItsTime) {
  CorePlayer player = StartedPlayer(kTask, "{}");
  const int64_t call = player.calls().begin()->first;
  EXPECT_EQ(player.Take(AlarmRang{.event_id = call}), StepRefusal::kOutdated);
  EXPECT_EQ(player.Take(AlarmRang{.event_id = 0}), StepRefusal::kOutdated);
  EXPECT_FALSE(player.snapshot().ended);
}

TEST(StepTest, RefusesAnAnswerWhileItWaitsToTryAgain) {
  CorePlayer player = StartedPlayer(kTask, "{}");
  const int64_t call = player.calls().begin()->first;
  EXPECT_EQ(player.Take(TaskFailed{.event_id = call, .error = {.name = "Boom"}}),
            StepRefusal::kNone);
  EXPECT_EQ(player.Take(TaskSucceeded{.event_id = call, .output = Json(1)}),
            StepRefusal::kOutdated);
}

TEST(StepTest, NeverChangesWhatHasEnded) {
  CorePlayer player = StartedPlayer(kTask, "{}");
  EXPECT_EQ(player.Take(StopRequested{}), StepRefusal::kNone);
  EXPECT_EQ(player.Take(StopRequested{}), StepRefusal::kEnded);
  EXPECT_EQ(player.Take(AlarmRang{.event_id = 0}), StepRefusal::kEnded);
  EXPECT_EQ(player.Take(TaskSucceeded{.event_id = 3, .output = Json(1)}), StepRefusal::kEnded);
}

TEST(StepTest, LeavesTheRestToTheNextWhenItsFuelRunsLow) {
  const CorePlayer player(kLoop);
  Snapshot snapshot;
  StepResult result;
  EXPECT_EQ(
      Step(player.program(), {}, {.at = player.now(), .what = Started{Parse(R"({"go":true})")}},
           100, &snapshot, &result),
      StepRefusal::kNone);
  EXPECT_GT(result.history.size(), 30u);
  EXPECT_LT(result.history.size(), 100u);
  EXPECT_EQ(result.commands, std::vector<Command>{GoOn{}});
  EXPECT_EQ(OutstandingCommands(player.program(), snapshot), std::vector<Command>{GoOn{}});
  result = {};
  EXPECT_EQ(
      Step(player.program(), {}, {.at = player.now(), .what = Resumed{}}, 100, &snapshot, &result),
      StepRefusal::kNone);
  EXPECT_EQ(result.commands, std::vector<Command>{GoOn{}});
}

TEST(StepTest, GivesUpOnAStateThatTakesMoreThanAllItsFuel) {
  const CorePlayer player(R"json(
    {"StartAt": "A", "States": {"A": {"Type": "Pass", "QueryLanguage": "JSONata",
     "Output": "{% $sum([1..100000].($ * 2)) %}", "End": true}}})json");
  Snapshot snapshot;
  StepResult result;
  EXPECT_EQ(
      Step(player.program(), {}, {.at = player.now(), .what = Started{}}, 100, &snapshot, &result),
      StepRefusal::kTooLong);
}

// Of what it looks at, hardly anything is in what it gives.
TEST(StepTest, TakesFuelForAllThatJsonPathLooksAt) {
  const std::string states[] = {
      R"("A": {"Type": "Pass", "End": true, "Parameters": {"n.$": "$..none"}})",
      R"("A": {"Type": "Pass", "End": true, "InputPath": "$..none"})",
      R"json("A": {"Type": "Succeed", "OutputPath": "$.list[?(@ == 2)].length()"})json",
      R"json("A": {"Type": "Fail", "ErrorPath": "States.Format('{}', $..none)"})json",
      R"("A": {"Type": "Choice", "Default": "B", "Choices": [
               {"Variable": "$..none", "IsString": true, "Next": "B"}]}, "B": {"Type": "Succeed"})",
  };
  const Json input = Json::Object({{"list", Json::Array(std::vector<Json>(40'000, Json(1)))}});
  for (const std::string& state : states) {
    SCOPED_TRACE(state);
    const CorePlayer player(absl::StrCat(R"({"StartAt": "A", "States": {)", state, "}}"));
    Snapshot snapshot;
    StepResult result;
    EXPECT_EQ(Step(player.program(), {}, {.at = player.now(), .what = Started{.input = input}},
                   /*fuel=*/60, &snapshot, &result),
              StepRefusal::kTooLong);
  }
}

TEST(StepTest, GivesTheSameTwice) {
  const CorePlayer player(kTask);
  std::string texts[2];
  for (std::string& text : texts) {
    Snapshot snapshot;
    StepResult result;
    Step(player.program(), {}, {.at = player.now(), .what = Started{.input = Json(1), .seed = 5}},
         100, &snapshot, &result);
    text = DebugText(snapshot);
  }
  EXPECT_EQ(texts[0], texts[1]);
}

TEST(StepTest, EndsAtTheLimitOfEvents) {
  CorePlayer player(kLoop);
  player.info().events_max = 50;
  player.Take(Started{.input = Parse(R"({"go":true})")});
  ASSERT_TRUE(player.snapshot().ended);
  EXPECT_EQ(player.snapshot().error->name, "States.Runtime");
  EXPECT_LE(player.snapshot().last_id, 50);
  EXPECT_GE(player.snapshot().last_id, 45);
}

TEST(StepTest, EndsAtTheLimitOfEventsWithBranchesUnderWay) {
  CorePlayer player(R"json(
    {"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor":
     {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "f", "End": true}}}}}})json");
  player.info().events_max = 60;
  player.Take(Started{.input = Parse("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]")});
  ASSERT_TRUE(player.snapshot().ended);
  EXPECT_LE(player.snapshot().last_id, 60);
}

TEST(StepTest, FailsATaskWhoseAnswerIsTooLarge) {
  CorePlayer player = StartedPlayer(kTask, "{}");
  const int64_t call = player.calls().begin()->first;
  player.Take(TaskSucceeded{.event_id = call, .output = Json(std::string(262'143, 'x'))});
  ASSERT_TRUE(player.snapshot().ended);
  EXPECT_EQ(player.snapshot().error->name, "States.DataLimitExceeded");
}

TEST(StepTest, TakesAnAnswerThatIsJustSmallEnough) {
  CorePlayer player = StartedPlayer(kTask, "{}");
  const int64_t call = player.calls().begin()->first;
  player.Take(TaskSucceeded{.event_id = call, .output = Json(std::string(262'142, 'x'))});
  EXPECT_FALSE(player.snapshot().ended);
}

TEST(StepTest, FailsAStateWhoseOutputIsTooLarge) {
  CorePlayer player(R"json(
    {"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters":
     {"a.$": "$", "b.$": "$"}, "End": true}}})json");
  player.info().data_bytes_max = 1000;
  player.Take(Started{.input = Json(std::string(600, 'x'))});
  ASSERT_TRUE(player.snapshot().ended);
  EXPECT_EQ(player.snapshot().error->name, "States.DataLimitExceeded");
  EXPECT_EQ(player.snapshot().error->cause,
            "The state/task 'A' returned a result with a size exceeding the maximum number of "
            "bytes service limit.");
}

TEST(StepTest, DelaysARetryWithJitterByAnythingUpToItsInterval) {
  constexpr absl::string_view kJitter = R"json(
    {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "f", "End": true, "Retry": [
     {"ErrorEquals": ["Boom"], "IntervalSeconds": 100, "BackoffRate": 10, "MaxDelaySeconds": 200,
      "MaxAttempts": 2, "JitterStrategy": "FULL"}]}}})json";
  std::vector<absl::Duration> delays;
  for (const uint64_t seed : {1, 2, 2}) {
    CorePlayer player(kJitter);
    player.Take(Started{.input = Json(1), .seed = seed});
    for (const absl::Duration most : {absl::Seconds(100), absl::Seconds(200)}) {
      player.Take(
          TaskFailed{.event_id = player.calls().rbegin()->first, .error = {.name = "Boom"}});
      ASSERT_TRUE(player.next_alarm().has_value());
      delays.push_back(*player.next_alarm() - player.now());
      EXPECT_GE(delays.back(), absl::ZeroDuration());
      EXPECT_LE(delays.back(), most);
      player.Advance(delays.back());
    }
  }
  EXPECT_NE(delays[0], delays[2]) << "another seed, another delay";
  EXPECT_EQ(delays[2], delays[4]);
  EXPECT_EQ(delays[3], delays[5]);
}

TEST(StepTest, NeverGoesBackInTime) {
  CorePlayer player = StartedPlayer(kTask, "{}");
  player.Advance(-absl::Hours(1));
  const int64_t call = player.calls().begin()->first;
  EXPECT_EQ(player.Take(TaskSucceeded{.event_id = call, .output = Json(1)}), StepRefusal::kNone);
  for (size_t i = 1; i < player.history().size(); ++i) {
    EXPECT_GE(player.history()[i].at, player.history()[i - 1].at);
  }
}

TEST(StepTest, DrawsOtherChanceInEachState) {
  CorePlayer player(R"json(
    {"StartAt": "A", "States": {
     "A": {"Type": "Pass", "Parameters": {"a.$": "States.UUID()", "b.$": "States.UUID()"},
           "ResultPath": "$.first", "Next": "B"},
     "B": {"Type": "Pass", "Parameters": {"a.$": "States.UUID()"}, "ResultPath": "$.second",
           "End": true}}})json");
  player.Take(Started{.input = Json::Object(), .seed = 3});
  ASSERT_TRUE(player.snapshot().output.has_value());
  const Json& output = *player.snapshot().output;
  const Json& first = *output.Find("first");
  EXPECT_FALSE(*first.Find("a") == *first.Find("b"));
  EXPECT_FALSE(*first.Find("a") == *output.Find("second")->Find("a"));
}

}  // namespace
}  // namespace millrace
