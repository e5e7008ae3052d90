#include "db/pg_integrity.h"

#include "tests/db/fixture.h"

namespace millrace::db {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using KeyedTable = IntegrityStorage::KeyedTable;

class PgIntegrityTest : public StorageTest {
 protected:
  FactsSlice FactsAfter(const ExecutionKey& after, int limit) {
    const auto slice = integrity_.ReadFactsAfter(after, limit);
    EXPECT_TRUE(slice.ok()) << slice.status();
    return *slice;
  }
  ExecutionFacts FactsOf(const ExecutionKey& key) {
    const auto slice = integrity_.ReadFacts({key});
    EXPECT_TRUE(slice.ok()) << slice.status();
    EXPECT_THAT(slice->executions, SizeIs(1));
    return slice->executions.at(0);
  }
  std::vector<KeyFacts> KeysAfter(KeyedTable table, const ExecutionKey& after, int limit,
                                  absl::Duration age_min = absl::ZeroDuration()) {
    const auto keys = integrity_.ReadKeysAfter(table, after, age_min, limit);
    EXPECT_TRUE(keys.ok()) << keys.status();
    return *keys;
  }
  void Append(AppendRow row) {
    WriteBatch batch = Batch();
    batch.appends = {std::move(row)};
    const auto outcome = storage_.Write(batch);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    ASSERT_THAT(outcome->appended, ElementsAre(true));
  }
  static std::string Sql(const ExecutionKey& key) {
    return absl::StrCat("uuid '", key.uuid.ToString(), "'");
  }

  PgIntegrity integrity_{&database_.pool()};
};

TEST_F(PgIntegrityTest, AddsUpAnExecution) {
  const ExecutionKey key = Started("a");
  Append({.key = key, .seq = 2, .events = "123"});
  Append({.key = key, .seq = 3, .events = "4567", .end = Succeeded()});
  Append({.key = key, .seq = 4});
  const ExecutionFacts facts = FactsOf(key);
  EXPECT_EQ(facts.key, key);
  EXPECT_EQ(facts.id, (ExecutionId{{"default", "order"}, "a"}));
  EXPECT_TRUE(facts.has_revision);
  EXPECT_EQ(facts.status, ExecutionStatus::kSucceeded);
  EXPECT_EQ(facts.owner, std::nullopt);
  EXPECT_TRUE(facts.ended_at.has_value());
  EXPECT_EQ(facts.rows, 4);
  EXPECT_EQ(facts.first_seq, 1);
  EXPECT_EQ(facts.terminal_rows, 1);
  EXPECT_EQ(facts.terminal_seq, 3);
  EXPECT_EQ(facts.last_event_seq, 3);
  EXPECT_EQ(facts.journal_bytes, 7 + 3 + 4);  // the first row's are "started"
  EXPECT_EQ(facts.checkpoint_seq, 0);
  EXPECT_EQ(facts.rows_since, 4);
}

TEST_F(PgIntegrityTest, CountsRowsFromTheLastCheckpointOn) {
  const ExecutionKey key = Started("a");
  for (int seq = 2; seq <= 6; ++seq) Append({.key = key, .seq = seq});
  database_.Query(absl::StrCat("INSERT INTO checkpoints SELECT execution_key, writer_node, ",
                               "writer_batch, seq, 1, '' FROM journal WHERE seq IN (2, 4)"));
  const ExecutionFacts facts = FactsOf(key);
  EXPECT_EQ(facts.checkpoint_seq, 4);
  EXPECT_EQ(facts.rows, 6);
  EXPECT_EQ(facts.rows_since, 2);
  EXPECT_EQ(facts.first_seq_since, 5);
  EXPECT_EQ(facts.last_seq_since, 6);
}

TEST_F(PgIntegrityTest, TellsWhoHoldsIt) {
  const ExecutionKey mine = Started("mine"), others = Started("others", other_);
  EXPECT_EQ(FactsOf(mine).owner, me_);
  EXPECT_TRUE(FactsOf(mine).owner_beat_at.has_value());
  EXPECT_EQ(FactsOf(others).owner, other_);
  EXPECT_EQ(FactsOf(others).owner_beat_at, std::nullopt) << "it has never beaten";
  EXPECT_FALSE(FactsOf(mine).wake_at.has_value());
}

TEST_F(PgIntegrityTest, BearsTimesThatAreNone) {
  const ExecutionKey key = Started("a");
  for (const char* time : {"infinity", "-infinity"}) {
    database_.Query(absl::StrCat("UPDATE executions SET owner = NULL, wake_at = '", time, "'"));
    ASSERT_TRUE(FactsOf(key).wake_at.has_value());
  }
}

TEST_F(PgIntegrityTest, GoesThroughExecutionsBySlices) {
  std::vector<ExecutionKey> keys;
  for (int i = 0; i < 5; ++i) keys.push_back(Started(absl::StrCat("e", i)));
  std::sort(keys.begin(), keys.end());
  std::vector<ExecutionKey> seen;
  ExecutionKey after;
  for (const size_t size : {2u, 2u, 1u, 0u}) {
    const FactsSlice slice = FactsAfter(after, 2);
    ASSERT_THAT(slice.executions, SizeIs(size));
    for (const ExecutionFacts& facts : slice.executions) seen.push_back(facts.key);
    if (!seen.empty()) after = seen.back();
  }
  EXPECT_EQ(seen, keys);
}

TEST_F(PgIntegrityTest, TellsWhatIsMissingAroundAnExecution) {
  const ExecutionKey key = Started("a");
  database_.Query("DELETE FROM journal");
  database_.Query("DELETE FROM revisions");
  EXPECT_EQ(FactsOf(key).rows, 0);
  EXPECT_FALSE(FactsOf(key).has_revision);
  EXPECT_EQ(FactsOf(key).id.workflow.workflow, "order");
  database_.Query("UPDATE executions SET workflow_key = gen_random_uuid()");
  EXPECT_EQ(FactsOf(key).id.workflow.workflow, "");
}

TEST_F(PgIntegrityTest, TellsOfAChildAndItsMail) {
  const ExecutionKey parent = Started("parent"), child = Started("child");
  database_.Query(absl::StrCat("UPDATE executions SET parent_event = 7, parent_key = ", Sql(parent),
                               " WHERE execution_key = ", Sql(child)));
  EXPECT_EQ(FactsOf(parent).parent, std::nullopt);
  EXPECT_EQ(FactsOf(child).parent, parent);
  EXPECT_EQ(FactsOf(child).parent_event, 7);
  EXPECT_TRUE(FactsOf(child).parent_is_running);
  EXPECT_FALSE(FactsOf(child).has_mail_for_parent);
  database_.Query(absl::StrCat("INSERT INTO mail (receiver, mail_id, sender, kind, content) ",
                               "VALUES (", Sql(parent), ", 'm', ", Sql(child), ", 'k', '')"));
  EXPECT_TRUE(FactsOf(child).has_mail_for_parent);
  Append({.key = parent, .seq = 2, .end = Succeeded()});
  EXPECT_FALSE(FactsOf(child).parent_is_running);
}

// Each key once, however long its journal, over the borders of days.
TEST_F(PgIntegrityTest, LeapsThroughTheKeysOfJournals) {
  std::vector<ExecutionKey> keys;
  for (int i = 0; i < 3; ++i) {
    const ExecutionKey key{Uuid::AtTime(absl::Now() + absl::Hours(24 * (i - 1)))};
    WriteBatch batch = Batch();
    batch.starts = {Start(absl::StrCat("e", i), key)};
    ASSERT_TRUE(storage_.Write(batch).ok());
    for (int seq = 2; seq < 5; ++seq) Append({.key = key, .seq = seq});
    keys.push_back(key);
  }
  database_.Query(absl::StrCat("DELETE FROM executions WHERE execution_key = ", Sql(keys[1])));
  const std::vector<KeyFacts> first = KeysAfter(KeyedTable::kJournal, {}, 2);
  ASSERT_THAT(first, SizeIs(2));
  EXPECT_EQ(first[0].key, keys[0]);
  EXPECT_TRUE(first[0].exists);
  EXPECT_EQ(first[0].id.execution, "e0");
  EXPECT_EQ(first[1].key, keys[1]);
  EXPECT_FALSE(first[1].exists);
  const std::vector<KeyFacts> rest = KeysAfter(KeyedTable::kJournal, keys[1], 2);
  ASSERT_THAT(rest, SizeIs(1));
  EXPECT_EQ(rest[0].key, keys[2]);
  EXPECT_THAT(KeysAfter(KeyedTable::kJournal, keys[2], 2), IsEmpty());
  EXPECT_THAT(KeysAfter(KeyedTable::kCheckpoints, {}, 2), IsEmpty());
}

TEST_F(PgIntegrityTest, GathersMailAndWaitsByExecution) {
  const ExecutionKey key = Started("a");
  database_.Query(absl::StrCat(
      "INSERT INTO mail (receiver, mail_id, kind, content, created_at) SELECT ", Sql(key),
      ", n::text, 'k', '', now() - n * interval '1 min' FROM unnest(ARRAY[1, 3, 5]) n"));
  const std::vector<KeyFacts> mail = KeysAfter(KeyedTable::kMail, {}, 10, absl::Minutes(2));
  ASSERT_THAT(mail, SizeIs(1));
  EXPECT_EQ(mail[0].key, key);
  EXPECT_EQ(mail[0].rows, 2);
  EXPECT_GE(mail[0].age, absl::Minutes(5));
  EXPECT_LT(mail[0].age, absl::Minutes(6));
  EXPECT_THAT(KeysAfter(KeyedTable::kMail, {}, 10, absl::Minutes(6)), IsEmpty());
  database_.Query(absl::StrCat("INSERT INTO waits SELECT 'p', 'k', 'n', 'c', ", Sql(key),
                               ", n FROM generate_series(1, 3) n"));
  const std::vector<KeyFacts> waits = KeysAfter(KeyedTable::kWaits, {}, 10);
  ASSERT_THAT(waits, SizeIs(1));
  EXPECT_EQ(waits[0].rows, 3);
  EXPECT_EQ(waits[0].status, ExecutionStatus::kRunning);
}

TEST_F(PgIntegrityTest, CountsNodesThatBeat) {
  database_.Query(
      absl::StrCat("INSERT INTO nodes (node, address, beats, beat_at) VALUES "
                   "(gen_random_uuid(), '', 1, now() - interval '1 min')"));
  EXPECT_EQ(*integrity_.CountLiveNodes(absl::Seconds(30)), 1);
  EXPECT_EQ(*integrity_.CountLiveNodes(absl::Minutes(2)), 2);
}

// The check's own sessions cannot write, whatever a defect of ours would have them do.
TEST_F(PgIntegrityTest, WorksInSessionsThatRefuseToWrite) {
  Started("a");
  Pool pool({.url = database_.url(), .connections_max = 1, .read_only = true});
  PgIntegrity integrity(&pool);
  EXPECT_THAT(integrity.ReadFactsAfter({}, 10)->executions, SizeIs(1));
  for (const KeyedTable table :
       {KeyedTable::kJournal, KeyedTable::kCheckpoints, KeyedTable::kMail, KeyedTable::kWaits}) {
    EXPECT_TRUE(integrity.ReadKeysAfter(table, {}, absl::ZeroDuration(), 10).ok());
  }
  EXPECT_FALSE(PgStorage(&pool).Beat(me_, "").ok());
}

}  // namespace
}  // namespace millrace::db
