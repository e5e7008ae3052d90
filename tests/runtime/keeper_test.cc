#include "engine/runtime/keeper.h"

#include <chrono>
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
using ::testing::UnorderedElementsAre;
using Call = MemoryStorage::Call;
using When = MemoryStorage::When;

// The bytes of a journal row whose checksum is wrong.
const std::string kGarbage(20, '\0');

// A keeper and the inbox of a lane, which a test reads in the lane's place.
class BareKeeper {
 public:
  BareKeeper(MemoryStorage* storage, Workflows* workflows)
      : node(NodeIncarnation{Uuid::Random()}, "127.0.0.1:1"),
        keeper(&node, &clock, storage, workflows, {&inbox},
               [this](const ExecutionKey&) -> LaneInbox& { return inbox; }) {
    const absl::Status status = keeper.Beat();
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_THAT(TakeAll<lane_message::ForgetAll>(), SizeIs(1));
  }
  const NodeIncarnation& me() const { return node.me(); }

  // All messages of a type that came, in order; the others are dropped.
  template <typename Message>
  std::vector<Message> TakeAll() {
    std::vector<Message> found;
    for (LaneMessage& message : inbox.Take(absl::ZeroDuration())) {
      if (auto* one = std::get_if<Message>(&message)) found.push_back(std::move(*one));
    }
    return found;
  }
  // A compare, while the lane says that it holds `before` and, when asked again, `after`. What it
  // is told to drop.
  std::vector<ExecutionKey> Compare(const std::vector<Claim>& before,
                                    const std::vector<Claim>& after) {
    std::future<absl::Status> compared =
        std::async(std::launch::async, [this] { return keeper.Compare(); });
    std::vector<ExecutionKey> dropped;
    int asked = 0;
    bool is_over = false;
    while (!is_over) {
      is_over = compared.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
      for (LaneMessage& message : inbox.Take(absl::Milliseconds(is_over ? 0 : 1))) {
        if (auto* list = std::get_if<lane_message::ListHeld>(&message)) {
          list->done(asked++ == 0 ? before : after);
        }
        if (auto* drop = std::get_if<lane_message::Drop>(&message)) dropped.push_back(drop->key);
      }
    }
    status = compared.get();
    return dropped;
  }

  Node node;
  SynchronizedClock clock;
  LaneInbox inbox;
  Keeper keeper;
  absl::Status status;  // of the last compare
};

class KeeperTest : public HandDrivenTest {
 protected:
  // A running execution of `owner`.
  ExecutionKey Started(const std::string& execution_id, const NodeIncarnation& owner) {
    if (of_.program == nullptr) of_ = Workflow("two");
    HandDrivenNode node(&storage_, &workflows_);
    node.Beat();
    const ExecutionKey key = HandDrivenTest::Started(node, of_, execution_id);
    Bury(node);
    // Not by a claim: this is nobody's loss.
    EXPECT_TRUE(storage_.Release(node.me(), {key}, absl::ZeroDuration()).ok());
    storage_.GiveTo(key, owner);
    Fence(key, owner);
    return key;
  }
  void Fence(const ExecutionKey& key, const NodeIncarnation& node) {
    WriteBatch batch{.writer = {.node = node, .batch = ++batches_},
                     .token = storage_.token(),
                     .deadline = storage_.Now() + absl::Seconds(60)};
    batch.appends = {
        {.key = key, .seq = static_cast<int64_t>(Journal(key).size()) + 1, .fence = true}};
    const auto outcome = storage_.Write(batch);
    ASSERT_TRUE(outcome.ok() && outcome->appended[0]);
  }
  // As if a node had taken it up and died before its fence, `losses` times.
  void Lose(const ExecutionKey& key, int losses) {
    for (int i = 0; i <= losses; ++i) storage_.GiveTo(key, {Uuid::Random()});
  }
  static std::vector<ExecutionKey> KeysOf(const std::vector<lane_message::TakenUp>& taken) {
    std::vector<ExecutionKey> keys;
    for (const auto& message : taken) keys.push_back(message.folded.key);
    return keys;
  }

  const NodeIncarnation dead_{Uuid::Random()};
  Workflows::Startable of_;
  int64_t batches_ = 1000;
};

TEST_F(KeeperTest, TakesUpWhatADeadNodeHeldAndWhatIsDue) {
  const ExecutionKey lost = Started("lost", dead_), due = Started("due", dead_);
  const ExecutionKey later = Started("later", dead_);
  storage_.Park(due, storage_.Now());
  storage_.Park(later, storage_.Now() + absl::Hours(1));
  BareKeeper bare(&storage_, &workflows_);
  Started("held", bare.me());
  ASSERT_TRUE(bare.keeper.Sweep().ok());
  const auto taken = bare.TakeAll<lane_message::TakenUp>();
  EXPECT_THAT(KeysOf(taken), UnorderedElementsAre(lost, due));
  for (const auto& message : taken) {
    EXPECT_EQ(message.token, storage_.token());
    EXPECT_EQ(message.folded.claims, Row(message.folded.key).execution.claims);
    EXPECT_EQ(message.folded.next_seq, 3);
    EXPECT_EQ(message.fence_guard.use_count(), 0);
  }
  EXPECT_EQ(Row(later).execution.owner, std::nullopt);
  storage_.Advance(absl::Hours(2));
  ASSERT_TRUE(bare.keeper.Sweep().ok());
  EXPECT_THAT(KeysOf(bare.TakeAll<lane_message::TakenUp>()), ElementsAre(later));
}

TEST_F(KeeperTest, LeavesWhatALivingNodeHolds) {
  const NodeIncarnation other{Uuid::Random()};
  ASSERT_TRUE(storage_.Beat(other, "127.0.0.1:2").ok());
  Started("theirs", other);
  BareKeeper bare(&storage_, &workflows_);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(*bare.keeper.Sweep(), 0);
  EXPECT_THAT(bare.TakeAll<lane_message::TakenUp>(), IsEmpty());
}

// What ReadAgain() asked for.

TEST_F(KeeperTest, ComparesBetweenTheSlicesOfALongReading) {
  BareKeeper bare(&storage_, &workflows_);  // whose first heartbeat asks for a compare
  for (int i = 0; i < 700; ++i) bare.keeper.ReadAgain({Uuid::Random()});
  EXPECT_EQ(bare.keeper.ReadAsked(), 300);
  EXPECT_THAT(bare.TakeAll<lane_message::Gone>(), SizeIs(300));
  storage_.FailNext(Call::kReadOwned, absl::UnavailableError("down"));
  bare.Compare({}, {});
  EXPECT_FALSE(bare.status.ok());
  EXPECT_EQ(bare.keeper.ReadAsked(), 300) << "still due, and still one slice in between";
  bare.Compare({}, {});
  EXPECT_TRUE(bare.status.ok()) << bare.status;
  for (int i = 0; i < 700; ++i) bare.keeper.ReadAgain({Uuid::Random()});
  EXPECT_EQ(bare.keeper.ReadAsked(), 800) << "what was put back, and all of the others";
}

// Definitions that were accepted by another version.

TEST_F(KeeperTest, GoesOnWithADefinitionThatBreaksANewRule) {
  const ExecutionKey key = Started("e", dead_);
  catalog_.Redefine(of_.workflow, R"({"StartAt": "A", "Odd": 1, "States": {
      "A": {"Type": "Task", "Resource": "first", "TimeoutSeconds": 1e12, "Next": "B"},
      "B": {"Type": "Task", "Resource": "second", "End": true},
      "Unreachable": {"Type": "Succeed"}}})");
  Workflows later(&catalog_);
  BareKeeper bare(&storage_, &later);
  ASSERT_TRUE(bare.keeper.Sweep().ok());
  EXPECT_THAT(KeysOf(bare.TakeAll<lane_message::TakenUp>()), ElementsAre(key));
  const auto startable = later.FindForStart(of_.workflow.id, 0);
  EXPECT_TRUE(startable.ok()) << startable.status();
}

TEST_F(KeeperTest, SetsAsideWhatCannotBeCompiledAnyMore) {
  const ExecutionKey key = Started("e", dead_);
  catalog_.Redefine(of_.workflow, R"({"StartAt": "A", "States": {"A": {"Type": "Dance"}}})");
  Workflows later(&catalog_);
  BareKeeper bare(&storage_, &later);
  ASSERT_TRUE(bare.keeper.Sweep().ok());
  const auto gone = bare.TakeAll<lane_message::Gone>();
  ASSERT_THAT(gone, SizeIs(1));
  EXPECT_EQ(errors::ReasonOf(gone[0].status), "EXECUTION_QUARANTINED");
  EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kQuarantined);
  EXPECT_THAT(Row(key).execution.error, ::testing::HasSubstr("/States/A/Type: 'Dance'"));
  bare.Compare({}, {});
  EXPECT_EQ(bare.keeper.ReadAsked(), 0) << "and does not come back to it";
  const auto startable = later.FindForStart(of_.workflow.id, 0);
  EXPECT_EQ(errors::ReasonOf(startable.status()), "REVISION_NOT_RUNNABLE");
}

TEST_F(KeeperTest, TellsTheLaneWhoseAnExecutionIs) {
  BareKeeper bare(&storage_, &workflows_);
  const ExecutionKey own = Started("own", bare.me()), nobodys = Started("nobodys", dead_);
  const ExecutionKey others = Started("others", dead_), unknown{Uuid::AtTime(storage_.Now())};
  const ExecutionKey quarantined = Started("quarantined", dead_);
  storage_.Park(nobodys, storage_.Now() + absl::Hours(1));
  ASSERT_TRUE(storage_.Quarantine(dead_, quarantined, "why").ok());
  for (const ExecutionKey& key : {own, nobodys, others, unknown, quarantined, own}) {
    bare.keeper.ReadAgain(key);
  }
  EXPECT_EQ(bare.keeper.ReadAsked(), 5);
  std::vector<ExecutionKey> taken;
  std::map<ExecutionKey, absl::Status> gone;
  for (LaneMessage& message : bare.inbox.Take(absl::ZeroDuration())) {
    if (auto* up = std::get_if<lane_message::TakenUp>(&message)) taken.push_back(up->folded.key);
    if (auto* away = std::get_if<lane_message::Gone>(&message)) gone[away->key] = away->status;
  }
  EXPECT_THAT(taken, UnorderedElementsAre(own, nobodys));
  EXPECT_EQ(gone.size(), 3u);
  EXPECT_EQ(gone[others].code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(gone[unknown].code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(errors::ReasonOf(gone[quarantined]), "EXECUTION_QUARANTINED");
  EXPECT_EQ(Row(nobodys).execution.owner, bare.me());
  EXPECT_EQ(Row(others).execution.owner, dead_);
}

TEST_F(KeeperTest, AsksAgainAfterALostAnswer) {
  BareKeeper bare(&storage_, &workflows_);
  const ExecutionKey key = Started("e", bare.me());
  storage_.FailNext(Call::kClaim, absl::UnknownError("lost"), When::kDone);
  storage_.FailNext(Call::kRead, absl::UnavailableError("no connection"));
  bare.keeper.ReadAgain(key);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bare.keeper.ReadAsked(), 1);
  EXPECT_THAT(KeysOf(bare.TakeAll<lane_message::TakenUp>()), ElementsAre(key));
  EXPECT_EQ(bare.keeper.ReadAsked(), 0);
}

TEST_F(KeeperTest, HandsOutNothingOfAnotherDatabaseBeforeTheHeartbeatTells) {
  BareKeeper bare(&storage_, &workflows_);
  const ExecutionKey key = Started("e", bare.me());
  storage_.Restart();
  bare.keeper.ReadAgain(key);
  EXPECT_EQ(bare.keeper.ReadAsked(), 1);
  EXPECT_THAT(bare.TakeAll<lane_message::TakenUp>(), IsEmpty());
  ASSERT_TRUE(bare.keeper.Beat().ok());
  const auto forget = bare.TakeAll<lane_message::ForgetAll>();
  ASSERT_THAT(forget, SizeIs(1));
  EXPECT_EQ(forget[0].token, storage_.token());
  EXPECT_EQ(bare.keeper.ReadAsked(), 1);
  EXPECT_THAT(KeysOf(bare.TakeAll<lane_message::TakenUp>()), ElementsAre(key));
}

TEST_F(KeeperTest, QuarantinesWhatCannotBeFolded) {
  const ExecutionKey garbage = Started("garbage", dead_), sound = Started("sound", dead_);
  storage_.AppendAs({.node = dead_, .batch = 1}, garbage, kGarbage);
  BareKeeper bare(&storage_, &workflows_);
  ASSERT_TRUE(bare.keeper.Sweep().ok());
  EXPECT_THAT(KeysOf(bare.TakeAll<lane_message::TakenUp>()), ElementsAre(sound));
  EXPECT_EQ(Row(garbage).execution.status, ExecutionStatus::kQuarantined);
  EXPECT_NE(Row(garbage).execution.error, "");
}

// Its lane holds it with whoever waits: they must hear, however it ends.
TEST_F(KeeperTest, TellsTheLaneOfWhatCannotBeTakenUp) {
  for (const bool is_newer : {false, true}) {
    SCOPED_TRACE(is_newer ? "a newer format" : "garbage");
    BareKeeper bare(&storage_, &workflows_);
    const ExecutionKey key = Started(is_newer ? "newer" : "garbage", bare.me());
    storage_.AppendAs({.node = dead_, .batch = 1}, key, kGarbage);
    if (is_newer) storage_.SetFormat(key, 1000);
    bare.keeper.ReadAgain(key);
    bare.keeper.ReadAsked();
    const auto gone = bare.TakeAll<lane_message::Gone>();
    ASSERT_THAT(gone, SizeIs(1));
    EXPECT_EQ(gone[0].key, key);
    EXPECT_FALSE(gone[0].status.ok());
  }
}

TEST_F(KeeperTest, WhatItReleasesForItsFormatDoesNotComeStraightBack) {
  const ExecutionKey key = Started("newer", dead_);
  storage_.AppendAs({.node = dead_, .batch = 1}, key, "in times to come");
  storage_.SetFormat(key, 1000);
  BareKeeper bare(&storage_, &workflows_);
  ASSERT_TRUE(bare.keeper.Sweep().ok());
  EXPECT_EQ(Row(key).execution.owner, std::nullopt);
  EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kRunning);
  const int64_t claims = Row(key).execution.claims;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(bare.keeper.Sweep().ok());
  EXPECT_EQ(Row(key).execution.claims, claims);
}

// Losses.

TEST_F(KeeperTest, TakesUpWhatWasLostBeforeOneAtATimeEachAfterTheFenceOfTheOneBefore) {
  std::vector<ExecutionKey> risky;
  for (int i = 0; i < 3; ++i) risky.push_back(Started(absl::StrCat("risky", i), dead_));
  for (const ExecutionKey& key : risky) Lose(key, 0);
  const ExecutionKey sound = Started("sound", dead_);
  BareKeeper bare(&storage_, &workflows_);
  ASSERT_TRUE(bare.keeper.Sweep().ok());
  EXPECT_THAT(KeysOf(bare.TakeAll<lane_message::TakenUp>()), ElementsAre(sound));
  std::vector<ExecutionKey> seen;
  for (int i = 0; i < 3; ++i) {
    bare.keeper.TakeUpRisky();
    bare.keeper.TakeUpRisky();
    auto taken = bare.TakeAll<lane_message::TakenUp>();
    ASSERT_THAT(taken, SizeIs(1));
    EXPECT_EQ(taken[0].fence_guard.use_count(), 1);
    seen.push_back(taken[0].folded.key);
    bare.keeper.TakeUpRisky();
    EXPECT_THAT(bare.TakeAll<lane_message::TakenUp>(), IsEmpty()) << "its fence is outstanding";
  }
  EXPECT_THAT(seen, UnorderedElementsAre(risky[0], risky[1], risky[2]));
}

TEST_F(KeeperTest, ALaneLetsTheNextOneGoWithTheFence) {
  std::vector<ExecutionKey> risky{Started("a", dead_), Started("b", dead_)};
  for (const ExecutionKey& key : risky) Lose(key, 0);
  const auto node = Joined();
  const auto fence = storage_.BlockNext(Call::kWrite);
  ASSERT_TRUE(node->keeper->Sweep().ok());
  node->Turn();
  ASSERT_TRUE(fence->AwaitCall());
  for (int i = 0; i < 3; ++i) node->Turn();
  EXPECT_EQ(node->HeldClaims().size(), 1u);
  fence->Open();
  ASSERT_TRUE(node->DriveUntil([&] { return node->calls.size() == 2; }));
  for (const ExecutionKey& key : risky) EXPECT_EQ(Row(key).execution.losses, 0);
}

TEST_F(KeeperTest, QuarantinesWhatWasLostThreeTimes) {
  const ExecutionKey poison = Started("poison", dead_), twice = Started("twice", dead_);
  Lose(poison, 2);
  Lose(twice, 1);
  BareKeeper bare(&storage_, &workflows_);
  ASSERT_TRUE(bare.keeper.Sweep().ok());
  storage_.FailNext(Call::kQuarantine, absl::UnavailableError("no connection"));
  std::vector<ExecutionKey> taken;
  for (int i = 0; i < 4; ++i) {
    bare.keeper.TakeUpRisky();
    for (const ExecutionKey& key : KeysOf(bare.TakeAll<lane_message::TakenUp>())) {
      taken.push_back(key);
    }
  }
  EXPECT_THAT(taken, ElementsAre(twice));
  EXPECT_EQ(Row(poison).execution.status, ExecutionStatus::kQuarantined);
  EXPECT_EQ(Row(poison).execution.owner, std::nullopt);
}

// The node dies while it takes up the first of three: the others were not under way.
TEST_F(KeeperTest, WhatWaitsInLineIsNotLost) {
  std::vector<ExecutionKey> risky;
  for (int i = 0; i < 3; ++i) risky.push_back(Started(absl::StrCat("risky", i), dead_));
  for (const ExecutionKey& key : risky) Lose(key, 0);
  {
    BareKeeper bare(&storage_, &workflows_);
    ASSERT_TRUE(bare.keeper.Sweep().ok());
    bare.keeper.TakeUpRisky();
    EXPECT_THAT(bare.inbox.Take(absl::ZeroDuration()), SizeIs(1));
    ASSERT_TRUE(storage_.RemoveNodes({bare.me()}).ok());
  }
  const auto claims = storage_.ClaimLost(dead_, {dead_}, 10);
  ASSERT_THAT(*claims, SizeIs(3));
  std::vector<int> losses;
  for (const Claim& claim : *claims) losses.push_back(claim.losses);
  EXPECT_THAT(losses, UnorderedElementsAre(1, 1, 2));
}

// The compare finds what a claim with a lost answer took: that is as risky as if it had been told.
TEST_F(KeeperTest, WhatWasLostBeforeIsTakenUpOneAtATimeAlsoAfterALostAnswer) {
  std::vector<ExecutionKey> risky{Started("a", dead_), Started("b", dead_)};
  for (const ExecutionKey& key : risky) Lose(key, 0);
  BareKeeper bare(&storage_, &workflows_);
  storage_.FailNext(Call::kClaim, absl::OkStatus());  // of what is due
  storage_.FailNext(Call::kClaim, absl::UnknownError("lost"), When::kDone);
  EXPECT_FALSE(bare.keeper.Sweep().ok());
  EXPECT_EQ(Row(risky[0]).execution.owner, bare.me());
  EXPECT_THAT(bare.Compare({}, {}), IsEmpty());
  bare.keeper.ReadAsked();
  bare.keeper.TakeUpRisky();
  EXPECT_THAT(KeysOf(bare.TakeAll<lane_message::TakenUp>()), SizeIs(1));
}

// The compare.

TEST_F(KeeperTest, ComparesWhatItOwnsWithWhatItHolds) {
  BareKeeper bare(&storage_, &workflows_);
  const ExecutionKey held = Started("held", bare.me()), missed = Started("missed", bare.me());
  const ExecutionKey old = Started("old", bare.me()), read = Started("read", bare.me());
  const ExecutionKey deposed = Started("deposed", dead_), ended = Started("ended", dead_);
  const auto claims = [&](const ExecutionKey& key) { return Row(key).execution.claims; };
  const std::vector<Claim> before = {{.key = held, .claims = claims(held)},
                                     {.key = old, .claims = claims(old) - 1},
                                     {.key = read, .claims = kBeingRead},
                                     {.key = deposed, .claims = 1},
                                     {.key = ended, .claims = 1}};
  std::vector<Claim> after = before;
  after.pop_back();
  EXPECT_THAT(bare.Compare(before, after), ElementsAre(deposed));
  EXPECT_TRUE(bare.status.ok()) << bare.status;
  EXPECT_EQ(bare.keeper.ReadAsked(), 2);
  EXPECT_THAT(KeysOf(bare.TakeAll<lane_message::TakenUp>()), UnorderedElementsAre(missed, old));
  EXPECT_EQ(bare.node.lease().deadline, storage_.Now() + absl::Seconds(60));
}

TEST_F(KeeperTest, AChangeWhileItComparesIsNoDifference) {
  BareKeeper bare(&storage_, &workflows_);
  const ExecutionKey came = Started("came", bare.me()), went = Started("went", bare.me());
  const ExecutionKey left = Started("left", dead_), claimed = Started("claimed", dead_);
  const auto claim = [&](const ExecutionKey& key) {
    return Claim{.key = key, .claims = Row(key).execution.claims};
  };
  EXPECT_THAT(bare.Compare({claim(went), claim(left), {.key = claimed, .claims = 1}},
                           {claim(came), {.key = claimed, .claims = 2}}),
              IsEmpty());
  EXPECT_EQ(bare.keeper.ReadAsked(), 0);
}

TEST_F(KeeperTest, ComparesNothingWithAnotherDatabase) {
  BareKeeper bare(&storage_, &workflows_);
  const ExecutionKey key = Started("e", dead_);
  const absl::Time deadline = bare.node.lease().deadline;
  storage_.Restart();
  EXPECT_THAT(bare.Compare({{.key = key, .claims = 1}}, {{.key = key, .claims = 1}}), IsEmpty());
  EXPECT_EQ(bare.status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(bare.node.lease().deadline, deadline);
}

TEST_F(KeeperTest, ALaneForgetsWhatTheTableGivesToAnother) {
  if (of_.program == nullptr) of_ = Workflow("two");
  const auto node = Joined();
  const ExecutionKey key = HandDrivenTest::Started(*node, of_, "e");
  ASSERT_TRUE(node->Compare().ok());
  EXPECT_EQ(node->HeldClaims().size(), 1u);
  storage_.GiveTo(key, dead_);
  ASSERT_TRUE(node->Compare().ok());
  ASSERT_TRUE(node->DriveUntil([&] { return node->HeldClaims().empty(); }));
  EXPECT_EQ(Row(key).execution.owner, dead_);
}

TEST_F(KeeperTest, HeartbeatsTellTheClockAndTheToken) {
  BareKeeper bare(&storage_, &workflows_);
  EXPECT_TRUE(bare.node.MayDispatch());
  storage_.Advance(absl::Hours(1));
  ASSERT_TRUE(bare.keeper.Beat().ok());
  EXPECT_GE(bare.clock.Now(), storage_.Now());
  EXPECT_LT(bare.clock.Now(), storage_.Now() + absl::Minutes(1));
  EXPECT_THAT(bare.TakeAll<lane_message::ForgetAll>(), IsEmpty()) << "the same database";
  storage_.FailNext(Call::kBeat, absl::UnavailableError("no connection"));
  EXPECT_FALSE(bare.keeper.Beat().ok());
}

}  // namespace
}  // namespace millrace
