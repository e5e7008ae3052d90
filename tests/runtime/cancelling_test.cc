// How a lane ends the calls of tasks that nobody waits for any more.
#include "engine/runtime/lane.h"
#include "tests/runtime/hand_driven_node.h"

namespace millrace {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::MemoryStorage;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class CancellingTest : public HandDrivenTest {
 protected:
  // An execution whose first task is under way.
  ExecutionKey AtFirstTask(HandDrivenNode& node) {
    const ExecutionKey key = Started(node, Workflow("two"), "e");
    EXPECT_TRUE(node.DriveUntil([&] { return !node.calls.empty(); }));
    return key;
  }
  // All tasks succeed.
  bool Ends(HandDrivenNode& node, const ExecutionKey& key) {
    return node.DriveUntil([&] {
      while (!node.calls.empty()) {
        node.calls.front().done(Json(7));
        node.calls.pop_front();
      }
      return Row(key).execution.ended_at.has_value();
    });
  }
};

TEST_F(CancellingTest, AStopCancelsWhatIsUnderWayOnceItIsDurable) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  const auto gate = storage_.BlockNext(MemoryStorage::Call::kWrite, MemoryStorage::When::kDone);
  Answer stopped;
  node->Stop(key, &stopped);
  node->Turn();
  ASSERT_TRUE(gate->AwaitCall());
  node->Turn();
  EXPECT_THAT(node->cancelled, IsEmpty());
  gate->Open();
  ASSERT_TRUE(node->DriveUntil([&] { return stopped.came(); }));
  EXPECT_THAT(node->cancelled, ElementsAre(node->calls[0].context.call_id));
  node->calls[0].done(AslError{.name = kCancelledError});  // who calls answers all the same
  node->Turn();
  EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kAborted);
}

TEST_F(CancellingTest, ATimeoutCancelsItsTaskAndNoOther) {
  const auto node = Joined();
  const ExecutionKey key = Started(*node, Workflow("both", R"json({"StartAt": "P", "States": {
      "P": {"Type": "Parallel", "End": true, "Branches": [
        {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "slow", "TimeoutSeconds": 1,
            "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Z"}], "End": true},
          "Z": {"Type": "Pass", "End": true}}},
        {"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": "slow", "End": true}}}]}}})json"),
                                   "e");
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 2; }));
  node->clock.Advance(absl::Seconds(2));
  ASSERT_TRUE(node->DriveUntil([&] { return !node->cancelled.empty(); }));
  EXPECT_THAT(node->cancelled, ElementsAre(node->calls[0].context.call_id));
  node->calls.pop_front();
  EXPECT_TRUE(Ends(*node, key));
  EXPECT_THAT(node->cancelled, SizeIs(1));
}

TEST_F(CancellingTest, AFailureCancelsItsSiblings) {
  const auto node = Joined();
  const ExecutionKey key = Started(*node, Workflow("three", R"json({"StartAt": "P", "States": {
      "P": {"Type": "Parallel", "Next": "N", "Branches": [
        {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "a", "End": true}}},
        {"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": "b", "End": true}}},
        {"StartAt": "C", "States": {"C": {"Type": "Task", "Resource": "c", "End": true}}}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "N"}]},
      "N": {"Type": "Task", "Resource": "last", "End": true}}})json"),
                                   "e");
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 3; }));
  node->calls[1].done(AslError{.name = "Bad"});
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 4; }));
  EXPECT_THAT(node->cancelled,
              UnorderedElementsAre(node->calls[0].context.call_id, node->calls[2].context.call_id));
  node->calls[3].done(Json(1));
  EXPECT_TRUE(node->DriveUntil([&] { return Row(key).execution.ended_at.has_value(); }));
  EXPECT_THAT(node->cancelled, SizeIs(2));
}

TEST_F(CancellingTest, AnExpressExecutionsEndCancelsWhatIsUnderWay) {
  const auto node = Joined();
  const ExecutionKey key = Started(*node, Workflow("two", kTwoTasks, WorkflowType::kExpress), "e");
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 1; }));
  Answer stopped;
  node->Stop(key, &stopped);
  ASSERT_TRUE(node->DriveUntil([&] { return stopped.came(); }));
  EXPECT_THAT(node->cancelled, ElementsAre(node->calls[0].context.call_id));
}

TEST_F(CancellingTest, AStopDropsWhatHasNotGoneOut) {
  HandDrivenNode node(&storage_, &workflows_);
  node.node.SeeToken(storage_.token());
  node.node.ExtendDeadline(storage_.Now());
  node.lane->inbox().Post(lane_message::ForgetAll{.token = storage_.token()});
  Answer started;
  const ExecutionKey key = node.Start(Workflow("two"), "e", started.Done());
  Answer stopped;
  for (int i = 0; i < 1000 && !started.came(); ++i) node.lane->RunOnce(absl::Milliseconds(10));
  node.Stop(key, &stopped);
  for (int i = 0; i < 1000 && !stopped.came(); ++i) node.lane->RunOnce(absl::Milliseconds(10));
  ASSERT_TRUE(stopped.status().ok()) << stopped.status();
  node.Turn();
  EXPECT_THAT(node.calls, IsEmpty());
  EXPECT_THAT(node.cancelled, IsEmpty());
}

TEST_F(CancellingTest, ATaskWhoseStopAnotherDatabaseLostGoesOutAgain) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  const MemoryStorage::Standby standby = storage_.Replicate();
  Answer stopped;
  node->Stop(key, &stopped);
  ASSERT_TRUE(node->DriveUntil([&] { return stopped.came(); }));
  storage_.FailOver(standby);
  node->Beat();
  ASSERT_TRUE(node->Compare().ok());
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 2; }));
  EXPECT_NE(node->calls[1].context.call_id, node->calls[0].context.call_id);
  node->calls[0].done(AslError{.name = kCancelledError});
  node->calls.pop_front();
  EXPECT_TRUE(Ends(*node, key));
  EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kSucceeded);
}

TEST_F(CancellingTest, WhatIsAnothersIsCancelledHere) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  const NodeIncarnation rival{Uuid::Random()};
  storage_.GiveTo(key, rival);
  storage_.AppendAs({.node = rival, .batch = 1}, key);
  Answer stopped;
  node->Stop(key, &stopped);
  ASSERT_TRUE(node->DriveUntil([&] { return stopped.came(); }));
  EXPECT_THAT(node->HeldClaims(), IsEmpty());
  EXPECT_THAT(node->cancelled, ElementsAre(node->calls[0].context.call_id));
}

TEST_F(CancellingTest, WhatIsQuarantinedIsCancelled) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  storage_.Refuse(key);
  Answer stopped;
  node->Stop(key, &stopped);
  ASSERT_TRUE(node->DriveUntil([&] { return stopped.came(); }));
  EXPECT_THAT(node->quarantined, ElementsAre(key));
  EXPECT_THAT(node->cancelled, ElementsAre(node->calls[0].context.call_id));
}

}  // namespace
}  // namespace millrace
