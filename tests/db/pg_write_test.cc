#include <random>
#include <thread>

#include "tests/db/fixture.h"

namespace millrace::db {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using PgWriteTest = StorageTest;

TEST_F(PgWriteTest, StartsAndAppends) {
  const ExecutionKey key = Started("a");
  WriteBatch batch = Batch();
  batch.appends = {{.key = key, .seq = 2, .events = std::string("\0two\xff", 5)}};
  const auto outcome = storage_.Write(batch);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(outcome->token_holds);
  EXPECT_THAT(outcome->appended, ElementsAre(true));

  const StoredExecution stored = ReadOne(key);
  EXPECT_EQ(stored.project, "default");
  EXPECT_EQ(stored.workflow, "order");
  EXPECT_EQ(stored.owner, me_);
  EXPECT_EQ(stored.input_hash, std::string(32, 'h'));
  EXPECT_EQ(absl::ToUnixMicros(stored.started_at), absl::ToUnixMicros(now_));
  ASSERT_EQ(stored.rows.size(), 2u);
  EXPECT_EQ(stored.rows[0].events, "started");
  EXPECT_EQ(stored.rows[1].events, std::string("\0two\xff", 5));
  EXPECT_EQ(stored.rows[1].writer, batch.writer);
  EXPECT_EQ(stored.rows[1].format, 1);
}

TEST_F(PgWriteTest, ALostRaceFailsNoNeighbour) {
  const ExecutionKey a = Started("a"), b = Started("b"), c = Started("c");
  WriteBatch theirs = BatchOf(other_);
  theirs.appends = {{.key = b, .seq = 2, .events = "theirs"}};
  ASSERT_TRUE(storage_.Write(theirs).ok());

  WriteBatch batch = Batch();
  batch.appends = {{.key = c, .seq = 2},
                   {.key = b, .seq = 2, .events = "mine", .end = Succeeded()},
                   {.key = a, .seq = 2, .end = Succeeded()}};
  batch.starts = {Start("d"), Start("b"), Start("c2")};
  const auto outcome = storage_.Write(batch);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(outcome->appended, ElementsAre(true, false, true));
  EXPECT_THAT(outcome->started, ElementsAre(true, false, true));
  EXPECT_EQ(ReadOne(b).rows[1].events, "theirs");
  EXPECT_EQ(ReadOne(b).status, ExecutionStatus::kRunning);  // its end hung on its append
  EXPECT_EQ(ReadOne(a).status, ExecutionStatus::kSucceeded);
}

TEST_F(PgWriteTest, AnotherTokenWritesNothing) {
  const ExecutionKey key = Started("a");
  WriteBatch batch = Batch();
  batch.token += "x";
  batch.starts = {Start("b")};
  batch.appends = {{.key = key, .seq = 2, .end = Succeeded()}};
  const auto outcome = storage_.Write(batch);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_FALSE(outcome->token_holds);
  EXPECT_THAT(outcome->started, ElementsAre(false));
  EXPECT_THAT(outcome->appended, ElementsAre(false));
  EXPECT_EQ(database_.Query("SELECT count(*) FROM journal"), "1");
  EXPECT_EQ(database_.Query("SELECT count(*) FROM executions WHERE ended_at IS NOT NULL"), "0");
}

TEST_F(PgWriteTest, NothingIsWrittenAfterTheDeadline) {
  const ExecutionKey key = Started("a");
  WriteBatch batch = Batch();
  batch.deadline = now_ - absl::Microseconds(1);
  batch.appends = {{.key = key, .seq = 2}};
  const auto outcome = storage_.Write(batch);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_FALSE(outcome->token_holds);
  EXPECT_EQ(database_.Query("SELECT count(*) FROM journal"), "1");
}

TEST_F(PgWriteTest, AnEndFreesTheExecution) {
  const ExecutionKey key = Started("a");
  WriteBatch batch = Batch();
  batch.appends = {{.key = key,
                    .seq = 2,
                    .end = ExecutionEnd{.status = ExecutionStatus::kFailed,
                                        .error = std::string("Not\0Good\xff", 9),
                                        .at = now_}}};
  ASSERT_TRUE(storage_.Write(batch).ok());
  const StoredExecution stored = ReadOne(key);
  EXPECT_EQ(stored.status, ExecutionStatus::kFailed);
  EXPECT_EQ(stored.error, "Not\xEF\xBF\xBDGood\xEF\xBF\xBD");
  EXPECT_EQ(stored.owner, std::nullopt);
  ASSERT_TRUE(stored.ended_at.has_value());
  EXPECT_TRUE(stored.rows[1].terminal);
  EXPECT_FALSE(stored.rows[0].terminal);
}

TEST_F(PgWriteTest, AStartMayEndAtOnce) {
  WriteBatch batch = Batch();
  batch.starts = {Start("a")};
  batch.starts[0].end = Succeeded();
  ASSERT_TRUE(storage_.Write(batch).ok());
  const StoredExecution stored = ReadOne(batch.starts[0].key);
  EXPECT_EQ(stored.status, ExecutionStatus::kSucceeded);
  EXPECT_EQ(stored.owner, std::nullopt);
  EXPECT_TRUE(stored.rows[0].terminal);
}

TEST_F(PgWriteTest, AStartOfADeletedWorkflowIsRefused) {
  ASSERT_TRUE(catalog_.DeleteWorkflow({"default", "order"}, "", true, {}).ok());
  WriteBatch batch = Batch();
  batch.starts = {Start("a")};
  const auto outcome = storage_.Write(batch);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(outcome->token_holds);
  EXPECT_THAT(outcome->started, ElementsAre(false));
}

TEST_F(PgWriteTest, TheLoserOfAStartReadsTheWinner) {
  const ExecutionKey winner = Started("a");
  const auto found = storage_.ReadByName({{workflow_key_, "none"}, {workflow_key_, "a"}});
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), 2u);
  EXPECT_FALSE((*found)[0].has_value());
  EXPECT_EQ((*found)[1]->key, winner);
}

TEST_F(PgWriteTest, SentAgainABatchInsertsNothingAndItsWriterStandsThere) {
  const ExecutionKey key = Started("a");
  WriteBatch batch = Batch();
  batch.starts = {Start("b")};
  batch.appends = {{.key = key, .seq = 2}};
  ASSERT_TRUE(storage_.Write(batch).ok());
  const auto again = storage_.Write(batch);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(again->started, ElementsAre(false));
  EXPECT_THAT(again->appended, ElementsAre(false));

  const auto read = storage_.ReadWriters({{key, 2}, {key, 3}, {batch.starts[0].key, 1}});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->token, token_);
  EXPECT_THAT(read->writers, ElementsAre(batch.writer, std::nullopt, batch.writer));
}

TEST_F(PgWriteTest, NoTextIsEverTakenForSql) {
  const std::string name = "'); DROP TABLE journal; -- \\ \" $1 {} , NULL";
  const ExecutionKey key = Started(name);
  EXPECT_EQ(ReadOne(key).execution_id, name);
  const auto found = storage_.ReadByName({{workflow_key_, name}});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_TRUE((*found)[0].has_value());
}

TEST_F(PgWriteTest, ARowThatDoesNotFitIsRefusedForWhatItIs) {
  WriteBatch batch = Batch();
  batch.starts = {Start("a", {Uuid::AtTime(absl::Now() + absl::Hours(24 * 400))}), Start("b")};
  EXPECT_EQ(storage_.Write(batch).status().code(), absl::StatusCode::kInvalidArgument);
  batch.starts = {Start(std::string("a\0b", 3))};
  EXPECT_EQ(storage_.Write(batch).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(database_.Query("SELECT count(*) FROM executions"), "0");
}

TEST_F(PgWriteTest, AFenceClearsTheMarkOfItsOwnNodeOnly) {
  const ExecutionKey key = Started("a", other_);
  ASSERT_TRUE(storage_.ClaimLost(me_, {me_}, 10).ok());
  EXPECT_EQ(Column(key, "unfenced"), "t");
  WriteBatch late = BatchOf(other_);
  late.appends = {{.key = key, .seq = 2, .fence = true}};
  ASSERT_TRUE(storage_.Write(late).ok());
  EXPECT_EQ(Column(key, "unfenced"), "t");
  WriteBatch mine = Batch();
  mine.appends = {{.key = key, .seq = 3, .fence = true}};
  ASSERT_TRUE(storage_.Write(mine).ok());
  EXPECT_EQ(Column(key, "unfenced"), "f");
  EXPECT_EQ(ReadOne(key).owner, me_);
}

TEST_F(PgWriteTest, AnEmptyBatchTellsWhetherTheTokenHolds) {
  const auto outcome = storage_.Write(Batch());
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(outcome->token_holds);
  EXPECT_THAT(outcome->appended, IsEmpty());
}

TEST_F(PgWriteTest, ALostAnswerIsUnknown) {
  Pool pool({.url = database_.url(), .connections_max = 1});
  PgStorage storage(&pool);
  const ExecutionKey key = Started("a");
  // Its row is locked, so that the write waits; then its session is ended.
  pqxx::connection blocker(database_.url());
  pqxx::work lock(blocker);
  lock.exec("SELECT FROM executions FOR UPDATE");
  absl::StatusOr<WriteOutcome> outcome;
  WriteBatch batch = Batch();
  batch.appends = {{.key = key, .seq = 2, .end = Succeeded()}};
  std::thread writer([&] { outcome = storage.Write(batch); });
  while (database_.Query("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                         " WHERE wait_event_type = 'Lock' AND datname = current_database()") ==
         "0") {
    std::this_thread::yield();
  }
  writer.join();
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kUnknown) << outcome.status();
  lock.abort();
  const auto again = storage.Write(batch);  // on a new connection
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(again->appended, ElementsAre(true));
}

TEST_F(PgWriteTest, ALockThatIsNotGotInTimeAborts) {
  const ExecutionKey key = Started("a");
  pqxx::connection blocker(database_.url());
  pqxx::work lock(blocker);
  lock.exec("SELECT FROM executions FOR UPDATE");
  WriteBatch batch = Batch();
  batch.appends = {{.key = key, .seq = 2, .end = Succeeded()}};
  EXPECT_EQ(storage_.Write(batch).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ReadOne(key).rows.size(), 1u);
}

// Two of the four threads always want the same rows, in batches that list them in random order.
TEST_F(PgWriteTest, ConcurrentBatchesNeverDeadlock) {
  std::vector<ExecutionKey> keys;
  WriteBatch starts = Batch();
  for (int i = 0; i < 40; ++i) starts.starts.push_back(Start(absl::StrCat("e", i)));
  ASSERT_TRUE(storage_.Write(starts).ok());
  for (const StartRow& row : starts.starts) keys.push_back(row.key);
  std::atomic<int> took{0};
  std::vector<std::thread> nodes;
  for (int number = 0; number < 4; ++number) {
    nodes.emplace_back([&, number] {
      std::mt19937 random(number);
      const NodeIncarnation node{Uuid::Random()};
      std::vector<ExecutionKey> order = keys;
      for (int round = 0; round < 250; ++round) {
        WriteBatch batch{.writer = {node, round + 1}, .token = token_};
        batch.deadline = now_ + absl::Seconds(60);
        std::shuffle(order.begin(), order.end(), random);
        for (int i = 0; i < 20; ++i) {
          batch.appends.push_back({.key = order[i], .seq = 2 + round / 2, .fence = i % 2 == 0});
        }
        for (int i = 0; i < 5; ++i) {
          batch.starts.push_back(Start(absl::StrCat("n", round, ".", order[i].uuid.bytes[15])));
        }
        std::sort(batch.starts.begin(), batch.starts.end(),
                  [](const auto& a, const auto& b) { return a.execution_id < b.execution_id; });
        batch.starts.erase(std::unique(batch.starts.begin(), batch.starts.end(),
                                       [](const auto& a, const auto& b) {
                                         return a.execution_id == b.execution_id;
                                       }),
                           batch.starts.end());
        std::shuffle(batch.starts.begin(), batch.starts.end(), random);
        const auto outcome = storage_.Write(batch);
        ASSERT_TRUE(outcome.ok()) << outcome.status();
        for (const bool row : outcome->appended) took += row;
      }
    });
  }
  for (std::thread& node : nodes) node.join();
  EXPECT_EQ(database_.Query("SELECT count(*) FROM journal WHERE seq > 1"),
            absl::StrCat(took.load()));
}

}  // namespace
}  // namespace millrace::db
