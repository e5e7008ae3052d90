// Races, doubt and events: what becomes of a row that a lane wants to write.
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

class LaneTest : public HandDrivenTest {
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

TEST_F(LaneTest, SaysAndDoesNothingBeforeTheCommit) {
  const auto node = Joined();
  const auto gate = storage_.BlockNext(Call::kWrite, When::kDone);
  Answer started;
  const ExecutionKey key = node->Start(Workflow("two"), "e", started.Done());
  node->Turn();
  ASSERT_TRUE(gate->AwaitCall());
  node->Turn();
  EXPECT_FALSE(started.came());
  EXPECT_THAT(node->calls, IsEmpty());
  gate->Open();
  ASSERT_TRUE(node->DriveUntil([&] { return started.came() && !node->calls.empty(); }));
  EXPECT_TRUE(started.status().ok()) << started.status();
  EXPECT_EQ(started.view().status, ExecutionStatus::kRunning);
  const InvocationContext& context = node->calls.front().context;
  EXPECT_EQ(context.idempotency_key,
            IdempotencyKey(key, context.event_id, {.node = node->me(), .batch = 1}));
  EXPECT_TRUE(Ends(*node, key));
  EXPECT_THAT(node->HeldClaims(), IsEmpty());
}

TEST_F(LaneTest, TasksWaitWhileOthersMayTakeTheNodeForDead) {
  HandDrivenNode node(&storage_, &workflows_);
  node.node.SeeToken(storage_.token());
  node.node.ExtendDeadline(storage_.Now());
  node.lane->inbox().Post(lane_message::ForgetAll{.token = storage_.token()});
  Answer started;
  node.Start(Workflow("two"), "e", started.Done());
  for (int i = 0; i < 1000 && !started.came(); ++i) node.lane->RunOnce(absl::Milliseconds(10));
  ASSERT_TRUE(started.came());
  node.lane->RunOnce(absl::ZeroDuration());
  EXPECT_THAT(node.calls, IsEmpty()) << "no heartbeat was ever confirmed";
  node.Turn();
  EXPECT_THAT(node.calls, SizeIs(1));
}

TEST_F(LaneTest, EventsOfAnExecutionInABatchUnderWayWaitForIt) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node), other = AtFirstTask(*node, "other");
  const size_t before = storage_.batches().size();
  const auto gate = storage_.BlockNext(Call::kWrite, When::kDone);
  Answer first, stopped, other_stopped;
  node->Give(key, Succeeded(node->calls[0].context.event_id, first.Done()));
  node->Turn();
  ASSERT_TRUE(gate->AwaitCall());
  node->Stop(key, &stopped);
  node->Stop(other, &other_stopped);  // is stepped beside, and gathered for the next batch
  for (int i = 0; i < 3; ++i) node->Turn();
  EXPECT_FALSE(first.came());
  EXPECT_FALSE(stopped.came());
  EXPECT_THAT(storage_.batches(), SizeIs(before + 1)) << "one batch at a time";
  gate->Open();
  ASSERT_TRUE(node->DriveUntil([&] { return stopped.came() && other_stopped.came(); }));
  EXPECT_TRUE(first.status().ok()) << first.status();
  EXPECT_EQ(stopped.view().status, ExecutionStatus::kAborted);
  ASSERT_THAT(Journal(key), SizeIs(3));
  EXPECT_EQ(TimesOf(key, EventType::kTaskSucceeded), 1);
}

TEST_F(LaneTest, FindsItsOwnRowAfterALostAnswerAndGoesOn) {
  for (const When when : {When::kDone, When::kNotDone}) {
    SCOPED_TRACE(when == When::kDone ? "done" : "not done");
    const auto node = Joined();
    const ExecutionKey key = AtFirstTask(*node, absl::StrCat("e", static_cast<int>(when)));
    storage_.FailNext(Call::kWrite, absl::UnknownError("lost"), when);
    node->calls[0].done(Json(1));
    ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 2; }));
    EXPECT_THAT(node->read_again, IsEmpty()) << "it lost no race";
    EXPECT_THAT(Journal(key), SizeIs(2));
    EXPECT_TRUE(Ends(*node, key));
  }
}

TEST_F(LaneTest, AStartIsDurableOnceAfterALostAnswer) {
  const auto node = Joined();
  storage_.FailNext(Call::kWrite, absl::UnknownError("lost"), When::kDone);
  const ExecutionKey key = AtFirstTask(*node);
  EXPECT_THAT(Journal(key), SizeIs(1));
  EXPECT_THAT(node->lost_starts, IsEmpty());
}

TEST_F(LaneTest, AStartWhoseNameIsTakenIsResolved) {
  const auto node = Joined();
  AtFirstTask(*node);
  Answer started;
  const ExecutionKey loser = node->Start(two_tasks_, "e", started.Done());
  ASSERT_TRUE(node->DriveUntil([&] { return !node->lost_starts.empty(); }));
  EXPECT_EQ(node->lost_starts[0]->key, loser);
  EXPECT_FALSE(started.came());
  EXPECT_THAT(node->calls, SizeIs(1));
  EXPECT_THAT(node->HeldClaims(), SizeIs(1));
}

// After a lost race the owner decides.

TEST_F(LaneTest, GoesOnWithItsOwnAfterALostRace) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  storage_.AppendAs({.node = {Uuid::Random()}, .batch = 1}, key);
  Answer stopped;
  node->Stop(key, &stopped);
  ASSERT_TRUE(node->DriveUntil([&] { return stopped.came(); }));
  EXPECT_TRUE(stopped.status().ok()) << stopped.status();
  EXPECT_EQ(stopped.view().status, ExecutionStatus::kAborted);
  EXPECT_EQ(Row(key).execution.claims, 1);
  EXPECT_EQ(Journal(key).back().writer.node, node->me());
  EXPECT_TRUE(Journal(key).back().terminal);
}

TEST_F(LaneTest, ClaimsWhatIsNobodysAfterALostRace) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  storage_.AppendAs({.node = {Uuid::Random()}, .batch = 1}, key);
  storage_.Park(key, storage_.Now() + absl::Hours(1));
  const int64_t task = node->calls[0].context.event_id;
  Answer succeeded;
  node->Give(key, Succeeded(task, succeeded.Done()));
  ASSERT_TRUE(node->DriveUntil([&] { return succeeded.came(); }));
  EXPECT_TRUE(succeeded.status().ok()) << succeeded.status();
  EXPECT_EQ(Row(key).execution.owner, node->me());
  EXPECT_EQ(TimesOf(key, EventType::kTaskSucceeded), 1);
}

TEST_F(LaneTest, ForgetsWhatIsAnothersAfterALostRace) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  const NodeIncarnation rival{Uuid::Random()};
  storage_.GiveTo(key, rival);
  storage_.AppendAs({.node = rival, .batch = 1}, key);
  Answer stopped;
  node->Stop(key, &stopped);
  ASSERT_TRUE(node->DriveUntil([&] { return stopped.came(); }));
  EXPECT_EQ(stopped.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(node->HeldClaims(), IsEmpty());
  EXPECT_EQ(Row(key).execution.owner, rival);
  EXPECT_THAT(Journal(key), SizeIs(2));
  // A late answer of its own dispatch asks for nothing.
  const int reads = storage_.CallsOf(Call::kRead);
  node->calls[0].done(Json(1));
  node->Turn();
  node->Turn();
  EXPECT_EQ(storage_.CallsOf(Call::kRead), reads);
}

TEST_F(LaneTest, QuarantinesTheOneExecutionWhoseRowIsRefused) {
  const auto node = Joined();
  std::vector<ExecutionKey> keys;
  for (int i = 0; i < 5; ++i) keys.push_back(AtFirstTask(*node, absl::StrCat("e", i)));
  storage_.Refuse(keys[2]);
  std::vector<Answer> answers(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) node->Stop(keys[i], &answers[i]);
  ASSERT_TRUE(node->DriveUntil([&] {
    return std::all_of(answers.begin(), answers.end(), [](const Answer& a) { return a.came(); });
  }));
  EXPECT_THAT(node->quarantined, ElementsAre(keys[2]));
  for (size_t i = 0; i < keys.size(); ++i) {
    SCOPED_TRACE(i);
    if (i == 2) continue;
    EXPECT_TRUE(answers[i].status().ok()) << answers[i].status();
    EXPECT_EQ(Row(keys[i]).execution.status, ExecutionStatus::kAborted);
  }
  EXPECT_EQ(errors::ReasonOf(answers[2].status()), "EXECUTION_QUARANTINED");
  EXPECT_EQ(Row(keys[2]).execution.status, ExecutionStatus::kQuarantined);
}

// Another database.

TEST_F(LaneTest, KeepsEventsOfABatchThatAnotherDatabaseLost) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  const MemoryStorage::Standby standby = storage_.Replicate();
  const auto gate = storage_.BlockNext(Call::kWrite, When::kDone, absl::UnknownError("failover"));
  Answer stopped;
  node->Stop(key, &stopped);
  node->Turn();
  ASSERT_TRUE(gate->AwaitCall());
  storage_.FailOver(standby);
  gate->Open();
  ASSERT_TRUE(node->DriveUntil([&] { return !node->read_again.empty(); }));
  EXPECT_FALSE(stopped.came()) << "the journal does not say so";
  EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kRunning);
  node->Beat();
  ASSERT_TRUE(node->DriveUntil([&] { return stopped.came(); }));
  EXPECT_TRUE(stopped.status().ok()) << stopped.status();
  EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kAborted);
  EXPECT_TRUE(Journal(key).back().terminal);
}

TEST_F(LaneTest, ReadsWhatStandsOfABatchInDoubtInAnotherDatabase) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  const auto gate = storage_.BlockNext(Call::kWrite, When::kDone, absl::UnknownError("restart"));
  node->calls[0].done(Json(1));
  node->Turn();
  ASSERT_TRUE(gate->AwaitCall());
  storage_.Restart();
  gate->Open();
  ASSERT_TRUE(node->DriveUntil([&] { return !node->read_again.empty(); }));
  node->Beat();
  // The result stands: what goes out is the second task.
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 2; }));
  EXPECT_EQ(node->calls[1].function.function, "second");
  EXPECT_EQ(TimesOf(key, EventType::kTaskSucceeded), 1);
  EXPECT_TRUE(Ends(*node, key));
}

TEST_F(LaneTest, AnAnswerToATaskThatAnotherDatabaseLostIsNoAnswerToTheNextOfItsId) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  const MemoryStorage::Standby standby = storage_.Replicate();
  node->calls[0].done(Json(1));
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 2; }));
  storage_.FailOver(standby);
  node->Beat();
  // The first task goes out again; its end gives the id of the lost second task to another.
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 3; }));
  EXPECT_EQ(node->calls[2].function.function, "first");
  node->calls[1].done(Json("an answer to what never was"));
  node->calls[2].done(Json(2));
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 4; }));
  EXPECT_EQ(node->calls[3].function.function, "second");
  EXPECT_FALSE(Row(key).execution.ended_at.has_value());
}

TEST_F(LaneTest, AStartInDoubtIsSentAgainToAnotherDatabase) {
  const Workflows::Startable of = Workflow("two");
  for (const bool loses : {true, false}) {
    SCOPED_TRACE(loses ? "it is lost" : "it stands");
    const auto node = Joined();
    const MemoryStorage::Standby standby = storage_.Replicate();
    const auto gate = storage_.BlockNext(Call::kWrite, When::kDone, absl::UnknownError("gone"));
    Answer started;
    const ExecutionKey key = node->Start(of, loses ? "a" : "b", started.Done());
    node->Turn();
    ASSERT_TRUE(gate->AwaitCall());
    loses ? storage_.FailOver(standby) : storage_.Restart();
    gate->Open();
    const size_t before = storage_.batches().size();
    ASSERT_TRUE(node->DriveUntil([&] { return storage_.batches().size() > before; }));
    EXPECT_FALSE(started.came());
    node->Beat();
    ASSERT_TRUE(node->DriveUntil([&] { return started.came() || !node->lost_starts.empty(); }));
    EXPECT_EQ(started.came(), loses) << "if it stands, its name tells";
    EXPECT_THAT(Journal(key), SizeIs(1));
  }
}

// The answer to a start comes after the news that there is another database, which lacks it: it
// must not be told "ok", and nothing may be appended to what is not there.
TEST_F(LaneTest, AStartThatAnotherDatabaseLacksIsNotAcknowledged) {
  const auto node = Joined();
  const Workflows::Startable of = Workflow("two");
  const MemoryStorage::Standby standby = storage_.Replicate();
  const auto gate = storage_.BlockNext(Call::kWrite, When::kDone);
  Answer started;
  const ExecutionKey key = node->Start(of, "e", started.Done());
  node->Turn();
  ASSERT_TRUE(gate->AwaitCall());
  storage_.FailOver(standby);
  node->Beat();
  gate->Open();
  ASSERT_TRUE(node->DriveUntil([&] { return started.came() && !node->calls.empty(); }));
  EXPECT_TRUE(storage_.Find(key).has_value()) << "acknowledged, and not there";
  node->calls[0].done(Json(1));
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 2; }));
  const auto writers = storage_.ReadWriters({{key, 1}, {key, 2}});
  EXPECT_TRUE(writers->writers[0].has_value()) << "a gap: row 2 without row 1";
  EXPECT_TRUE(writers->writers[1].has_value());
}

TEST_F(LaneTest, AnAppendThatAnotherDatabaseLacksIsNotAcknowledged) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  const MemoryStorage::Standby standby = storage_.Replicate();
  const auto gate = storage_.BlockNext(Call::kWrite, When::kDone);
  Answer stopped;
  node->Stop(key, &stopped);
  node->Turn();
  ASSERT_TRUE(gate->AwaitCall());
  storage_.FailOver(standby);
  node->Beat();
  gate->Open();
  ASSERT_TRUE(node->DriveUntil([&] { return stopped.came(); }));
  EXPECT_TRUE(stopped.status().ok()) << stopped.status();
  EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kAborted);
}

// What a duplicate is.

TEST_F(LaneTest, DropsADuplicate) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  const int64_t task = node->calls[0].context.event_id;
  node->calls[0].done(Json(1));
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 2; }));
  const size_t before = storage_.batches().size();
  Answer again;
  node->Give(key, Succeeded(task, again.Done()));
  ASSERT_TRUE(node->DriveUntil([&] { return again.came(); }));
  EXPECT_TRUE(again.status().ok()) << "what it says is journaled already";
  EXPECT_THAT(storage_.batches(), SizeIs(before));
  EXPECT_THAT(node->read_again, IsEmpty());
  EXPECT_TRUE(Ends(*node, key));
  EXPECT_EQ(TimesOf(key, EventType::kTaskSucceeded), 2);
}

TEST_F(LaneTest, AnIdThatWasNotGivenOutMakesItReadAgainAndIsThenDropped) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  Answer unknown, stopped;
  node->Give(key, Succeeded(1000, unknown.Done()));
  ASSERT_TRUE(node->DriveUntil([&] { return Row(key).execution.claims == 1; }));
  node->Stop(key, &stopped);
  ASSERT_TRUE(node->DriveUntil([&] { return stopped.came(); }));
  EXPECT_THAT(node->read_again, SizeIs(1)) << "once";
  EXPECT_FALSE(unknown.came() && unknown.status().ok()) << "nobody has acknowledged it";
}

// It holds an old snapshot: a rival took the execution up, scheduled the second task and let go.
TEST_F(LaneTest, AnIdThatAnotherNodeGaveOutIsTakenAfterReadingAgain) {
  const auto old = Joined();
  const ExecutionKey key = AtFirstTask(*old);
  auto rival = Joined();
  Bury(*old);
  ASSERT_TRUE(rival->SweepUntil([&] { return rival->calls.size() == 1; }));
  rival->calls[0].done(Json(1));
  ASSERT_TRUE(rival->DriveUntil([&] { return rival->calls.size() == 2; }));
  const int64_t second = rival->calls[1].context.event_id;
  ASSERT_TRUE(storage_.Release(rival->me(), {key}, absl::ZeroDuration()).ok());
  Answer succeeded;
  old->Give(key, Succeeded(second, succeeded.Done()));
  ASSERT_TRUE(old->DriveUntil([&] { return succeeded.came(); }));
  EXPECT_TRUE(succeeded.status().ok()) << succeeded.status();
  EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kSucceeded);
}

// Long steps.

// A state that takes more than a lane gives a step.
constexpr absl::string_view kLong = R"json({"Type": "Pass", "QueryLanguage": "JSONata", "End": true,
    "Output": "{% $sum([1..100000].($ * 2)) %}"})json";

TEST_F(LaneTest, ALongStepGoesToTheSpareThreadAndTheLaneGoesOn) {
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

TEST_F(LaneTest, ALongStepIsMadeAgainOnTheSnapshotOfAnotherDatabase) {
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

TEST_F(LaneTest, WhoeverWaitsForALongStepIsAnsweredWhateverBecomesOfIt) {
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
TEST_F(LaneTest, AStepThatDoesNotEndFailsItsExecution) {
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

TEST_F(LaneTest, ForgetsWhoNoLongerWaitsForAnEnd) {
  const auto node = Joined();
  const ExecutionKey key = AtFirstTask(*node);
  Answer patient, impatient, never_there;
  const auto stays = std::make_shared<EndWaiter>(patient.Done());
  const auto goes = std::make_shared<EndWaiter>(impatient.Done());
  const auto late = std::make_shared<EndWaiter>(never_there.Done());
  for (const auto& waiter : {stays, goes}) {
    waiter->GoTo(key);
    node->lane->inbox().Post(lane_message::AwaitEnd{.key = key, .waiter = waiter});
  }
  node->Turn();
  EXPECT_EQ(goes.use_count(), 2);
  EXPECT_EQ(goes->GiveUp().key, key);
  node->lane->inbox().Post(lane_message::ForgetWaiters{.key = key});
  late->GiveUp();  // on its way to the lane
  node->lane->inbox().Post(lane_message::AwaitEnd{.key = key, .waiter = late});
  node->Turn();
  EXPECT_EQ(stays.use_count(), 2);
  EXPECT_EQ(goes.use_count(), 1);
  EXPECT_EQ(late.use_count(), 1);
  EXPECT_TRUE(Ends(*node, key));
  EXPECT_TRUE(node->DriveUntil([&] { return patient.came(); }));
  EXPECT_TRUE(patient.status().ok()) << patient.status();
  EXPECT_FALSE(impatient.came());
}

TEST_F(LaneTest, MuchWorkGoesIntoSeveralRowsAndOthersGetTheirTurn) {
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
TEST_F(LaneTest, ALongExpressExecutionTakesTurnsWithMessages) {
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

TEST_F(LaneTest, WorkIsGoneOnWithByWhoeverTakesItUp) {
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
