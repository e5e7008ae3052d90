// Steps that take long: for a spare thread, in portions, or not to be done at all.
#include "engine/runtime/lane.h"

#include <future>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "tests/runtime/hand_driven_node.h"

namespace millrace {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::MemoryStorage;
using ::testing::SizeIs;
using Call = MemoryStorage::Call;
using When = MemoryStorage::When;

constexpr absl::string_view kMap = R"json({"StartAt": "M", "States": {"M": {"Type": "Map",
    "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}},
    "End": true}}})json";

class LaneLongStepsTest : public HandDrivenTest {
 protected:
  // An execution whose first task is under way.
  ExecutionKey AtFirstTask(HandDrivenNode& node, const std::string& execution_id = "e") {
    if (two_tasks_.program == nullptr) two_tasks_ = Workflow("two");
    const size_t before = node.calls.size();
    const ExecutionKey key = Started(node, two_tasks_, execution_id);
    EXPECT_TRUE(node.DriveUntil([&] { return node.calls.size() > before; }));
    return key;
  }
  static GivenEvent Succeeded(int64_t event_id, ExecutionDone done = nullptr) {
    return {.what = TaskSucceeded{.event_id = event_id, .output = Json(1)},
            .done = std::move(done)};
  }
  static bool Ends(HandDrivenNode& node, const ExecutionKey& key) {
    return node.DriveUntil([&] {
      while (!node.calls.empty()) {
        node.calls.front().done(Json(7));
        node.calls.pop_front();
      }
      return node.storage.Find(key)->execution.ended_at.has_value();
    });
  }
  int TimesOf(const ExecutionKey& key, EventType type) {
    const std::vector<EventType> types = History(key);
    return static_cast<int>(std::count(types.begin(), types.end(), type));
  }

  Workflows::Startable two_tasks_;
};

// A state that takes more than a lane gives a step.
constexpr absl::string_view kLong = R"json({"Type": "Pass", "QueryLanguage": "JSONata", "End": true,
    "Output": "{% $sum([1..100000].($ * 2)) %}"})json";

TEST_F(LaneLongStepsTest, ALongStepGoesToTheSpareThreadAndTheLaneGoesOn) {
  const auto node = Joined();
  const Workflows::Startable of =
      Workflow("long", absl::StrCat(R"({"StartAt": "L", "States": {"L": )", kLong, "}}"));
  std::promise<void> busy_over;
  node->spare.Add([over = busy_over.get_future().share()] { over.wait(); });
  Answer long_started, stopped;
  const ExecutionKey key = node->Start(of, "long", long_started.Done(), "{}");
  node->Turn();
  node->Stop(key, &stopped);  // waits for the step
  const ExecutionKey other = AtFirstTask(*node);
  EXPECT_FALSE(long_started.came());
  EXPECT_FALSE(storage_.Find(key).has_value());
  EXPECT_TRUE(Ends(*node, other));
  busy_over.set_value();
  ASSERT_TRUE(node->DriveUntil([&] { return long_started.came() && stopped.came(); }));
  EXPECT_TRUE(long_started.status().ok()) << long_started.status();
  EXPECT_EQ(errors::ReasonOf(stopped.status()), "EXECUTION_ENDED");
  EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kSucceeded);
  EXPECT_EQ(TimesOf(key, EventType::kStateExited), 1);
}

TEST_F(LaneLongStepsTest, ALongStepIsMadeAgainOnTheSnapshotOfAnotherDatabase) {
  const auto node = Joined();
  const Workflows::Startable of =
      Workflow("task then long", absl::StrCat(R"({"StartAt": "A", "States": {
          "A": {"Type": "Task", "Resource": "first", "Next": "L"}, "L": )",
                                              kLong, "}}"));
  const ExecutionKey key = Started(*node, of, "e");
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 1; }));
  std::promise<void> busy_over;
  node->spare.Add([over = busy_over.get_future().share()] { over.wait(); });
  node->calls[0].done(Json(1));
  node->Turn();
  storage_.Restart();
  node->Beat();
  busy_over.set_value();
  ASSERT_TRUE(node->DriveUntil([&] { return Row(key).execution.ended_at.has_value(); }));
  EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kSucceeded);
  EXPECT_EQ(TimesOf(key, EventType::kTaskSucceeded), 1);
  EXPECT_EQ(node->calls.size(), 1u);
}

TEST_F(LaneLongStepsTest, WhoeverWaitsForALongStepIsAnsweredWhateverBecomesOfIt) {
  for (const bool is_stopped : {false, true}) {
    SCOPED_TRACE(is_stopped);
    const auto node = Joined();
    const Workflows::Startable of = Workflow(absl::StrCat("task then long", is_stopped),
                                             absl::StrCat(R"({"StartAt": "A", "States": {
          "A": {"Type": "Task", "Resource": "first", "Next": "L"}, "L": )",
                                                          kLong, "}}"));
    const ExecutionKey key = Started(*node, of, "e");
    ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 1; }));
    std::promise<void> busy_over;
    node->spare.Add([over = busy_over.get_future().share()] { over.wait(); });
    Answer succeeded, broken;
    node->Give(key, Succeeded(node->calls[0].context.event_id, succeeded.Done()));
    node->Turn();  // it takes too long for the lane, which goes back to what the journal says
    node->Turn();
    if (is_stopped) {
      node->lane->Stop(errors::ShuttingDown());
    } else {  // as if a step of it had broken an invariant
      node->lane->inbox().Post(lane_message::Stepped{
          .key = key, .event = Succeeded(1, broken.Done()), .broken = "an invariant"});
      node->Turn();
      EXPECT_EQ(errors::ReasonOf(broken.status()), "EXECUTION_QUARANTINED");
      EXPECT_THAT(node->quarantined, ElementsAre(key));
    }
    EXPECT_FALSE(succeeded.came());
    busy_over.set_value();
    node->spare.Stop();
    if (!is_stopped) node->Turn();
    EXPECT_TRUE(absl::IsUnavailable(succeeded.status())) << succeeded.status();
  }
}

// Not quarantined: it is the workflow that is wrong, and its author who can mend it.
TEST_F(LaneLongStepsTest, AStepThatDoesNotEndFailsItsExecution) {
  std::string parameters = "{";
  for (int i = 0; i < 400; ++i) {
    absl::StrAppend(&parameters, i == 0 ? "" : ",", "\"p", i, R"(.$": "$..[?(@ == 2)]")");
  }
  const std::string endless =
      absl::StrCat(R"({"Type": "Pass", "End": true, "Parameters": )", parameters, "}}");
  std::string input = "[1";
  for (int i = 0; i < 100'000; ++i) input += ",1";
  input += "]";
  for (const bool is_first : {true, false}) {
    SCOPED_TRACE(is_first);
    const auto node = Joined();
    const Workflows::Startable of =
        Workflow(absl::StrCat("endless", is_first),
                 is_first ? absl::StrCat(R"({"StartAt": "L", "States": {"L": )", endless, "}}")
                          : absl::StrCat(R"({"StartAt": "A", "States": {
                       "A": {"Type": "Task", "Resource": "first", "ResultPath": null, "Next": "L"},
                       "L": )",
                                         endless, "}}"));
    Answer started, succeeded;
    const ExecutionKey key = node->Start(of, "e", started.Done(), input);
    if (!is_first) {
      ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 1; }));
      node->Give(key, Succeeded(node->calls[0].context.event_id, succeeded.Done()));
    }
    ASSERT_TRUE(node->DriveUntil([&] {
      const auto stored = storage_.Find(key);
      return stored.has_value() && Row(key).execution.ended_at.has_value() && started.came() &&
             (is_first || succeeded.came());
    }));
    EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kFailed);
    EXPECT_EQ(Row(key).execution.error, "States.Runtime");
    EXPECT_TRUE(started.status().ok()) << started.status();
    if (!is_first) {
      EXPECT_EQ(errors::ReasonOf(succeeded.status()), "EXECUTION_ENDED");
    }
    EXPECT_TRUE(node->quarantined.empty());
    EXPECT_EQ(TimesOf(key, EventType::kExecutionStarted), 1);
    EXPECT_EQ(TimesOf(key, EventType::kExecutionFailed), 1);
  }
}

TEST_F(LaneLongStepsTest, MuchWorkGoesIntoSeveralRowsAndOthersGetTheirTurn) {
  const auto node = Joined();
  const Workflows::Startable map = Workflow("map", kMap);
  std::string items = "[0";
  for (int i = 1; i < 600; ++i) absl::StrAppend(&items, ",", i);
  Answer started;
  const ExecutionKey key = node->Start(map, "many", started.Done(), items + "]");
  ASSERT_TRUE(node->DriveUntil([&] { return started.came(); }));
  EXPECT_FALSE(Row(key).execution.ended_at.has_value());
  const ExecutionKey other = AtFirstTask(*node);
  EXPECT_TRUE(Ends(*node, other));
  ASSERT_TRUE(node->DriveUntil([&] { return Row(key).execution.ended_at.has_value(); }));
  EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kSucceeded);
  EXPECT_EQ(TimesOf(key, EventType::kMapIterationSucceeded), 600);
  EXPECT_GT(Journal(key).size(), 3u);
}

// Its steps are no rows, so nothing but its turn ends them.
TEST_F(LaneLongStepsTest, ALongExpressExecutionTakesTurnsWithMessages) {
  const auto node = Joined();
  const Workflows::Startable loop = Workflow("loop", R"json({"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Next": "B"},
        "B": {"Type": "Choice", "Default": "A",
              "Choices": [{"Variable": "$.end", "IsPresent": true, "Next": "C"}]},
        "C": {"Type": "Succeed"}}})json",
                                             WorkflowType::kExpress);
  Answer ended;
  const ExecutionKey key = Started(*node, loop, "loop");
  node->lane->inbox().Post(
      lane_message::AwaitEnd{.key = key, .waiter = std::make_shared<EndWaiter>(ended.Done())});
  for (int i = 0; i < 3; ++i) node->Turn();
  EXPECT_FALSE(ended.came());
  const ExecutionKey other = AtFirstTask(*node);
  EXPECT_TRUE(Ends(*node, other));
  ASSERT_TRUE(node->DriveUntil([&] { return ended.came(); }));
  EXPECT_EQ(ended.view().status, ExecutionStatus::kFailed);  // too many events
}

TEST_F(LaneLongStepsTest, WorkIsGoneOnWithByWhoeverTakesItUp) {
  auto dead = Joined();
  const Workflows::Startable map = Workflow("map", kMap);
  std::string items = "[0";
  for (int i = 1; i < 600; ++i) absl::StrAppend(&items, ",", i);
  Answer started;
  const ExecutionKey key = dead->Start(map, "many", started.Done(), items + "]");
  ASSERT_TRUE(dead->DriveUntil([&] { return started.came(); }));
  ASSERT_FALSE(Row(key).execution.ended_at.has_value());
  Bury(*dead);
  dead.reset();
  const auto node = Joined();
  ASSERT_TRUE(node->SweepUntil([&] { return Row(key).execution.ended_at.has_value(); }));
  EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kSucceeded);
  EXPECT_EQ(TimesOf(key, EventType::kMapIterationSucceeded), 600);
}

}  // namespace
}  // namespace millrace
