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

// A worker sends its result once more while the first one is on its way to the journal. If that
// gets lost with this node, the worker must still have it.
TEST_F(LaneTest, AcknowledgesARepeatedResultOnlyWithTheRowOfTheFirst) {
  const auto node = Joined();
  const Workflows::Startable of = Workflow("queued", R"json({"StartAt": "A", "States": {
      "A": {"Type": "Task", "Resource": "queue:q", "End": true}}})json");
  const auto session = node->queues.Open(
      {.project = of.workflow.id.project, .queues = {"q"}, .items_max = 10, .wake = [] {}});
  Started(*node, of, "e");
  std::vector<std::shared_ptr<const QueuedTask>> items;
  ASSERT_TRUE(node->DriveUntil([&] {
    items = node->queues.Take(*session, 1 << 20).items;
    return !items.empty();
  }));
  const auto gate = storage_.BlockNext(MemoryStorage::Call::kWrite);
  Answer other;
  node->Start(of, "other", other.Done());
  node->Turn();  // its row keeps the committer busy
  for (const int64_t number : {1, 2}) {
    std::vector<WorkerResult> results;
    results.push_back({.task = items[0]->id, .number = number, .outcome = Json(1)});
    node->queues.TakeResults(session, std::move(results));
    node->Turn();
  }
  EXPECT_THAT(node->queues.Take(*session, 1 << 20).acknowledged, IsEmpty());
  gate->Open();
  std::vector<int64_t> acknowledged;
  ASSERT_TRUE(node->DriveUntil([&] {
    const WorkerMail mail = node->queues.Take(*session, 1 << 20);
    acknowledged.insert(acknowledged.end(), mail.acknowledged.begin(), mail.acknowledged.end());
    return acknowledged.size() == 2;
  }));
  node->queues.Close(session);
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

}  // namespace
}  // namespace millrace
