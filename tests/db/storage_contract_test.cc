// What the runtime relies on in its storage, asked of PostgreSQL and of the memory one that its
// tests use: what those tests show, they show of the real one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "db/pg_catalog.h"
#include "db/pg_storage.h"
#include "tests/support/memory_storage.h"
#include "tests/support/postgres.h"

namespace millrace {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// A storage, and what the port itself cannot do to it.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual ExecutionStorage& storage() = 0;
  virtual void AddWorkflow(const Uuid& key) = 0;
  virtual void DeleteWorkflow(const Uuid& key) = 0;
  virtual void Park(const ExecutionKey& key, absl::Time wake_at) = 0;
};

class MemorySubject : public Subject {
 public:
  ExecutionStorage& storage() override { return storage_; }
  void AddWorkflow(const Uuid& key) override { storage_.AddWorkflow(key, "default", "order"); }
  void DeleteWorkflow(const Uuid& key) override { storage_.DeleteWorkflow(key); }
  void Park(const ExecutionKey& key, absl::Time wake_at) override { storage_.Park(key, wake_at); }

 private:
  testing::MemoryStorage storage_;
};

class PostgresSubject : public Subject {
 public:
  ExecutionStorage& storage() override { return storage_; }
  void AddWorkflow(const Uuid& key) override {
    WorkflowRow workflow{.workflow_key = key,
                         .id = {.project = "default", .workflow = "order"},
                         .revision = 1,
                         .etag = "1"};
    workflow.created_at = workflow.updated_at = absl::Now();
    const RevisionRow revision{.workflow_key = key,
                               .revision = 1,
                               .language = "ASL",
                               .definition = "{}",
                               .created_at = absl::Now()};
    const auto created = catalog_.CreateWorkflow(workflow, revision, {});
    EXPECT_TRUE(created.ok()) << created.status();
  }
  void DeleteWorkflow(const Uuid&) override {
    EXPECT_TRUE(catalog_.DeleteWorkflow({"default", "order"}, "", true, {}).ok());
  }
  void Park(const ExecutionKey& key, absl::Time wake_at) override {
    database_.Query(absl::StrCat("UPDATE executions SET owner = NULL, wake_at = '",
                                 absl::FormatTime(wake_at, absl::UTCTimeZone()),
                                 "' WHERE execution_key = '", key.uuid.ToString(), "'"));
  }

 private:
  testing::TestDatabase database_;
  db::PgStorage storage_{&database_.pool()};
  db::PgCatalog catalog_{&database_.pool()};
};

struct Maker {
  std::string name;
  std::function<std::unique_ptr<Subject>()> make;
};

class StorageContractTest : public ::testing::TestWithParam<Maker> {
 protected:
  StorageContractTest() {
    subject_->AddWorkflow(workflow_key_);
    const auto beat = storage_.Beat(me_, "127.0.0.1:1");
    EXPECT_TRUE(beat.ok()) << beat.status();
    token_ = beat->token;
    now_ = beat->now;
  }

  ExecutionKey NewKey() const { return {Uuid::AtTime(now_)}; }
  WriteBatch BatchOf(const NodeIncarnation& node) {
    return {.writer = {.node = node, .batch = ++batches_},
            .token = token_,
            .deadline = now_ + absl::Seconds(60)};
  }
  StartRow Start(std::string execution_id, ExecutionKey key) const {
    return {.key = key,
            .workflow_key = workflow_key_,
            .revision_asked = 3,
            .revision = 4,
            .input_hash = std::string(32, 'h'),
            .execution_id = std::move(execution_id),
            .started_at = now_ + absl::Nanoseconds(1500),
            .events = std::string("\0started", 8)};
  }
  StartRow Start(std::string execution_id) const {
    return Start(std::move(execution_id), NewKey());
  }
  ExecutionEnd Failed() const {
    return {.status = ExecutionStatus::kFailed,
            .error = std::string("Not\0Good\xff", 9),
            .at = now_ + absl::Seconds(1)};
  }
  ExecutionKey Started(const std::string& execution_id, const NodeIncarnation& node) {
    WriteBatch batch = BatchOf(node);
    batch.starts = {Start(execution_id)};
    EXPECT_THAT(Written(batch).started, ElementsAre(true));
    return batch.starts[0].key;
  }
  WriteOutcome Written(const WriteBatch& batch) {
    const auto outcome = storage_.Write(batch);
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return outcome.ok() ? *outcome : WriteOutcome{};
  }
  bool Appends(const NodeIncarnation& node, AppendRow row) {
    WriteBatch batch = BatchOf(node);
    batch.appends = {std::move(row)};
    return Written(batch).appended.at(0);
  }
  StoredExecution ReadOne(const ExecutionKey& key) {
    const auto read = storage_.Read({key});
    EXPECT_TRUE(read.ok()) << read.status();
    return read->executions.at(0);
  }
  static std::vector<Claim> Checked(const absl::StatusOr<std::vector<Claim>>& claims) {
    EXPECT_TRUE(claims.ok()) << claims.status();
    return claims.ok() ? *claims : std::vector<Claim>{};
  }
  // `me` is the only node alive, and takes up what it claims.
  std::vector<Claim> Lost(const NodeIncarnation& me) {
    const std::vector<Claim> claims = Checked(storage_.ClaimLost(me, {me}, 10));
    for (const Claim& claim : claims) {
      EXPECT_TRUE(storage_.MarkTakenUp(me, claim).value_or(false));
    }
    return claims;
  }

  const std::unique_ptr<Subject> subject_ = GetParam().make();
  ExecutionStorage& storage_ = subject_->storage();
  const NodeIncarnation me_{Uuid::Random()}, other_{Uuid::Random()}, third_{Uuid::Random()};
  const Uuid workflow_key_ = Uuid::Random();
  DatabaseToken token_;
  absl::Time now_;
  int64_t batches_ = 0;
};

TEST_P(StorageContractTest, AStartIsReadAsItWasWritten) {
  WriteBatch batch = BatchOf(me_);
  batch.starts = {Start("a")};
  EXPECT_TRUE(Written(batch).token_holds);
  const StoredExecution stored = ReadOne(batch.starts[0].key);
  EXPECT_EQ(stored.key, batch.starts[0].key);
  EXPECT_EQ(stored.project, "default");
  EXPECT_EQ(stored.workflow, "order");
  EXPECT_EQ(stored.workflow_key, workflow_key_);
  EXPECT_EQ(stored.revision_asked, 3);
  EXPECT_EQ(stored.revision, 4);
  EXPECT_EQ(stored.execution_id, "a");
  EXPECT_EQ(stored.input_hash, std::string(32, 'h'));
  EXPECT_EQ(stored.status, ExecutionStatus::kRunning);
  EXPECT_EQ(stored.owner, me_);
  EXPECT_EQ(stored.claims, 0);
  EXPECT_EQ(stored.losses, 0);
  EXPECT_EQ(stored.started_at, now_ + absl::Microseconds(1));  // to the microsecond
  EXPECT_EQ(stored.ended_at, std::nullopt);
  ASSERT_THAT(stored.rows, SizeIs(1));
  EXPECT_EQ(stored.rows[0].seq, 1);
  EXPECT_EQ(stored.rows[0].writer, batch.writer);
  EXPECT_EQ(stored.rows[0].format, 1);
  EXPECT_FALSE(stored.rows[0].terminal);
  EXPECT_EQ(stored.rows[0].events, batch.starts[0].events);
}

TEST_P(StorageContractTest, AStartConflictsWithItsName) {
  const ExecutionKey winner = Started("a", other_);
  WriteBatch batch = BatchOf(me_);
  batch.starts = {Start("b"), Start("a"), Start("c")};
  EXPECT_THAT(Written(batch).started, ElementsAre(true, false, true));
  const auto read = storage_.Read({batch.starts[1].key});
  EXPECT_THAT(read->executions, IsEmpty());
  const auto writers = storage_.ReadWriters({{batch.starts[1].key, 1}});
  EXPECT_THAT(writers->writers, ElementsAre(std::nullopt));
  const auto found = storage_.ReadByName({{workflow_key_, "none"}, {workflow_key_, "a"}});
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_THAT(*found, SizeIs(2));
  EXPECT_FALSE((*found)[0].has_value());
  EXPECT_EQ((*found)[1]->key, winner);
  EXPECT_THAT((*found)[1]->rows, IsEmpty());
}

TEST_P(StorageContractTest, AStartThatEndsAtOnceIsNobodys) {
  WriteBatch batch = BatchOf(me_);
  batch.starts = {Start("a")};
  batch.starts[0].end = Failed();
  EXPECT_THAT(Written(batch).started, ElementsAre(true));
  const StoredExecution stored = ReadOne(batch.starts[0].key);
  EXPECT_EQ(stored.status, ExecutionStatus::kFailed);
  EXPECT_EQ(stored.error, "Not\xEF\xBF\xBDGood\xEF\xBF\xBD");
  EXPECT_EQ(stored.owner, std::nullopt);
  EXPECT_EQ(stored.ended_at, now_ + absl::Seconds(1));
  EXPECT_TRUE(stored.rows[0].terminal);
  EXPECT_THAT(Lost(other_), IsEmpty());
}

TEST_P(StorageContractTest, NothingStartsOfADeletedWorkflow) {
  subject_->DeleteWorkflow(workflow_key_);
  WriteBatch batch = BatchOf(me_);
  batch.starts = {Start("a")};
  const WriteOutcome outcome = Written(batch);
  EXPECT_TRUE(outcome.token_holds);
  EXPECT_THAT(outcome.started, ElementsAre(false));
}

TEST_P(StorageContractTest, AnAppendConflictsWithItsPlaceAndFailsNoNeighbour) {
  const ExecutionKey a = Started("a", me_), b = Started("b", me_), c = Started("c", me_);
  EXPECT_TRUE(Appends(other_, {.key = b, .seq = 2, .events = "theirs"}));
  WriteBatch batch = BatchOf(me_);
  batch.appends = {{.key = c, .seq = 2},
                   {.key = b, .seq = 2, .events = "mine", .end = Failed()},
                   {.key = a, .seq = 2, .end = Failed()}};
  batch.starts = {Start("d"), Start("a")};
  const WriteOutcome outcome = Written(batch);
  EXPECT_THAT(outcome.appended, ElementsAre(true, false, true));
  EXPECT_THAT(outcome.started, ElementsAre(true, false));
  EXPECT_EQ(ReadOne(b).rows.at(1).events, "theirs");
  EXPECT_EQ(ReadOne(b).status, ExecutionStatus::kRunning) << "its end hung on its append";
  EXPECT_EQ(ReadOne(a).status, ExecutionStatus::kFailed);
  EXPECT_EQ(ReadOne(a).owner, std::nullopt);
  EXPECT_TRUE(ReadOne(a).rows.at(1).terminal);
}

TEST_P(StorageContractTest, SentAgainABatchChangesNothingAndItsWriterStandsThere) {
  const ExecutionKey key = Started("a", me_);
  WriteBatch batch = BatchOf(me_);
  batch.starts = {Start("b")};
  batch.appends = {{.key = key, .seq = 2}};
  Written(batch);
  const WriteOutcome again = Written(batch);
  EXPECT_TRUE(again.token_holds);
  EXPECT_THAT(again.started, ElementsAre(false));
  EXPECT_THAT(again.appended, ElementsAre(false));
  const auto read = storage_.ReadWriters({{key, 2}, {key, 3}, {batch.starts[0].key, 1}});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->token, token_);
  EXPECT_THAT(read->writers, ElementsAre(batch.writer, std::nullopt, batch.writer));
  const auto nothing = storage_.ReadWriters({});
  EXPECT_THAT(nothing->writers, IsEmpty());
  EXPECT_EQ(nothing->token, token_);
}

TEST_P(StorageContractTest, AnotherTokenOrALateBatchWritesNothing) {
  const ExecutionKey key = Started("a", me_);
  WriteBatch strange = BatchOf(me_), late = BatchOf(me_);
  strange.token += "x";
  late.deadline = now_ - absl::Microseconds(1);
  for (WriteBatch* batch : {&strange, &late}) {
    batch->starts = {Start("b")};
    batch->appends = {{.key = key, .seq = 2, .end = Failed(), .fence = true}};
    const WriteOutcome outcome = Written(*batch);
    EXPECT_FALSE(outcome.token_holds);
    EXPECT_THAT(outcome.started, ElementsAre(false));
    EXPECT_THAT(outcome.appended, ElementsAre(false));
  }
  EXPECT_THAT(ReadOne(key).rows, SizeIs(1));
  EXPECT_EQ(ReadOne(key).status, ExecutionStatus::kRunning);
  EXPECT_FALSE(storage_.ReadByName({{workflow_key_, "b"}})->at(0).has_value());
}

TEST_P(StorageContractTest, ARowThatDoesNotFitTakesItsWholeBatchWithIt) {
  const ExecutionKey key = Started("a", me_);
  WriteBatch batch = BatchOf(me_);
  batch.appends = {{.key = key, .seq = 2}};
  batch.starts = {Start("b"), Start("c", {Uuid::AtTime(now_ + absl::Hours(24 * 400))})};
  EXPECT_EQ(storage_.Write(batch).status().code(), absl::StatusCode::kInvalidArgument);
  batch.starts = {Start(std::string("c\0d", 3)), Start("b")};
  EXPECT_EQ(storage_.Write(batch).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(ReadOne(key).rows, SizeIs(1));
  EXPECT_FALSE(storage_.ReadByName({{workflow_key_, "b"}})->at(0).has_value());
  // Its name is taken, so that it comes to no journal.
  batch.starts = {Start("a", {Uuid::AtTime(now_ + absl::Hours(24 * 400))})};
  EXPECT_THAT(Written(batch).started, ElementsAre(false));
  ASSERT_TRUE(storage_.EnsurePartitions(30).ok());
  batch.starts = {Start("e", {Uuid::AtTime(now_ + absl::Hours(24 * 29))})};
  EXPECT_THAT(Written(batch).started, ElementsAre(true));
}

TEST_P(StorageContractTest, ReadsManyInOneGo) {
  const ExecutionKey a = Started("a", me_), b = Started("b", other_);
  EXPECT_TRUE(Appends(other_, {.key = b, .seq = 2}));
  const auto read = storage_.Read({b, NewKey(), a});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->token, token_);
  EXPECT_GE(read->now, now_);
  EXPECT_THAT(read->executions, UnorderedElementsAre(Field(&StoredExecution::rows, SizeIs(1)),
                                                     Field(&StoredExecution::rows, SizeIs(2))));
  EXPECT_EQ(storage_.Read({})->token, token_);
}

TEST_P(StorageContractTest, ClaimsWhatIsDueAndNobodys) {
  const ExecutionKey due = Started("due", me_), later = Started("later", me_);
  Started("held", me_);
  subject_->Park(due, now_ - absl::Seconds(1));
  subject_->Park(later, now_ + absl::Hours(1));
  const auto claims = Checked(storage_.ClaimDue(other_, 10));
  ASSERT_THAT(claims, SizeIs(1));
  EXPECT_EQ(claims[0].key, due);
  EXPECT_EQ(claims[0].claims, 1);
  EXPECT_EQ(claims[0].losses, 0);
  EXPECT_EQ(ReadOne(due).owner, other_);
  EXPECT_EQ(ReadOne(due).claims, 1);
  EXPECT_THAT(Checked(storage_.ClaimDue(other_, 10)), IsEmpty());
}

TEST_P(StorageContractTest, ClaimsTheOldestFirstAndOnlySoMany) {
  std::vector<ExecutionKey> keys;
  for (int i = 0; i < 4; ++i) {
    keys.push_back(Started(absl::StrCat("e", i), me_));
    subject_->Park(keys[i], now_ - absl::Seconds(10 + i));
  }
  const auto claims = Checked(storage_.ClaimDue(other_, 2));
  EXPECT_THAT(claims,
              UnorderedElementsAre(Field(&Claim::key, keys[2]), Field(&Claim::key, keys[3])));
  Checked(storage_.ClaimDue(other_, 10));
  EXPECT_THAT(Checked(storage_.ClaimLost(me_, {me_}, 3)), SizeIs(3));
  EXPECT_THAT(Checked(storage_.ClaimLost(me_, {me_}, 3)), SizeIs(1));
}

TEST_P(StorageContractTest, ClaimsWhatNodesThatAreNotAliveHeld) {
  const ExecutionKey key = Started("a", other_);
  Started("b", me_);
  Started("c", third_);
  const auto claims = Checked(storage_.ClaimLost(me_, {me_, third_}, 10));
  ASSERT_THAT(claims, SizeIs(1));
  EXPECT_EQ(claims[0].key, key);
  EXPECT_EQ(claims[0].claims, 1);
  EXPECT_EQ(claims[0].losses, 0) << "its start had been committed";
  EXPECT_THAT(Checked(storage_.ClaimLost(me_, {me_, third_}, 10)), IsEmpty());
}

TEST_P(StorageContractTest, ClaimsKeysThatAreItsOwnOrNobodys) {
  const ExecutionKey mine = Started("mine", me_), theirs = Started("theirs", other_);
  const ExecutionKey parked = Started("parked", other_), ended = Started("ended", me_);
  subject_->Park(parked, now_ + absl::Hours(1));
  EXPECT_TRUE(Appends(me_, {.key = ended, .seq = 2, .end = Failed()}));
  const auto claims = Checked(storage_.ClaimKeys(me_, {theirs, mine, ended, parked, NewKey()}));
  EXPECT_THAT(claims, UnorderedElementsAre(Field(&Claim::key, mine), Field(&Claim::key, parked)));
  EXPECT_EQ(ReadOne(theirs).owner, other_);
  EXPECT_EQ(ReadOne(mine).claims, 1);
  // Its own, again: the answer of its first claim was lost, but nobody died.
  EXPECT_EQ(Checked(storage_.ClaimKeys(me_, {mine})).at(0).losses, 0);
}

TEST_P(StorageContractTest, ADeathBeforeTheFenceIsALoss) {
  const ExecutionKey key = Started("a", me_);
  EXPECT_EQ(Lost(other_).at(0).losses, 0);
  EXPECT_EQ(Lost(third_).at(0).losses, 1);
  EXPECT_EQ(ReadOne(key).losses, 1);
  EXPECT_TRUE(Appends(other_, {.key = key, .seq = 2, .fence = true}));
  EXPECT_EQ(Lost(me_).at(0).losses, 2) << "another's late fence says nothing of the third";
  EXPECT_TRUE(Appends(me_, {.key = key, .seq = 3}));
  EXPECT_EQ(Lost(other_).at(0).losses, 3) << "only a fence clears the mark";
  EXPECT_TRUE(Appends(other_, {.key = key, .seq = 4, .fence = true}));
  EXPECT_EQ(ReadOne(key).losses, 0);
  EXPECT_EQ(ReadOne(key).owner, other_);
  EXPECT_EQ(Lost(third_).at(0).losses, 0);
}

TEST_P(StorageContractTest, WhatIsReleasedIsDueAtOnceAndNoLoss) {
  const ExecutionKey key = Started("a", me_), theirs = Started("b", other_);
  Lost(third_);
  EXPECT_THAT(Checked(storage_.ClaimKeys(third_, {key})), SizeIs(1));
  ASSERT_TRUE(
      storage_.Release(other_, {key, theirs}, absl::ZeroDuration()).ok());  // no longer its own
  EXPECT_EQ(ReadOne(key).owner, third_);
  ASSERT_TRUE(storage_.Release(third_, {key}, absl::ZeroDuration()).ok());
  EXPECT_EQ(ReadOne(key).owner, std::nullopt);
  const auto claims = Checked(storage_.ClaimDue(me_, 10));
  ASSERT_THAT(claims, SizeIs(1));
  EXPECT_EQ(claims[0].claims, 3);
  EXPECT_EQ(claims[0].losses, 0);
}

TEST_P(StorageContractTest, NobodyTakesUpWhatIsQuarantined) {
  const ExecutionKey key = Started("a", me_), theirs = Started("b", other_);
  ASSERT_TRUE(storage_.Quarantine(me_, key, "why").ok());
  ASSERT_TRUE(storage_.Quarantine(me_, theirs, "why").ok());
  ASSERT_TRUE(storage_.Quarantine(me_, NewKey(), "why").ok());
  EXPECT_EQ(ReadOne(theirs).status, ExecutionStatus::kRunning);
  EXPECT_EQ(ReadOne(key).status, ExecutionStatus::kQuarantined);
  EXPECT_EQ(ReadOne(key).error, "why");
  EXPECT_EQ(ReadOne(key).owner, std::nullopt);
  EXPECT_THAT(Checked(storage_.ClaimDue(me_, 10)), IsEmpty());
  EXPECT_THAT(Checked(storage_.ClaimKeys(me_, {key})), IsEmpty());
  EXPECT_THAT(Checked(storage_.ClaimLost(me_, {me_, other_}, 10)), IsEmpty());
}

TEST_P(StorageContractTest, ReadsWhatANodeOwns) {
  Started("a", other_);
  Started("b", me_);
  Lost(third_);
  Lost(other_);
  const auto owned = storage_.ReadOwned(other_);
  ASSERT_TRUE(owned.ok()) << owned.status();
  EXPECT_EQ(owned->token, token_);
  EXPECT_GE(owned->now, now_);
  EXPECT_THAT(owned->claims, SizeIs(2));
  for (const Claim& claim : owned->claims) {
    EXPECT_EQ(claim.claims, 2);
    EXPECT_EQ(claim.losses, 1) << "the third died before its fence";
  }
  const auto nothing = storage_.ReadOwned(me_);
  ASSERT_TRUE(nothing.ok()) << nothing.status();
  EXPECT_EQ(nothing->token, token_);
  EXPECT_THAT(nothing->claims, IsEmpty());
}

TEST_P(StorageContractTest, HeartbeatsGrow) {
  ASSERT_TRUE(storage_.Beat(me_, "moved:2").ok());
  auto nodes = storage_.ReadNodes();
  ASSERT_TRUE(nodes.ok()) << nodes.status();
  ASSERT_THAT(*nodes, SizeIs(1));
  EXPECT_EQ(nodes->at(0).node, me_);
  EXPECT_EQ(nodes->at(0).beats, 2);
  EXPECT_EQ(nodes->at(0).address, "moved:2");
  ASSERT_TRUE(storage_.RemoveNodes({me_}).ok());
  EXPECT_THAT(*storage_.ReadNodes(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    All, StorageContractTest,
    ::testing::Values(Maker{"Memory", [] { return std::make_unique<MemorySubject>(); }},
                      Maker{"Postgres", [] { return std::make_unique<PostgresSubject>(); }}),
    [](const ::testing::TestParamInfo<Maker>& info) { return info.param.name; });

}  // namespace
}  // namespace millrace
