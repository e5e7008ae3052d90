#include "engine/runtime/task_queues.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace millrace {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr int64_t kSecond = 1'000'000'000;

class TaskQueuesTest : public ::testing::Test {
 protected:
  using Session = std::shared_ptr<TaskQueues::Session>;

  static TaskId Task(int64_t event_id) { return {.key = kKey, .event_id = event_id}; }

  void Offer(int64_t event_id, const std::string& queue = "q", bool may_be_held = false,
             std::optional<absl::Duration> heartbeat = std::nullopt,
             const std::string& project = "p") {
    queues_.Offer({QueuedTask{.id = Task(event_id),
                              .project = project,
                              .queue = queue,
                              .payload = Json(event_id),
                              .heartbeat = heartbeat,
                              .may_be_held = may_be_held}});
    queues_.Flush();
  }

  Session Open(int64_t items_max, std::vector<std::string> queues = {"q"},
               std::vector<TaskId> held = {}) {
    return queues_.Open({.project = "p",
                         .queues = std::move(queues),
                         .items_max = items_max,
                         .held = std::move(held),
                         .wake = [this] { ++wakes_; }});
  }

  // The event ids of the items that it is given.
  std::vector<int64_t> Items(const Session& session) {
    std::vector<int64_t> ids;
    for (const auto& item : queues_.Take(*session, 1 << 20).items) ids.push_back(item->id.event_id);
    return ids;
  }

  void Answer(const Session& session, int64_t event_id, int64_t number = 1) {
    std::vector<WorkerResult> results;
    results.push_back({.task = Task(event_id), .number = number, .outcome = Json(event_id)});
    queues_.TakeResults(session, std::move(results));
  }

  void Pass(double seconds) {
    nanos_ += static_cast<int64_t>(seconds * kSecond);
    queues_.Tick();
  }

  static inline const ExecutionKey kKey{Uuid::Random()};
  int64_t nanos_ = kSecond;
  int wakes_ = 0;
  std::vector<GivenEvent> events_;
  TaskQueues queues_{{.lease = absl::Seconds(5), .steady_nanos = [this] { return nanos_; }},
                     [this](std::vector<std::pair<ExecutionKey, GivenEvent>> events) {
                       for (auto& [key, event] : events) events_.push_back(std::move(event));
                     }};
};

TEST_F(TaskQueuesTest, GivesInOrderUpToWhatAWorkerCanHold) {
  for (int64_t id = 1; id <= 4; ++id) Offer(id);
  const Session session = Open(2);
  EXPECT_THAT(Items(session), ElementsAre(1, 2));
  EXPECT_THAT(Items(session), IsEmpty());
  Answer(session, 1);
  EXPECT_EQ(wakes_, 1);
  EXPECT_THAT(Items(session), ElementsAre(3));
  queues_.Close(session);
}

TEST_F(TaskQueuesTest, SharesAmongWorkersInTurn) {
  const Session one = Open(10);
  const Session two = Open(10);
  for (int64_t id = 1; id <= 4; ++id) Offer(id);
  EXPECT_THAT(Items(one), SizeIs(2));
  EXPECT_THAT(Items(two), SizeIs(2));
  queues_.Close(one);
  queues_.Close(two);
}

TEST_F(TaskQueuesTest, ServesQueuesInTurnAndOnlyThoseOfTheProject) {
  for (int64_t id = 1; id <= 3; ++id) Offer(id, "a");
  Offer(4, "b");
  Offer(5, "a", false, std::nullopt, "other");
  const Session session = Open(2, {"a", "b"});
  EXPECT_THAT(Items(session), UnorderedElementsAre(1, 4));
  Answer(session, 4);
  Answer(session, 1);
  EXPECT_THAT(Items(session), UnorderedElementsAre(2, 3));
  queues_.Close(session);
}

TEST_F(TaskQueuesTest, HandsOnWhatASilentWorkerHeld) {
  const Session lost = Open(10);
  Offer(1);
  EXPECT_THAT(Items(lost), ElementsAre(1));
  const Session other = Open(10);
  Pass(4);
  queues_.Hear(*lost, {});
  queues_.Hear(*other, {});
  Pass(4);
  queues_.Hear(*other, {});
  EXPECT_THAT(Items(other), IsEmpty());
  Pass(2);
  EXPECT_THAT(Items(other), ElementsAre(1));
  EXPECT_TRUE(absl::IsUnavailable(queues_.Take(*lost, 1 << 20).end.value()));
  queues_.Close(lost);
  queues_.Close(other);
}

TEST_F(TaskQueuesTest, KeepsWhatABrokenStreamHeldForALease) {
  Session session = Open(10);
  Offer(1);
  EXPECT_THAT(Items(session), ElementsAre(1));
  queues_.Close(session);
  const Session other = Open(10);
  Pass(4);
  EXPECT_THAT(Items(other), IsEmpty());
  // Its worker is back, and says so.
  session = Open(10, {"q"}, {Task(1)});
  Pass(2);
  queues_.Hear(*session, {});
  EXPECT_THAT(Items(other), IsEmpty());
  EXPECT_THAT(Items(session), IsEmpty());
  queues_.Close(session);
  queues_.Hear(*other, {});
  Pass(6);
  const Session third = Open(10);
  EXPECT_THAT(Items(third), ElementsAre(1));
  queues_.Close(third);
  queues_.Close(other);
}

// What was not even sent need not wait.
TEST_F(TaskQueuesTest, HandsOnAtOnceWhatABrokenStreamWasNotSent) {
  const Session session = Open(10);
  const Session other = Open(10);  // has nothing to do
  Offer(1);
  queues_.Close(session);
  EXPECT_THAT(Items(other), ElementsAre(1));
  queues_.Close(other);
}

TEST_F(TaskQueuesTest, FillsTheRoomThatAnOldResultLeaves) {
  const Session session = Open(1, {"q"}, {Task(1)});  // has sent its result on an earlier stream
  Offer(2);
  EXPECT_THAT(Items(session), IsEmpty());
  Answer(session, 1);
  EXPECT_THAT(Items(session), ElementsAre(2));
  queues_.Close(session);
}

// A connection may be dead for its worker, which has a new one, and not yet for the server.
TEST_F(TaskQueuesTest, BelievesAWorkerWhoseEarlierStreamSeemsToLive) {
  const Session before = Open(10);
  Offer(1, "q", false, absl::Seconds(2));
  EXPECT_THAT(Items(before), ElementsAre(1));
  const Session now = Open(10, {"q"}, {Task(1)});
  const Session other = Open(10);
  for (int i = 0; i < 7; ++i) {
    Pass(1);
    queues_.Hear(*now, {Task(1)});
    queues_.Hear(*other, {});
  }
  EXPECT_TRUE(queues_.Take(*before, 1 << 20).end.has_value());
  EXPECT_THAT(Items(other), IsEmpty());
  EXPECT_THAT(events_, IsEmpty());
  for (const Session& session : {before, now, other}) queues_.Close(session);
}

TEST_F(TaskQueuesTest, TakesNoSilenceForDeathWhileItDoesNotListen) {
  const Session session = Open(10);
  queues_.SetPaused(*session, true);
  Pass(60);
  EXPECT_FALSE(queues_.Take(*session, 1 << 20).end.has_value());
  queues_.SetPaused(*session, false);
  Pass(6);
  EXPECT_TRUE(queues_.Take(*session, 1 << 20).end.has_value());
  queues_.Close(session);
}

TEST_F(TaskQueuesTest, ForgetsWithoutAWord) {
  const Session session = Open(1);
  Offer(1);
  Offer(2);
  EXPECT_THAT(Items(session), ElementsAre(1));
  queues_.Forget(Task(1));
  const WorkerMail mail = queues_.Take(*session, 1 << 20);
  EXPECT_THAT(mail.cancelled, IsEmpty());
  EXPECT_THAT(mail.items, SizeIs(1));
  queues_.Close(session);
}

TEST_F(TaskQueuesTest, WaitsForTheWorkerOfATaskThatIsOfferedAgain) {
  const Session session = Open(10);
  Offer(1, "q", /*may_be_held=*/true);
  Offer(2, "q", /*may_be_held=*/true);
  EXPECT_THAT(Items(session), IsEmpty());
  const Session holder = Open(10, {"q"}, {Task(2)});
  Pass(4);
  queues_.Hear(*session, {});
  queues_.Hear(*holder, {});
  Pass(2);
  EXPECT_THAT(Items(session), ElementsAre(1));
  EXPECT_THAT(Items(holder), IsEmpty());
  queues_.Close(session);
  queues_.Close(holder);
}

TEST_F(TaskQueuesTest, BelievesAWorkerThatComesBeforeItsTaskIsOffered) {
  const Session holder = Open(10, {"q"}, {Task(1)});
  const Session other = Open(10);
  Offer(1, "q", /*may_be_held=*/true);
  Pass(4);
  queues_.Hear(*holder, {});
  queues_.Hear(*other, {});
  Pass(4);
  EXPECT_THAT(Items(other), IsEmpty());
  EXPECT_THAT(Items(holder), IsEmpty());
  queues_.Close(holder);
  queues_.Close(other);
}

TEST_F(TaskQueuesTest, OffersATaskOnce) {
  Offer(1);
  Offer(1);
  const Session session = Open(10);
  EXPECT_THAT(Items(session), ElementsAre(1));
  queues_.Close(session);
}

TEST_F(TaskQueuesTest, PassesResultsOnWithTheirReceipts) {
  const Session session = Open(1);
  Offer(1);
  Answer(session, 1, 17);
  ASSERT_THAT(events_, SizeIs(1));
  EXPECT_EQ(std::get<TaskSucceeded>(events_[0].what).event_id, 1);
  EXPECT_THAT(queues_.Take(*session, 1 << 20).acknowledged, IsEmpty());
  events_[0].Settle(/*is_final=*/true, [] { return absl::InternalError("nobody asks"); });
  queues_.Flush();
  EXPECT_THAT(queues_.Take(*session, 1 << 20).acknowledged, ElementsAre(17));
  // Also of a task that is not known here: another server may have given it out.
  Answer(session, 2, 18);
  ASSERT_THAT(events_, SizeIs(2));
  events_[1].Settle(/*is_final=*/false, [] { return absl::InternalError("nobody asks"); });
  EXPECT_THAT(queues_.Take(*session, 1 << 20).returned, ElementsAre(18));
  queues_.Close(session);
}

TEST_F(TaskQueuesTest, TellsTheWorkerThatATaskIsOver) {
  const Session session = Open(1);
  Offer(1);
  Offer(2);
  Offer(3);
  EXPECT_THAT(Items(session), ElementsAre(1));
  queues_.Cancel(Task(2));  // waits
  queues_.Cancel(Task(1));
  const WorkerMail mail = queues_.Take(*session, 1 << 20);
  EXPECT_THAT(mail.cancelled, ElementsAre(Task(1)));
  ASSERT_THAT(mail.items, SizeIs(1));
  EXPECT_EQ(mail.items[0]->id, Task(3));
  queues_.Close(session);
}

TEST_F(TaskQueuesTest, DoesNotSendWhatIsOverBeforeItWasSent) {
  const Session session = Open(1);
  Offer(1);
  queues_.Cancel(Task(1));
  EXPECT_THAT(Items(session), IsEmpty());
  queues_.Close(session);
}

TEST_F(TaskQueuesTest, FailsATaskWhoseHeartbeatIsMissed) {
  const Session session = Open(10);
  Offer(1, "q", false, absl::Seconds(2));
  Offer(2, "q", false, absl::Seconds(2));
  EXPECT_THAT(Items(session), ElementsAre(1, 2));
  Pass(1.5);
  queues_.Hear(*session, {Task(1)});
  EXPECT_THAT(events_, IsEmpty());
  Pass(1);
  ASSERT_THAT(events_, SizeIs(1));
  EXPECT_EQ(std::get<HeartbeatMissed>(events_[0].what).event_id, 2);
  EXPECT_THAT(queues_.Take(*session, 1 << 20).cancelled, ElementsAre(Task(2)));
  queues_.Close(session);
}

// The clock of a heartbeat begins when a worker has the task.
TEST_F(TaskQueuesTest, WaitsWithoutHeartbeats) {
  Offer(1, "q", false, absl::Seconds(2));
  Pass(60);
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(TaskQueuesTest, FillsMessagesByTheirSize) {
  const Session session = Open(100);
  for (int64_t id = 1; id <= 10; ++id) Offer(id);
  EXPECT_THAT(queues_.Take(*session, 1000).items, SizeIs(3));
  EXPECT_THAT(queues_.Take(*session, 1).items, SizeIs(1));
  EXPECT_THAT(queues_.Take(*session, 1 << 20).items, SizeIs(6));
  queues_.Close(session);
}

TEST_F(TaskQueuesTest, EndsSessionsWhenItShutsDown) {
  const Session session = Open(1);
  queues_.Shutdown(absl::UnavailableError("over"));
  EXPECT_EQ(queues_.Take(*session, 1).end->message(), "over");
  EXPECT_TRUE(queues_.Take(*Open(1), 1).end.has_value());
  queues_.Close(session);
}

TEST(TaskTokensTest, ReadsWhatItMade) {
  TaskTokens tokens(std::string(32, 'k'), "p");
  const TaskId task{.key = {Uuid::Random()},
                    .event_id = 1'234'567,
                    .writer = {.node = {Uuid::Random()}, .batch = -1},
                    .claims = int64_t{1} << 62};
  EXPECT_EQ(tokens.Read(tokens.Make(task)), task);
  EXPECT_EQ(tokens.Make(task), tokens.Make(task));
}

TEST(TaskTokensTest, RefusesWhatItHasNotMade) {
  TaskTokens tokens(std::string(32, 'k'), "p");
  const std::string token = tokens.Make({.key = {Uuid::Random()}, .event_id = 7});
  for (size_t i = 0; i < token.size(); ++i) {
    SCOPED_TRACE(i);
    std::string forged = token;
    forged[i] = static_cast<char>(forged[i] ^ 1);
    EXPECT_EQ(tokens.Read(forged), std::nullopt);
    EXPECT_EQ(tokens.Read(token.substr(0, i)), std::nullopt);
  }
  EXPECT_EQ(tokens.Read(token + "x"), std::nullopt);
  EXPECT_EQ(TaskTokens(std::string(32, 'k'), "q").Read(token), std::nullopt);
  EXPECT_EQ(TaskTokens(std::string(32, 'j'), "p").Read(token), std::nullopt);
}

}  // namespace
}  // namespace millrace
