// Distributed Maps as only the core shows them: the histories of their items.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/core/step.h"
#include "tests/support/core_player.h"

namespace millrace {
namespace {

std::string Distributed(absl::string_view fields, absl::string_view states) {
  return absl::StrCat(R"({"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, )", fields,
                      R"("ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED",
                         "ExecutionType": "STANDARD"}, )",
                      states, "}}}}");
}

constexpr absl::string_view kTask =
    R"("StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "f", "End": true,
       "Retry": [{"ErrorEquals": ["Boom"], "MaxAttempts": 1}]}})";

Json Parse(absl::string_view text) { return *ParseJson(text); }

// The types of one history, "0" being the execution's own, with each event's own number.
std::vector<std::string> HistoryOf(const CorePlayer& player, FrameId history) {
  std::vector<std::string> types;
  for (const HistoryEvent& event : player.history()) {
    if (event.id == 0 || millrace::HistoryOf(event.id) != history) continue;
    EXPECT_EQ(NumberOf(event.id), static_cast<int64_t>(types.size()) + 1);
    types.push_back(EventTypeName(event, player.program()));
  }
  return types;
}

TEST(MapRunTest, CallsFunctionsForItems) {
  CorePlayer player(Distributed("", kTask));
  player.Take(Started{.input = Parse("[1, 2]"), .seed = 1});
  ASSERT_EQ(player.calls().size(), 2u);
  const int64_t first = player.calls().begin()->first;
  const int64_t second = player.calls().rbegin()->first;
  EXPECT_EQ(NumberOf(first), 2);
  EXPECT_EQ(NumberOf(second), 2);
  EXPECT_NE(first, second);
  player.Crash();
  EXPECT_EQ(player.Take(TaskSucceeded{.event_id = second, .output = Json("b")}),
            StepRefusal::kNone);
  EXPECT_EQ(player.Take(TaskSucceeded{.event_id = second, .output = Json("c")}),
            StepRefusal::kOutdated);
  EXPECT_EQ(player.Take(TaskSucceeded{.event_id = second + 100, .output = Json("c")}),
            StepRefusal::kOutdated)
      << "the item is over, and its history with it";
  EXPECT_EQ(player.Take(TaskSucceeded{.event_id = first + 100, .output = Json("c")}),
            StepRefusal::kUnknown);
  EXPECT_EQ(player.Take(TaskSucceeded{.event_id = int64_t{99} << kHistoryBits, .output = Json(1)}),
            StepRefusal::kUnknown);
  player.Take(TaskFailed{.event_id = first, .error = {.name = "Boom"}});
  player.Crash();
  player.Advance(absl::Seconds(1));
  ASSERT_EQ(player.calls().size(), 3u);
  EXPECT_EQ(player.Take(TaskSucceeded{.event_id = first + 3, .output = Json("a")}),
            StepRefusal::kNone);
  ASSERT_TRUE(player.snapshot().ended);
  EXPECT_EQ(player.snapshot().output->ToText(), R"(["a","b"])");
  EXPECT_EQ(player.snapshot().last_id, 8);
  const FrameId item = millrace::HistoryOf(first);
  EXPECT_EQ(HistoryOf(player, item),
            (std::vector<std::string>{"TaskStateEntered", "TaskScheduled", "TaskStarted",
                                      "TaskFailed", "TaskScheduled", "TaskStarted", "TaskSucceeded",
                                      "TaskStateExited"}));
}

TEST(MapRunTest, CountsEventsFromTheItemsOwnFirst) {
  CorePlayer player(Distributed(R"("ToleratedFailureCount": 1, )",
                                R"("StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"},
         "B": {"Type": "Pass", "InputPath": "$.no.thing", "End": true}})"));
  player.Take(Started{.input = Parse("[{}, {}]"), .seed = 1});
  ASSERT_TRUE(player.snapshot().ended);
  std::vector<std::string> causes;
  for (const HistoryEvent& event : player.history()) {
    if (event.type == EventType::kMapIterationFailed) causes.push_back(*event.error->cause);
  }
  ASSERT_EQ(causes.size(), 2u);
  for (const std::string& cause : causes) {
    EXPECT_EQ(cause.find("An error occurred while executing the state 'B' (entered at the event "
                         "id #3). "),
              0u)
        << cause;
  }
}

TEST(MapRunTest, LimitsTheEventsOfAnItemByItself) {
  CorePlayer player(Distributed(R"("ToleratedFailurePercentage": 100, )",
                                R"("StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "C"},
         "C": {"Type": "Choice", "Choices": [{"Variable": "$", "IsBoolean": true, "Next": "A"}],
               "Default": "Z"}, "Z": {"Type": "Succeed"}})"));
  player.info().events_max = 60;
  player.Take(Started{.input = Parse("[1, true, 2, true]"), .seed = 1});
  ASSERT_TRUE(player.snapshot().ended);
  ASSERT_TRUE(player.snapshot().output.has_value());
  EXPECT_EQ(player.snapshot().output->ToText(), "[1,2]");
}

TEST(MapRunTest, CountsOnlyTheFramesOfAHistoryTowardsItsEvents) {
  CorePlayer player(Distributed("", kTask));
  player.info().events_max = 60;
  player.Take(Started{.input = Json::Array(std::vector<Json>(100, Json(1))), .seed = 1});
  ASSERT_FALSE(player.snapshot().ended) << *player.snapshot().error->cause;
  ASSERT_EQ(player.calls().size(), 100u);
  const std::map<int64_t, InvokeFunction> calls = player.calls();
  for (const auto& [id, call] : calls)
    player.Take(TaskSucceeded{.event_id = id, .output = Json(2)});
  ASSERT_TRUE(player.snapshot().ended);
  EXPECT_TRUE(player.snapshot().output.has_value());
}

constexpr absl::string_view kBranches =
    R"("StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true,
       "Retry": [{"ErrorEquals": ["States.ALL"]}], "Branches": [
       {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "f", "End": true}}},
       {"StartAt": "T2", "States": {"T2": {"Type": "Task", "Resource": "f", "End": true}}},
       {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"},
        "B": {"Type": "Choice", "Default": "A", "Choices": [
              {"Variable": "$", "IsBoolean": true, "Next": "Z"}]},
        "Z": {"Type": "Succeed"}}}]}})";

TEST(MapRunTest, EndsAnItemWithAllItsBranchesAtTheLimitOfItsEvents) {
  CorePlayer player(Distributed(R"("ToleratedFailureCount": 1, )", kBranches));
  player.info().events_max = 60;
  player.Take(Started{.input = Parse("[1]"), .seed = 1});
  ASSERT_TRUE(player.snapshot().ended) << "the item is not tried again";
  ASSERT_TRUE(player.snapshot().output.has_value());
  EXPECT_EQ(player.snapshot().output->ToText(), "[]");
  const auto started = std::find_if(
      player.history().begin(), player.history().end(),
      [](const HistoryEvent& event) { return event.type == EventType::kParallelStateStarted; });
  ASSERT_NE(started, player.history().end());
  const std::vector<std::string> types = HistoryOf(player, millrace::HistoryOf(started->id));
  EXPECT_LE(types.size(), 60u);
  EXPECT_EQ(types.back(), "ParallelStateAborted");
}

TEST(MapRunTest, RunsTenThousandItemsAtOnceAtMost) {
  for (const absl::string_view fields : {"", R"("MaxConcurrency": 20000, )"}) {
    const CorePlayer player(Distributed(fields, kTask));
    Snapshot snapshot;
    decltype(Event::what) what =
        Started{.input = Json::Array(std::vector<Json>(10'001, Json(1))), .seed = 1};
    int64_t first = 0;
    const auto take = [&] {
      StepResult result;
      EXPECT_EQ(Step(player.program(), {}, {.at = player.now(), .what = what}, 200'000, &snapshot,
                     &result),
                StepRefusal::kNone);
      int64_t calls = 0;
      for (const Command& command : result.commands) {
        const auto* call = std::get_if<InvokeFunction>(&command);
        if (call != nullptr && ++calls == 1) first = call->event_id;
      }
      return calls;
    };
    EXPECT_EQ(take(), 10'000);
    what = TaskSucceeded{.event_id = first, .output = Json(1)};
    EXPECT_EQ(take(), 1);
  }
}

TEST(MapRunTest, RunsMoreItemsThanEventsFitInOneHistory) {
  CorePlayer player(Distributed("", R"("StartAt": "A", "States": {"A": {"Type": "Succeed"}})"));
  player.info().events_max = 30;
  std::vector<Json> items(100, Json(1));
  player.Take(Started{.input = Json::Array(items), .seed = 1});
  ASSERT_TRUE(player.snapshot().ended);
  EXPECT_TRUE(player.snapshot().output.has_value());
}

TEST(MapRunTest, WritesWhatBecameOfEachBatch) {
  CorePlayer player(Distributed(
      R"("ToleratedFailureCount": 1,
         "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject",
                          "Parameters": {"Bucket": "out", "Prefix": "p"}}, )",
      R"("StartAt": "C", "States": {"C": {"Type": "Choice", "Default": "F", "Choices": [
           {"Variable": "$", "NumericEquals": 1, "Next": "S"}]}, "S": {"Type": "Succeed"},
         "F": {"Type": "Fail", "Error": "Odd", "Cause": "not 1"}})"));
  player.Take(Started{.input = Parse("[1, 2]"), .seed = 1});
  ASSERT_TRUE(player.snapshot().ended);
  ASSERT_TRUE(player.snapshot().output.has_value()) << *player.snapshot().error->cause;
  const Json& output = *player.snapshot().output;
  const std::string key(output.Find("ResultWriterDetails")->Find("Key")->AsString());
  const Json manifest = Parse(*player.objects().Get("out", key, 10'000));
  const Json& files = *manifest.Find("ResultFiles");
  const auto body = [&](absl::string_view kind) {
    const Json& file = files.Find(kind)->elements()[0];
    return *player.objects().Get("out", std::string(file.Find("Key")->AsString()), 10'000);
  };
  EXPECT_EQ(body("SUCCEEDED"),
            R"([{"Name":"projects/p/workflows/w/executions/e/M:2-0:0","Status":"SUCCEEDED",)"
            R"("Output":"1","OutputDetails":{"Included":true}}])");
  EXPECT_EQ(body("FAILED"),
            R"([{"Name":"projects/p/workflows/w/executions/e/M:2-0:1","Status":"FAILED",)"
            R"("Error":"Odd","Cause":"not 1"}])");
}

}  // namespace
}  // namespace millrace
