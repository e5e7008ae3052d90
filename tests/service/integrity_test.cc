// Damage is put into a database by hand, a kind at a time: the check finds just that, and says
// where.
#include "engine/runtime/integrity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <utility>

#include "tests/service/integrity_support.h"

namespace millrace::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kDone[] = "projects/p/workflows/tasks/executions/done";
constexpr char kOpen[] = "projects/p/workflows/waits/executions/open";
constexpr char kDropEndTimeRule[] =
    "ALTER TABLE executions DROP CONSTRAINT executions_open_has_no_end;";
constexpr char kDropHeldRule[] =
    "ALTER TABLE executions DROP CONSTRAINT executions_held_or_parked;";

struct Damage {
  const char* name;  // of the test
  std::string sql;
  const char* code;
  const char* execution;
  const char* words;  // some of what is said
};

class IntegrityDamageTest : public ::testing::TestWithParam<Damage> {
 protected:
  LeftDatabase database_;
};

TEST_P(IntegrityDamageTest, IsFoundAndNothingElse) {
  ASSERT_THAT(database_.Check(), IsEmpty());
  const std::string key = database_.KeyOf(GetParam().execution == kOpen ? "open" : "done");
  database_.Run(GetParam().sql);
  ASSERT_THAT(database_.Check(),
              ElementsAre(absl::StrCat(GetParam().code, " ", GetParam().execution)));
  EXPECT_EQ(database_.findings[0].key.uuid.ToString(), key);
  EXPECT_THAT(database_.findings[0].words, HasSubstr(GetParam().words));
  EXPECT_EQ(database_.report.damage, 1);
  EXPECT_EQ(database_.report.notes, 0);
}

// For the names of failed tests.
void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.sql; }

const Damage kDamages[] = {
    {"Forgotten", "UPDATE executions SET owner = NULL WHERE execution_key = $open", "UNATTENDED",
     kOpen, "no owner and no time"},
    {"OwnerIsUnknown",
     "UPDATE executions SET owner = gen_random_uuid() WHERE execution_key = $open", "UNATTENDED",
     kOpen, "no live server"},
    {"OwnerIsSilent",
     "INSERT INTO nodes (node, address, beats, beat_at) SELECT execution_key, '', 1, now() - "
     "interval '30 s' FROM executions WHERE execution_key = $open; "
     "UPDATE executions SET owner = execution_key WHERE execution_key = $open",
     "UNATTENDED", kOpen, "not been heard of for 30 s"},
    {"NotWoken",
     "UPDATE executions SET owner = NULL, wake_at = now() - interval '1 min' WHERE execution_key = "
     "$open",
     "UNATTENDED", kOpen, "woken 60 s ago"},
    {"ParkedTooLong",
     "UPDATE executions SET owner = NULL, wake_at = now() + interval '25 h' WHERE execution_key = "
     "$open",
     "UNATTENDED", kOpen, "more than 24 h ahead"},
    {"ParkedForEver",
     "UPDATE executions SET owner = NULL, wake_at = 'infinity' WHERE execution_key = $open",
     "UNATTENDED", kOpen, "more than 24 h ahead"},
    {"HeldAndParked",
     absl::StrCat(kDropHeldRule,
                  "UPDATE executions SET wake_at = now() WHERE execution_key = $open"),
     "HELD_AND_PARKED", kOpen, "both"},
    {"EndedAndOwned", "UPDATE executions SET owner = $keeper WHERE execution_key = $done",
     "HELD_AT_REST", kDone, "an owner"},
    {"EndedAndParked", "UPDATE executions SET wake_at = now() WHERE execution_key = $done",
     "HELD_AT_REST", kDone, "a time to wake"},
    {"EndedAtNoTime",
     absl::StrCat(kDropEndTimeRule,
                  "UPDATE executions SET ended_at = NULL WHERE execution_key = $done"),
     "END_TIME", kDone, "no time of its end"},
    {"OpenWithAnEnd",
     absl::StrCat(kDropEndTimeRule,
                  "UPDATE executions SET ended_at = now() WHERE execution_key = $open"),
     "END_TIME", kOpen, "a time of its end"},
    {"RevisionIsGone",
     "DELETE FROM revisions r USING executions e WHERE e.execution_key = $done AND r.workflow_key "
     "= e.workflow_key",
     "WORKFLOW_MISSING", kDone, "gone"},
    {"WorkflowIsGone",
     "UPDATE executions SET workflow_key = gen_random_uuid() WHERE execution_key = $done",
     "WORKFLOW_MISSING", "", "gone"},
    {"NoJournal", "DELETE FROM journal WHERE execution_key = $done", "JOURNAL_MISSING", kDone,
     "no journal"},
    {"FirstRowIsGone", "DELETE FROM journal WHERE execution_key = $done AND seq = 1", "JOURNAL_GAP",
     kDone, "rows 1 to"},
    {"RowIsGone", "DELETE FROM journal WHERE execution_key = $done AND seq = 2", "JOURNAL_GAP",
     kDone, "1 are missing"},
    {"RowAfterCheckpointIsGone",
     "INSERT INTO checkpoints SELECT execution_key, writer_node, writer_batch, 1, 1, '' FROM "
     "journal WHERE execution_key = $done AND seq = 1; "
     "DELETE FROM journal WHERE execution_key = $done AND seq <= 2",
     "JOURNAL_GAP", kDone, "rows 2 to"},
    {"EndIsGone", "DELETE FROM journal WHERE execution_key = $done AND terminal", "TERMINAL_ROW",
     kDone, "0 terminal rows"},
    {"TwoEnds", "UPDATE journal SET terminal = true WHERE execution_key = $done AND seq = 2",
     "TERMINAL_ROW", kDone, "2 terminal rows"},
    {"OpenWithATerminalRow", "UPDATE journal SET terminal = true WHERE execution_key = $open",
     "TERMINAL_ROW", kOpen, "1 terminal rows"},
    {"RowAfterTheEnd",
     "INSERT INTO journal SELECT execution_key, writer_node, writer_batch, (SELECT max(seq) + 1 "
     "FROM journal WHERE execution_key = $done), format, false, events FROM journal WHERE "
     "execution_key = $done AND seq = 2",
     "ROW_AFTER_TERMINAL", kDone, "goes on in row 5, after the end in row 4"},
    {"ExecutionIsGone", "DELETE FROM executions WHERE execution_key = $done",
     "JOURNAL_WITHOUT_EXECUTION", "", "a journal"},
    {"MailIsNotTaken",
     "INSERT INTO mail (receiver, mail_id, kind, content, created_at) SELECT $open, n::text, 'k', "
     "'', now() - n * interval '1 s' FROM unnest(ARRAY[3, 11, 12]) n",
     "MAIL_NOT_TAKEN", kOpen, "2 pieces, the oldest for 12 s"},
    {"EndedWaits", "INSERT INTO waits SELECT 'p', 'k', 'n', 'c', $done, 3",
     "WAIT_WITHOUT_EXECUTION", kDone, "has ended"},
    {"RowIsDamaged",
     "UPDATE journal SET events = set_byte(events, 7, get_byte(events, 7) # 1) WHERE execution_key "
     "= $done AND seq = 2",
     "JOURNAL_UNREADABLE", kDone, "row 2"},
    // A start once more, and later than what follows it.
    {"RowIsAnothers",
     "UPDATE journal SET events = (SELECT events FROM journal WHERE execution_key = $open AND seq "
     "= 1) WHERE execution_key = $done AND seq = 3",
     "JOURNAL_UNREADABLE", kDone, "row 4 of its journal cannot be folded"},
    {"DefinitionIsDamaged",
     "UPDATE revisions r SET definition = '{}' FROM executions e WHERE e.execution_key = $done AND "
     "r.workflow_key = e.workflow_key",
     "JOURNAL_UNREADABLE", kDone, "does not compile"},
    {"StatusDiffers", "UPDATE executions SET status = 'failed' WHERE execution_key = $done",
     "JOURNAL_CONTRADICTS", kDone, "failed, by its journal succeeded"},
    {"ErrorDiffers", "UPDATE executions SET error = 'E' WHERE execution_key = $done",
     "JOURNAL_CONTRADICTS", kDone, "error"},
    {"OpenWithAnError", "UPDATE executions SET error = 'E' WHERE execution_key = $open",
     "JOURNAL_CONTRADICTS", kOpen, "error"},
    {"EndTimeDiffers",
     "UPDATE executions SET ended_at = ended_at + interval '1 microsecond' WHERE execution_key = "
     "$done",
     "JOURNAL_CONTRADICTS", kDone, "ended at"},
    {"AnotherRowIsMarked", "UPDATE journal SET terminal = (seq = 2) WHERE execution_key = $done",
     "JOURNAL_CONTRADICTS", kDone, "row 2 of the journal is marked"},
};

INSTANTIATE_TEST_SUITE_P(All, IntegrityDamageTest, ::testing::ValuesIn(kDamages),
                         [](const auto& instance) { return std::string(instance.param.name); });

class IntegrityTest : public ::testing::Test {
 protected:
  LeftDatabase database_;
};

TEST_F(IntegrityTest, FindsNothingInWhatANodeHasLeft) {
  EXPECT_THAT(database_.Check(), IsEmpty());
  EXPECT_EQ(database_.report.executions, 5);
  EXPECT_EQ(database_.report.folded, 5);
  EXPECT_EQ(database_.report.live_nodes, 1);
}

TEST_F(IntegrityTest, LeavesAloneWhatMayBe) {
  // Parked; compacted up to a checkpoint; fenced after its end; young mail.
  database_.Run(
      "UPDATE executions SET owner = NULL, wake_at = now() + interval '23 h'"
      " WHERE execution_key = $open");
  database_.Run(
      "INSERT INTO checkpoints SELECT execution_key, writer_node, writer_batch, 2, 1, ''"
      " FROM journal WHERE execution_key = $done AND seq = 2;"
      "DELETE FROM journal WHERE execution_key = $done AND seq <= 2;"
      "INSERT INTO journal SELECT execution_key, writer_node, writer_batch, seq + 1,"
      " format, false, '' FROM journal WHERE execution_key = $done AND terminal");
  database_.Run("INSERT INTO mail (receiver, mail_id, kind, content) VALUES ($open, 'm', 'k', '')");
  database_.Run("INSERT INTO waits SELECT 'p', 'k', 'n', 'c', $open, 2");
  EXPECT_THAT(database_.Check(), IsEmpty());
  EXPECT_EQ(database_.report.folded, 4);
}

TEST_F(IntegrityTest, NotesWhatIsQuarantined) {
  database_.Run(
      "UPDATE executions SET status = 'quarantined', owner = NULL, error = 'why'"
      " WHERE execution_key = $open");
  database_.Run(
      "INSERT INTO mail (receiver, mail_id, kind, content, created_at)"
      " VALUES ($open, 'm', 'k', '', now() - interval '1 h')");
  EXPECT_THAT(database_.Check(), ElementsAre(absl::StrCat("QUARANTINED ", kOpen)));
  EXPECT_EQ(database_.report.damage, 0);
  EXPECT_EQ(database_.report.notes, 1);
  database_.Run("UPDATE executions SET owner = $keeper WHERE execution_key = $open");
  EXPECT_THAT(database_.Check(), ElementsAre(absl::StrCat("QUARANTINED ", kOpen),
                                             absl::StrCat("HELD_AT_REST ", kOpen)));
}

TEST_F(IntegrityTest, NotesANewerFormat) {
  database_.Run("UPDATE journal SET format = 99 WHERE execution_key = $done AND seq = 2");
  EXPECT_THAT(database_.Check(), ElementsAre(absl::StrCat("NEWER_FORMAT ", kDone)));
  EXPECT_EQ(database_.report.damage, 0);
}

TEST_F(IntegrityTest, FindsRowsOfNoExecution) {
  database_.Run("INSERT INTO checkpoints VALUES (gen_random_uuid(), $keeper, 1, 1, 1, '')");
  EXPECT_THAT(database_.Check(), ElementsAre("JOURNAL_WITHOUT_EXECUTION "));
  EXPECT_THAT(database_.findings[0].words, HasSubstr("checkpoint"));
  database_.Run("DELETE FROM checkpoints");
  database_.Run(
      "INSERT INTO mail (receiver, mail_id, kind, content, created_at)"
      " VALUES (gen_random_uuid(), 'm', 'k', '', now() - interval '11 s')");
  database_.Run("INSERT INTO waits VALUES ('p', 'k', 'n', 'c', gen_random_uuid(), 1)");
  EXPECT_THAT(database_.Check(), ElementsAre("MAIL_NOT_TAKEN ", "WAIT_WITHOUT_EXECUTION "));
}

TEST_F(IntegrityTest, FindsAParentThatWasNotTold) {
  IntegrityOptions options = LeftDatabase::AtOnce();
  options.patience = absl::ZeroDuration();
  options.fold = FoldScope::kNone;
  // Its event 2 is the state that it waits in.
  database_.Run(
      "UPDATE executions SET parent_key = $open, parent_event = 2"
      " WHERE execution_key = $done");
  EXPECT_THAT(database_.Check(options), ElementsAre(absl::StrCat("CHILD_END_NOT_TOLD ", kOpen)));
  EXPECT_THAT(database_.findings[0].words, HasSubstr(database_.KeyOf("done")));
  EXPECT_EQ(database_.report.folded, 1);
  EXPECT_THAT(database_.Check(), IsEmpty()) << "it has ended a moment ago";
  database_.Run("UPDATE executions SET parent_event = 1 WHERE execution_key = $done");
  EXPECT_THAT(database_.Check(options), IsEmpty()) << "nobody waits for it any more";
  database_.Run(
      "UPDATE executions SET parent_event = 2 WHERE execution_key = $done;"
      "INSERT INTO mail (receiver, mail_id, sender, kind, content, created_at)"
      " VALUES ($open, 'm', $done, 'k', '', now() + interval '1 h')");
  EXPECT_THAT(database_.Check(options), IsEmpty()) << "its mail is on the way";
}

TEST_F(IntegrityTest, FoldsOnlyWhatItIsToldTo) {
  IntegrityOptions options = LeftDatabase::AtOnce();
  options.fold = FoldScope::kNone;
  EXPECT_THAT(database_.Check(options), IsEmpty());
  EXPECT_EQ(database_.report.folded, 0);
  options.fold = FoldScope::kSample;
  options.folds_max = 3;
  EXPECT_THAT(database_.Check(options), IsEmpty());
  EXPECT_EQ(database_.report.folded, 3);
}

TEST_F(IntegrityTest, WithoutAServerNobodyIsLate) {
  database_.Run("DELETE FROM nodes");
  database_.Run(
      "INSERT INTO mail (receiver, mail_id, kind, content, created_at)"
      " VALUES ($open, 'm', 'k', '', now() - interval '1 h')");
  EXPECT_THAT(database_.Check(), IsEmpty());
  EXPECT_EQ(database_.report.live_nodes, 0);
  database_.Run(
      "UPDATE executions SET owner = NULL, wake_at = now() - interval '1 h'"
      " WHERE execution_key = $open");
  EXPECT_THAT(database_.Check(), IsEmpty());
  database_.Run("UPDATE executions SET wake_at = NULL WHERE execution_key = $open");
  EXPECT_THAT(database_.Check(), ElementsAre(absl::StrCat("UNATTENDED ", kOpen)))
      << "no server would ever find it";
}

TEST_F(IntegrityTest, FindsSeveralAtOnce) {
  database_.Run("DELETE FROM journal WHERE execution_key = $done AND seq = 2");
  database_.Run("DELETE FROM journal WHERE execution_key = $stopped AND terminal");
  database_.Run("UPDATE executions SET owner = NULL WHERE execution_key = $open");
  EXPECT_THAT(database_.Check(),
              UnorderedElementsAre(absl::StrCat("JOURNAL_GAP ", kDone),
                                   "TERMINAL_ROW projects/p/workflows/waits/executions/stopped",
                                   absl::StrCat("UNATTENDED ", kOpen)));
  EXPECT_EQ(database_.report.damage, 3);
}

TEST_F(IntegrityTest, IsGivenUpWhenItIsTold) {
  IntegrityOptions options = LeftDatabase::AtOnce();
  options.look_again_after = absl::Hours(1);
  int questions = 0;
  options.may_go_on = [&] { return ++questions < 20; };
  database_.Run("UPDATE executions SET owner = NULL WHERE execution_key = $open");
  const auto report = database_.CheckStatus(options);
  EXPECT_EQ(report.code(), absl::StatusCode::kCancelled);
}

// Does something to the database between the first look and the second one.
class InBetween : public IntegrityStorage {
 public:
  InBetween(IntegrityStorage* facts, std::function<void()> act)
      : facts_(*facts), act_(std::move(act)) {}

  absl::StatusOr<int> CountLiveNodes(absl::Duration age_max) override {
    return facts_.CountLiveNodes(age_max);
  }
  absl::StatusOr<FactsSlice> ReadFactsAfter(const ExecutionKey& after, int limit) override {
    return facts_.ReadFactsAfter(after, limit);
  }
  absl::StatusOr<FactsSlice> ReadFacts(const std::vector<ExecutionKey>& keys) override {
    act_();
    return facts_.ReadFacts(keys);
  }
  absl::StatusOr<std::vector<KeyFacts>> ReadKeysAfter(KeyedTable table, const ExecutionKey& after,
                                                      absl::Duration age_min, int limit) override {
    return facts_.ReadKeysAfter(table, after, age_min, limit);
  }

 private:
  IntegrityStorage& facts_;
  const std::function<void()> act_;
};

TEST_F(IntegrityTest, LooksTwiceBeforeItSaysThatNobodyLooksAfterOne) {
  const char* const ends[] = {
      // Adopted; adopted and lost again; deleted.
      "UPDATE executions SET owner = $keeper, claims = claims + 1 WHERE execution_key = $open",
      "UPDATE executions SET claims = claims + 1 WHERE execution_key = $open",
      "WITH j AS (DELETE FROM journal WHERE execution_key = $open)"
      " DELETE FROM executions WHERE execution_key = $open",
  };
  for (const char* end : ends) {
    SCOPED_TRACE(end);
    database_.Run("UPDATE executions SET owner = gen_random_uuid() WHERE execution_key = $open");
    int acts = 0;
    InBetween facts(&database_.facts(), [&] {
      ++acts;
      database_.Run(end);
    });
    EXPECT_THAT(database_.Check(LeftDatabase::AtOnce(), facts), IsEmpty());
    EXPECT_EQ(acts, 1);
  }
}

}  // namespace
}  // namespace millrace::service
