// What a lane does with executions that its keeper takes up: fences, tasks that go out again,
// EXPRESS executions that run again.
#include <algorithm>

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

class TakingUpTest : public HandDrivenTest {
 protected:
  // An execution whose first task is under way at `node`.
  ExecutionKey AtFirstTask(HandDrivenNode& node, const std::string& execution_id = "e") {
    if (two_tasks_.program == nullptr) two_tasks_ = Workflow("two");
    const size_t before = node.calls.size();
    const ExecutionKey key = Started(node, two_tasks_, execution_id);
    EXPECT_TRUE(node.DriveUntil([&] { return node.calls.size() > before; }));
    return key;
  }

  Workflows::Startable two_tasks_;
};

TEST_F(TakingUpTest, WinsAnAppendBeforeItDispatchesAnything) {
  auto dead = Joined();
  const ExecutionKey key = AtFirstTask(*dead);
  const std::string idempotency_key = dead->calls[0].context.idempotency_key;
  Bury(*dead);
  dead.reset();
  const auto node = Joined();
  const auto gate = storage_.BlockNext(Call::kWrite);
  ASSERT_TRUE(node->keeper->Sweep().ok());
  node->Turn();
  ASSERT_TRUE(gate->AwaitCall());
  node->Turn();
  EXPECT_THAT(node->calls, IsEmpty());
  EXPECT_TRUE(Row(key).unfenced);
  gate->Open();
  ASSERT_TRUE(node->DriveUntil([&] { return !node->calls.empty(); }));
  EXPECT_EQ(node->calls[0].function.function, "first");
  EXPECT_EQ(node->calls[0].context.idempotency_key, idempotency_key);
  EXPECT_FALSE(Row(key).unfenced);
  ASSERT_THAT(Journal(key), SizeIs(2));
  EXPECT_EQ(Journal(key)[1].events, "");
  EXPECT_EQ(Journal(key)[1].writer.node, node->me());
}

TEST_F(TakingUpTest, TakesItsFenceForWonAfterALostAnswer) {
  auto dead = Joined();
  const ExecutionKey key = AtFirstTask(*dead);
  Bury(*dead);
  const auto node = Joined();
  storage_.FailNext(Call::kWrite, absl::UnknownError("lost"), When::kDone);
  ASSERT_TRUE(node->SweepUntil([&] { return !node->calls.empty(); }));
  EXPECT_THAT(Journal(key), SizeIs(2));
  EXPECT_THAT(node->read_again, IsEmpty());
}

// The append of the node that was taken for dead travels on, and lands where the fence was to be.
TEST_F(TakingUpTest, ReadsAgainAfterALostFence) {
  const auto zombie = Joined();
  const ExecutionKey key = AtFirstTask(*zombie);
  const auto late_append = storage_.BlockNext(Call::kWrite);
  zombie->calls[0].done(Json(1));
  zombie->Turn();
  ASSERT_TRUE(late_append->AwaitCall());
  Bury(*zombie);

  const auto node = Joined();
  const auto fence = storage_.BlockNext(Call::kWrite);
  ASSERT_TRUE(node->keeper->Sweep().ok());
  node->Turn();
  ASSERT_TRUE(fence->AwaitCall());
  late_append->Open();
  ASSERT_TRUE(zombie->DriveUntil([&] { return zombie->calls.size() == 2; }));
  fence->Open();
  ASSERT_TRUE(node->DriveUntil([&] { return !node->calls.empty(); }));
  EXPECT_EQ(node->calls[0].function.function, "second") << "it has seen the late append";
  EXPECT_EQ(node->calls[0].context.idempotency_key, zombie->calls[1].context.idempotency_key);
  ASSERT_THAT(Journal(key), SizeIs(3));
  EXPECT_EQ(Journal(key)[1].writer.node, zombie->me());
  EXPECT_EQ(Journal(key)[2].writer.node, node->me());

  // The zombie's next append loses: it forgets, and the other goes on.
  zombie->calls[1].done(Json(2));
  ASSERT_TRUE(zombie->DriveUntil([&] { return zombie->HeldClaims().empty(); }));
  EXPECT_THAT(Journal(key), SizeIs(3));
  node->calls[0].done(Json(2));
  ASSERT_TRUE(node->DriveUntil([&] { return Row(key).execution.ended_at.has_value(); }));
  EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kSucceeded);
}

TEST_F(TakingUpTest, LosesManyFencesAndDispatchesOnlyAfterTheOneItWins) {
  auto dead = Joined();
  const ExecutionKey key = AtFirstTask(*dead);
  Bury(*dead);
  const auto node = Joined();
  ASSERT_TRUE(node->keeper->Sweep().ok());
  for (int64_t i = 1; i <= 3; ++i) {
    const auto fence = storage_.BlockNext(Call::kWrite);
    node->Turn();
    ASSERT_TRUE(fence->AwaitCall());
    storage_.AppendAs({.node = dead->me(), .batch = 100 + i}, key);
    fence->Open();
    ASSERT_TRUE(
        node->DriveUntil([&] { return node->read_again.size() == static_cast<size_t>(i); }));
    EXPECT_THAT(node->calls, IsEmpty());
  }
  ASSERT_TRUE(node->DriveUntil([&] { return !node->calls.empty(); }));
  EXPECT_EQ(node->calls.size(), 1u);
}

TEST_F(TakingUpTest, AnEventThatComesBeforeTheFenceIsPartOfIt) {
  auto dead = Joined();
  const ExecutionKey key = AtFirstTask(*dead);
  Bury(*dead);
  const auto node = Joined();
  ASSERT_TRUE(node->keeper->Sweep().ok());
  Answer stopped;
  node->Stop(key, &stopped);  // after TakenUp, before the batch
  ASSERT_TRUE(node->DriveUntil([&] { return stopped.came(); }));
  EXPECT_TRUE(stopped.status().ok()) << stopped.status();
  EXPECT_THAT(Journal(key), SizeIs(2));
  EXPECT_TRUE(Journal(key)[1].terminal);
  EXPECT_FALSE(Row(key).unfenced);
  EXPECT_THAT(node->calls, IsEmpty());
}

TEST_F(TakingUpTest, AnEventForWhatItDoesNotHoldMakesItTakeUpWhatIsItsOwn) {
  auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  ASSERT_TRUE(storage_.Release(node->me(), {key}, absl::ZeroDuration()).ok());
  const auto other = Joined();
  Answer stopped;
  other->Stop(key, &stopped);
  ASSERT_TRUE(other->DriveUntil([&] { return stopped.came(); }));
  EXPECT_TRUE(stopped.status().ok()) << stopped.status();
  EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kAborted);
  // And what is not there, or another's, is told.
  Answer unknown, others;
  other->Stop({Uuid::AtTime(storage_.Now())}, &unknown);
  other->Stop(AtFirstTask(*node, "other"), &others);
  ASSERT_TRUE(other->DriveUntil([&] { return unknown.came() && others.came(); }));
  EXPECT_FALSE(unknown.status().ok());
  EXPECT_EQ(others.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(other->HeldClaims(), IsEmpty());
}

TEST_F(TakingUpTest, TellsWhoeverWaitsForAnEndThatItFinds) {
  auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  Answer stopped, late, waiting;
  node->Stop(key, &stopped);
  ASSERT_TRUE(node->DriveUntil([&] { return stopped.came(); }));
  node->lane->inbox().Post(
      lane_message::AwaitEnd{.key = key, .waiter = std::make_shared<EndWaiter>(waiting.Done())});
  node->Stop(key, &late);
  ASSERT_TRUE(node->DriveUntil([&] { return waiting.came() && late.came(); }));
  EXPECT_EQ(waiting.view().status, ExecutionStatus::kAborted);
  EXPECT_EQ(errors::ReasonOf(late.status()), "EXECUTION_ENDED");
  EXPECT_THAT(node->HeldClaims(), IsEmpty());
}

// It reads its own execution again while its task is under way: the task goes out once.
TEST_F(TakingUpTest, DispatchesATaskOnceWithinOneIncarnation) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  const int64_t task = node->calls[0].context.event_id;
  node->Give(key, {.what = TaskSucceeded{.event_id = 1000}});
  ASSERT_TRUE(node->DriveUntil([&] { return Journal(key).size() == 2; }));
  Answer duplicate;  // whatever goes out with the fence is out when this is answered
  node->Give(key, {.what = TaskSucceeded{.event_id = 1}, .done = duplicate.Done()});
  ASSERT_TRUE(node->DriveUntil([&] { return duplicate.came(); }));
  EXPECT_EQ(node->calls.size(), 1u);
  node->calls[0].done(Json(1));
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.back().context.event_id > task; }));
  EXPECT_EQ(node->calls.back().function.function, "second");
}

// A database that was only restarted still has the row that scheduled the task.
TEST_F(TakingUpTest, WaitsForATaskThatWentOutBeforeTheDatabaseWasRestarted) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  storage_.Restart();
  node->Beat();
  ASSERT_TRUE(node->DriveUntil([&] { return Journal(key).size() == 2; }));
  node->calls[0].done(Json(1));
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 2; }));
  EXPECT_EQ(node->calls[1].function.function, "second");
}

TEST_F(TakingUpTest, DispatchesNoTaskWhoseAnswerCameWhileTheFenceWasCommitted) {
  const auto node = Joined();
  AtFirstTask(*node);
  storage_.Restart();
  const auto gate = storage_.BlockNext(testing::MemoryStorage::Call::kWrite);
  node->Beat();
  for (int i = 0; i < 20; ++i) node->Turn();
  ASSERT_TRUE(gate->AwaitCall());
  node->calls[0].done(Json(1));
  node->Turn();
  gate->Open();
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.back().function.function == "second"; }));
  EXPECT_EQ(node->calls.size(), 2u);
}

// The event id of a task whose row was lost names another task afterwards.
TEST_F(TakingUpTest, TakesNoResultOfATaskThatAFailoverHasLost) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  const auto standby = storage_.Replicate();
  node->calls[0].done(Json(1));
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 2; }));
  storage_.FailOver(standby);
  node->Beat();
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 3; }));
  EXPECT_EQ(node->calls[2].context.idempotency_key, node->calls[0].context.idempotency_key);
  node->calls[2].done(Json(1));
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 4; }));
  EXPECT_EQ(node->calls[3].context.event_id, node->calls[1].context.event_id);
  EXPECT_NE(node->calls[3].context.idempotency_key, node->calls[1].context.idempotency_key);
  node->calls[1].done(Json("from before"));
  node->calls[3].done(Json(2));
  ASSERT_TRUE(node->DriveUntil([&] { return Row(key).execution.ended_at.has_value(); }));
  const std::vector<EventType> types = History(key);
  EXPECT_EQ(std::count(types.begin(), types.end(), EventType::kTaskSucceeded), 2);
}

// EXPRESS.

TEST_F(TakingUpTest, AnExpressExecutionRunsAgainFromItsBeginning) {
  const Workflows::Startable of = Workflow("express", kTwoTasks, WorkflowType::kExpress);
  auto dead = Joined();
  const ExecutionKey key = Started(*dead, of, "e");
  ASSERT_THAT(Journal(key), SizeIs(1));
  EXPECT_THAT(History(key), ElementsAre(EventType::kExecutionStarted));
  ASSERT_TRUE(dead->DriveUntil([&] { return dead->calls.size() == 1; }));
  dead->calls[0].done(Json(1));
  ASSERT_TRUE(dead->DriveUntil([&] { return dead->calls.size() == 2; }));
  EXPECT_THAT(Journal(key), SizeIs(1)) << "its steps are not journaled";
  Bury(*dead);
  const InvocationContext before = dead->calls[0].context;
  dead.reset();

  const auto node = Joined();
  ASSERT_TRUE(node->SweepUntil([&] { return node->calls.size() == 1; }));
  EXPECT_THAT(Journal(key), SizeIs(2)) << "the fence";
  EXPECT_EQ(node->calls[0].function.function, "first");
  EXPECT_NE(node->calls[0].context.idempotency_key, before.idempotency_key) << "another run";
  EXPECT_EQ(node->calls[0].context.idempotency_key,
            IdempotencyKey(key, node->calls[0].context.event_id, 1));
  node->calls[0].done(Json(1));
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 2; }));
  Answer ended;
  node->lane->inbox().Post(
      lane_message::AwaitEnd{.key = key, .waiter = std::make_shared<EndWaiter>(ended.Done())});
  node->calls[1].done(Json(2));
  ASSERT_TRUE(node->DriveUntil([&] { return ended.came(); }));
  EXPECT_EQ(ended.view().output, "2");
  ASSERT_THAT(Journal(key), SizeIs(3));
  EXPECT_TRUE(Journal(key)[2].terminal);
  const std::vector<EventType> types = History(key);
  EXPECT_EQ(std::count(types.begin(), types.end(), EventType::kExecutionStarted), 1);
  EXPECT_EQ(std::count(types.begin(), types.end(), EventType::kTaskSucceeded), 2);
}

TEST_F(TakingUpTest, AnExpressExecutionsEarlierRunIsNotAnswered) {
  const Workflows::Startable of = Workflow("express", kTwoTasks, WorkflowType::kExpress);
  for (const bool is_other_database : {false, true}) {
    SCOPED_TRACE(is_other_database ? "another database" : "a lost race");
    const auto node = Joined();
    const ExecutionKey key = Started(*node, of, is_other_database ? "a" : "b");
    ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 1; }));
    if (is_other_database) {
      storage_.Restart();
      node->Beat();
    } else {
      storage_.AppendAs({.node = {Uuid::Random()}, .batch = 1}, key);
      node->calls[0].done(Json(1));
      ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 2; }));
      node->calls[1].done(Json(2));  // its end meets the rival's row
      node->calls.pop_front();
    }
    ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 2; }));
    EXPECT_EQ(node->calls[1].function.function, "first");
    node->calls[0].done(Json("of the first run"));
    node->calls[1].done(Json(3));
    ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 3; }));
    EXPECT_EQ(node->calls[2].payload, Json(3));
    node->calls[2].done(Json(4));
    ASSERT_TRUE(node->DriveUntil([&] { return Row(key).execution.ended_at.has_value(); }));
    EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kSucceeded);
  }
}

TEST_F(TakingUpTest, OfTwoRunsOfAnExpressExecutionTheJournalTakesOneEnd) {
  const Workflows::Startable of = Workflow("express", kTwoTasks, WorkflowType::kExpress);
  const auto zombie = Joined();
  const ExecutionKey key = Started(*zombie, of, "e");
  ASSERT_TRUE(zombie->DriveUntil([&] { return zombie->calls.size() == 1; }));
  Bury(*zombie);
  const auto node = Joined();
  ASSERT_TRUE(node->SweepUntil([&] { return node->calls.size() == 1; }));
  Answer stopped;
  zombie->Stop(key, &stopped);
  ASSERT_TRUE(zombie->DriveUntil([&] { return stopped.came(); }));
  EXPECT_EQ(stopped.status().code(), absl::StatusCode::kUnavailable) << "another's by now";
  EXPECT_FALSE(Row(key).execution.ended_at.has_value());
  node->calls[0].done(Json(1));
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 2; }));
}

}  // namespace
}  // namespace millrace
