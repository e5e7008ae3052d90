#include "tests/db/fixture.h"

namespace millrace::db {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class PgClaimsTest : public StorageTest {
 protected:
  std::vector<Claim> Checked(absl::StatusOr<std::vector<Claim>> claims) {
    EXPECT_TRUE(claims.ok()) << claims.status();
    return *claims;
  }
  void Fence(const ExecutionKey& key, int64_t seq) {
    WriteBatch batch = Batch();
    batch.appends = {{.key = key, .seq = seq, .fence = true}};
    ASSERT_TRUE(storage_.Write(batch).ok());
  }
};

TEST_F(PgClaimsTest, TakesWhatADeadNodeHeld) {
  const ExecutionKey dead = Started("a", other_);
  Started("b");
  const auto claims = Checked(storage_.ClaimLost(me_, {me_}, 10));
  ASSERT_THAT(claims, SizeIs(1));
  EXPECT_EQ(claims[0].key, dead);
  EXPECT_EQ(claims[0].claims, 1);
  EXPECT_EQ(claims[0].losses, 0);  // it died after its start was committed
  EXPECT_THAT(Checked(storage_.ClaimLost(me_, {me_}, 10)), IsEmpty());
}

TEST_F(PgClaimsTest, LeavesWhatLivingNodesHold) {
  Started("a", other_);
  EXPECT_THAT(Checked(storage_.ClaimLost(me_, {me_, other_}, 10)), IsEmpty());
}

TEST_F(PgClaimsTest, CountsADeathBeforeTheFenceAsALoss) {
  const NodeIncarnation third{Uuid::Random()};
  const ExecutionKey key = Started("a", other_);
  EXPECT_EQ(Checked(storage_.ClaimLost(third, {third}, 10))[0].losses, 0);
  EXPECT_EQ(Checked(storage_.ClaimLost(me_, {me_}, 10))[0].losses, 1);
  Fence(key, 2);
  EXPECT_EQ(Checked(storage_.ClaimLost(other_, {other_}, 10))[0].losses, 0) << "it was fenced";
}

TEST_F(PgClaimsTest, TakesOnlySoMany) {
  for (int i = 0; i < 5; ++i) Started(absl::StrCat("e", i), other_);
  EXPECT_THAT(Checked(storage_.ClaimLost(me_, {me_}, 3)), SizeIs(3));
  EXPECT_THAT(Checked(storage_.ClaimLost(me_, {me_}, 3)), SizeIs(2));
}

TEST_F(PgClaimsTest, TakesWhatWasReleasedAtOnceAndCountsNoLoss) {
  const ExecutionKey key = Started("a", other_);
  Checked(storage_.ClaimLost(me_, {me_}, 10));
  ASSERT_TRUE(storage_.Release(me_, {key}, absl::ZeroDuration()).ok());
  EXPECT_EQ(ReadOne(key).owner, std::nullopt);
  const auto claims = Checked(storage_.ClaimDue(other_, 10));
  ASSERT_THAT(claims, SizeIs(1));
  EXPECT_EQ(claims[0].claims, 2);
  EXPECT_EQ(claims[0].losses, 0);
}

TEST_F(PgClaimsTest, LeavesWhatIsNotDue) {
  const ExecutionKey key = Started("a");
  ASSERT_TRUE(storage_.Release(me_, {key}, absl::ZeroDuration()).ok());
  database_.Query("UPDATE executions SET wake_at = now() + interval '1 h'");
  EXPECT_THAT(Checked(storage_.ClaimDue(me_, 10)), IsEmpty());
  EXPECT_THAT(Checked(storage_.ClaimKeys(me_, {key})), SizeIs(1));  // by key: whatever its time
}

TEST_F(PgClaimsTest, ClaimsKeysThatAreItsOwnOrNobodys) {
  const ExecutionKey mine = Started("mine"), theirs = Started("theirs", other_);
  const ExecutionKey ended = Started("ended");
  WriteBatch batch = Batch();
  batch.appends = {{.key = ended, .seq = 2, .end = Succeeded()}};
  ASSERT_TRUE(storage_.Write(batch).ok());
  const auto claims = Checked(storage_.ClaimKeys(me_, {theirs, mine, ended}));
  ASSERT_THAT(claims, SizeIs(1));
  EXPECT_EQ(claims[0].key, mine);
  // Its own mark: the answer of its first claim was lost, but nobody died.
  EXPECT_EQ(Checked(storage_.ClaimKeys(me_, {mine}))[0].losses, 0);
}

TEST_F(PgClaimsTest, ReadsWhatItOwns) {
  const ExecutionKey key = Started("a");
  Started("b", other_);
  const auto owned = storage_.ReadOwned(me_);
  ASSERT_TRUE(owned.ok()) << owned.status();
  EXPECT_EQ(owned->token, token_);
  ASSERT_THAT(owned->claims, SizeIs(1));
  EXPECT_EQ(owned->claims[0].key, key);
  const auto nothing = storage_.ReadOwned({Uuid::Random()});
  ASSERT_TRUE(nothing.ok()) << nothing.status();
  EXPECT_EQ(nothing->token, token_);
  EXPECT_THAT(nothing->claims, IsEmpty());
}

TEST_F(PgClaimsTest, AQuarantinedExecutionIsTakenUpByNobody) {
  const ExecutionKey key = Started("a");
  ASSERT_TRUE(storage_.Quarantine(me_, key, "why").ok());
  EXPECT_EQ(ReadOne(key).status, ExecutionStatus::kQuarantined);
  EXPECT_EQ(ReadOne(key).error, "why");
  EXPECT_THAT(Checked(storage_.ClaimDue(me_, 10)), IsEmpty());
  EXPECT_THAT(Checked(storage_.ClaimLost(me_, {me_}, 10)), IsEmpty());
  EXPECT_THAT(Checked(storage_.ClaimKeys(me_, {key})), IsEmpty());
}

TEST_F(PgClaimsTest, NobodyQuarantinesWhatAnotherOwns) {
  const ExecutionKey key = Started("a", other_);
  ASSERT_TRUE(storage_.Quarantine(me_, key, "why").ok());
  ASSERT_TRUE(storage_.Release(me_, {key}, absl::ZeroDuration()).ok());
  EXPECT_EQ(ReadOne(key).owner, other_);
  EXPECT_EQ(ReadOne(key).status, ExecutionStatus::kRunning);
}

TEST_F(PgClaimsTest, HeartbeatsGrow) {
  ASSERT_TRUE(storage_.Beat(me_, "moved:2").ok());
  auto nodes = storage_.ReadNodes();
  ASSERT_TRUE(nodes.ok()) << nodes.status();
  ASSERT_THAT(*nodes, SizeIs(1));
  EXPECT_EQ(nodes->at(0).node, me_);
  EXPECT_EQ(nodes->at(0).beats, 2);
  EXPECT_EQ(nodes->at(0).address, "moved:2");
  ASSERT_TRUE(storage_.RemoveNodes({me_}).ok());
  nodes = storage_.ReadNodes();
  EXPECT_THAT(*nodes, IsEmpty());
}

TEST_F(PgClaimsTest, PartitionsAreMadeOnceHoweverManyAsk) {
  std::vector<std::thread> askers;
  for (int i = 0; i < 4; ++i) {
    askers.emplace_back([&] {
      const absl::Status status = storage_.EnsurePartitions(30);
      EXPECT_TRUE(status.ok()) << status;
    });
  }
  for (std::thread& asker : askers) asker.join();
  EXPECT_EQ(
      database_.Query("SELECT count(*) FROM pg_inherits WHERE inhparent = 'journal'::regclass"),
      "32");
  WriteBatch batch = Batch();
  batch.starts = {Start("a", {Uuid::AtTime(absl::Now() + absl::Hours(24 * 30 - 1))})};
  EXPECT_TRUE(storage_.Write(batch).ok());
}

TEST_F(PgClaimsTest, ReadsManyExecutionsInOneSnapshot) {
  const ExecutionKey a = Started("a"), b = Started("b");
  Fence(b, 2);
  const auto read = storage_.Read({b, NewKey(), a});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->token, token_);
  ASSERT_THAT(read->executions, SizeIs(2));
  for (const StoredExecution& execution : read->executions) {
    EXPECT_THAT(execution.rows, SizeIs(execution.key == b ? 2 : 1));
    EXPECT_EQ(execution.rows[0].seq, 1);
  }
  const auto none = storage_.Read({});
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(none->token, token_);
}

}  // namespace
}  // namespace millrace::db
