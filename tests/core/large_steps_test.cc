// However much there is to do, a step does only so much at once, and a row holds only so much.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/core/step.h"
#include "engine/core/stepper.h"
#include "tests/support/core_player.h"

namespace millrace {
namespace {

constexpr int64_t kFuel = 1000;  // a lane's

struct Portions {
  size_t steps = 0;
  size_t bytes_max = 0;   // of a step's data, as its row has it
  size_t events_max = 0;  // of a step
  bool is_too_long = false;
};

size_t BytesOf(const StepResult& result) {
  size_t bytes = 0;
  for (const HistoryEvent& event : result.history) {
    const bool is_inline = event.source == DataSource::kInline && event.data.has_value();
    bytes += is_inline ? event.data->TextSize() : 0;
  }
  return bytes;
}

// Steps until the execution has ended or waits for the world.
Portions StepThrough(const CorePlayer& player, Json input, Snapshot* snapshot,
                     std::vector<Command>* commands) {
  Portions portions;
  decltype(Event::what) what = Started{.input = std::move(input), .seed = 1};
  while (true) {
    StepResult result;
    const StepRefusal refusal =
        Step(player.program(), {}, {.at = player.now(), .what = what}, kFuel, snapshot, &result);
    portions.is_too_long = refusal == StepRefusal::kTooLong;
    if (refusal != StepRefusal::kNone) return portions;
    ++portions.steps;
    portions.bytes_max = std::max(portions.bytes_max, BytesOf(result));
    portions.events_max = std::max(portions.events_max, result.history.size());
    bool goes_on = false;
    for (const Command& command : result.commands) {
      if (std::holds_alternative<GoOn>(command)) {
        goes_on = true;
      } else {
        commands->push_back(command);
      }
    }
    if (!goes_on) return portions;
    what = Resumed{};
  }
}

Json ItemsWith(size_t count, size_t bytes) {
  std::vector<Json> items(count, Json(1));
  return Json::Object(
      {{"items", Json::Array(std::move(items))}, {"text", Json(std::string(bytes, 'x'))}});
}

TEST(LargeStepsTest, RunsAMapWhoseIterationsAllGetALargeInput) {
  const CorePlayer player(R"json(
    {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "End": true,
     "ItemSelector": {"text.$": "$.text", "i.$": "$$.Map.Item.Index"},
     "ResultPath": null, "ItemProcessor": {"StartAt": "A", "States": {
       "A": {"Type": "Pass", "Result": 1, "End": true}}}}}})json");
  Snapshot snapshot;
  std::vector<Command> commands;
  const Portions portions = StepThrough(player, ItemsWith(4000, 200'000), &snapshot, &commands);
  EXPECT_FALSE(portions.is_too_long);
  ASSERT_TRUE(snapshot.ended);
  EXPECT_EQ(snapshot.end, EventType::kExecutionSucceeded);
  EXPECT_LT(portions.bytes_max, size_t{2} << 20);
  EXPECT_GT(portions.steps, 400u);
}

TEST(LargeStepsTest, HasOnlyAsManyLargeInputsUnderWayAsFit) {
  const CorePlayer player(R"json(
    {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "End": true,
     "ItemSelector": {"text.$": "$.text", "i.$": "$$.Map.Item.Index"},
     "ItemProcessor": {"StartAt": "A", "States": {
       "A": {"Type": "Task", "Resource": "f", "End": true}}}}}})json");
  Snapshot snapshot;
  std::vector<Command> commands;
  const Portions portions = StepThrough(player, ItemsWith(4000, 200'000), &snapshot, &commands);
  EXPECT_FALSE(portions.is_too_long);
  EXPECT_FALSE(snapshot.ended);
  EXPECT_GT(commands.size(), 70u);
  EXPECT_LT(commands.size(), 100u);
  EXPECT_LT(portions.bytes_max, size_t{2} << 20);
  // One that is done makes room for one more.
  const auto call = std::get<InvokeFunction>(commands.front());
  StepResult result;
  ASSERT_EQ(Step(player.program(), {},
                 {.at = player.now(),
                  .what = TaskSucceeded{.event_id = call.event_id, .output = Json(1)}},
                 kFuel, &snapshot, &result),
            StepRefusal::kNone);
  EXPECT_EQ(result.commands.size(), 1u);
}

TEST(LargeStepsTest, StartsManySmallIterationsInPortions) {
  const CorePlayer player(R"json(
    {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "End": true,
     "ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}}}})json");
  Snapshot snapshot;
  std::vector<Command> commands;
  const Portions portions = StepThrough(player, ItemsWith(5000, 1), &snapshot, &commands);
  EXPECT_FALSE(portions.is_too_long);
  ASSERT_TRUE(snapshot.ended);
  EXPECT_EQ(snapshot.end, EventType::kExecutionSucceeded);
  EXPECT_LE(portions.events_max, static_cast<size_t>(kFuel));
}

TEST(LargeStepsTest, PassesLargeDataAlongInPortions) {
  const CorePlayer player(R"json(
    {"StartAt": "A", "States": {
     "A": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)", "text.$": "$.text"},
           "Next": "C"},
     "C": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 200, "Next": "A"}],
           "Default": "Z"}, "Z": {"Type": "Succeed"}}})json");
  Snapshot snapshot;
  std::vector<Command> commands;
  const Json input = Json::Object({{"n", Json(0)}, {"text", Json(std::string(200'000, 'x'))}});
  const Portions portions = StepThrough(player, input, &snapshot, &commands);
  EXPECT_FALSE(portions.is_too_long);
  ASSERT_TRUE(snapshot.ended);
  EXPECT_EQ(snapshot.end, EventType::kExecutionSucceeded);
  EXPECT_LT(portions.bytes_max, size_t{2} << 20);
  EXPECT_GT(portions.steps, 20u);
}

TEST(LargeStepsTest, KeepsOnlySoMuchOfResults) {
  CorePlayer player(R"json(
    {"StartAt": "M", "States": {"M": {"Type": "Map", "MaxConcurrency": 1, "ItemsPath": "$.items",
     "ResultPath": null, "End": true, "ItemSelector": {"text.$": "$.text"},
     "ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}}}})json");
  Snapshot snapshot;
  std::vector<Command> commands;
  StepThrough(player, ItemsWith(400, 200'000), &snapshot, &commands);
  ASSERT_TRUE(snapshot.ended);
  ASSERT_TRUE(snapshot.error.has_value());
  EXPECT_EQ(snapshot.error->name, "States.DataLimitExceeded");
  EXPECT_LT(snapshot.last_id, 4 * 400);
}

// The Map's next items are still to be started when another of its items fails it.
class StaleItemsTest : public ::testing::Test {
 protected:
  static std::string Definition(absl::string_view handler) {
    std::string passes;
    for (int i = 0; i < 40; ++i) {
      absl::StrAppend(&passes, "\"P", i, R"(": {"Type": "Pass", "Next": "P)", i + 1, "\"},");
    }
    return absl::StrCat(R"json({"StartAt": "M", "States": {"M": {"Type": "Map", "Next": "Z",
        "MaxConcurrency": 2, )json",
                        handler, R"json(, "ItemProcessor": {"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Default": "P0", "Choices": [
              {"Variable": "$", "NumericEquals": 0, "Next": "T"}]},
        "T": {"Type": "Task", "Resource": "f", "End": true}, )json",
                        passes, R"json("P40": {"Type": "Fail", "Error": "Boom"}}}},
        "Z": {"Type": "Task", "Resource": "z", "End": true}}})json");
  }

  StepRefusal Take(decltype(Event::what) what, int64_t fuel) {
    result_ = {};
    return Step(player_->program(), {}, {.at = player_->now(), .what = std::move(what)}, fuel,
                &snapshot_, &result_);
  }

  bool GoesOn() const {
    return std::find(result_.commands.begin(), result_.commands.end(), Command(GoOn{})) !=
           result_.commands.end();
  }

  // Until the second item is about to fail, and the third is about to be started.
  void Run(absl::string_view handler) {
    player_.emplace(Definition(handler));
    const Json items = Json::Array({Json(0), Json(1), Json(0)});
    ASSERT_EQ(Take(Started{.input = items, .seed = 1}, 80), StepRefusal::kNone);
    ASSERT_TRUE(GoesOn());
    ASSERT_EQ(snapshot_.waits.size(), 1u);
    const int64_t task = snapshot_.waits.begin()->first;
    const Json large(std::string(250'000, 'x'));
    ASSERT_EQ(Take(TaskSucceeded{.event_id = task, .output = large}, 80), StepRefusal::kNone);
    ASSERT_TRUE(GoesOn());
    const Frame& map = snapshot_.frames.begin()->second;
    ASSERT_EQ(ReadinessOf(player_->program(), map), Readiness::kStartItems);
    ASSERT_EQ(map.children.size(), 1u);
    ASSERT_EQ(Take(Resumed{}, 1000), StepRefusal::kNone);
  }

  std::optional<CorePlayer> player_;
  Snapshot snapshot_;
  StepResult result_;
};

TEST_F(StaleItemsTest, AreNotStartedWhileTheirMapWaitsToBeTriedAgain) {
  Run(R"("Retry": [{"ErrorEquals": ["Boom"]}])");
  ASSERT_EQ(snapshot_.frames.size(), 1u);
  EXPECT_EQ(snapshot_.frames.begin()->second.wait, WaitKind::kRetry);
  EXPECT_EQ(result_.history.back().type, EventType::kRetryPlanned);
  ASSERT_EQ(result_.commands.size(), 1u);
  const auto alarm = std::get<SetAlarm>(result_.commands[0]);
  Event rang{.at = alarm.at, .what = AlarmRang{.event_id = alarm.event_id}};
  StepResult again;
  ASSERT_EQ(Step(player_->program(), {}, rang, 1000, &snapshot_, &again), StepRefusal::kNone);
  EXPECT_EQ(again.history.front().type, EventType::kMapStateStarted);
}

TEST_F(StaleItemsTest, AreNotStartedInTheStateThatTheirMapsCatchLeadsTo) {
  Run(R"("Catch": [{"ErrorEquals": ["Boom"], "Next": "Z"}])");
  ASSERT_EQ(snapshot_.frames.size(), 1u);
  const Frame& root = snapshot_.frames.begin()->second;
  EXPECT_EQ(root.wait, WaitKind::kTask);
  EXPECT_TRUE(root.items.is_null());
  EXPECT_TRUE(root.results.empty());
  EXPECT_EQ(result_.history.back().type, EventType::kTaskStarted);
  EXPECT_FALSE(snapshot_.ended);
}

TEST(LargeStepsTest, GoesOnAfterACrashBetweenPortions) {
  CorePlayer player(R"json(
    {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "ResultPath": null,
     "End": true, "ItemSelector": {"text.$": "$.text"},
     "ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": 1,
                                                        "End": true}}}}}})json");
  // The player checks after each portion that the journal says the same, GoOn included.
  player.Take(Started{.input = ItemsWith(12, 200'000), .seed = 1});
  EXPECT_TRUE(player.snapshot().ended);
  EXPECT_GT(player.rows().size(), 2u);
}

}  // namespace
}  // namespace millrace
