#include "engine/runtime/committer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <ostream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/support/memory_storage.h"

namespace millrace {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::MemoryStorage;
using ::testing::SizeIs;
using Call = MemoryStorage::Call;
using When = MemoryStorage::When;

constexpr RowFate kDone = RowFate::kDone, kLost = RowFate::kLost, kRefused = RowFate::kRefused;

// Everything that a batch's statement says.
std::string TextOf(const WriteBatch& batch) {
  std::string text =
      absl::StrCat(batch.writer.node.uuid.ToString(), ":", batch.writer.batch, " ", batch.token,
                   " ", absl::ToUnixNanos(batch.deadline), " ", batch.format);
  const auto add_end = [&](const std::optional<ExecutionEnd>& end) {
    if (end) absl::StrAppend(&text, " ends ", static_cast<int>(end->status), " ", end->error);
  };
  for (const StartRow& row : batch.starts) {
    absl::StrAppend(&text, "\nstart ", row.key.uuid.ToString(), " ", row.execution_id, " ",
                    row.events, " ", absl::ToUnixNanos(row.started_at));
    add_end(row.end);
  }
  for (const AppendRow& row : batch.appends) {
    absl::StrAppend(&text, "\nappend ", row.key.uuid.ToString(), " ", row.seq, " ", row.events, " ",
                    row.fence);
    add_end(row.end);
  }
  return text;
}

class CommitterTest : public ::testing::Test {
 protected:
  CommitterTest() { storage_.AddWorkflow(workflow_key_, "default", "order"); }

  WriteBatch BatchOf(const NodeIncarnation& node) {
    return {.writer = {.node = node, .batch = ++batches_},
            .token = storage_.token(),
            .deadline = storage_.Now() + absl::Seconds(60)};
  }
  StartRow Start(std::string execution_id) const {
    return {.key = {Uuid::AtTime(storage_.Now())},
            .workflow_key = workflow_key_,
            .revision = 1,
            .execution_id = std::move(execution_id),
            .started_at = storage_.Now(),
            .events = "started"};
  }
  ExecutionKey Started(std::string execution_id) {
    WriteBatch batch = BatchOf(me_);
    batch.starts = {Start(std::move(execution_id))};
    EXPECT_TRUE(storage_.Write(batch).ok());
    return batch.starts[0].key;
  }
  // A batch that appends row 2 to as many new executions.
  WriteBatch Appends(int count) {
    std::vector<AppendRow> rows;
    for (int i = 0; i < count; ++i) {
      rows.push_back({.key = Started(absl::StrCat("e", ++names_)), .seq = 2, .events = "two"});
    }
    WriteBatch batch = BatchOf(me_);
    batch.appends = std::move(rows);
    return batch;
  }
  CommitResult Commit(const WriteBatch& batch) { return CommitBatch(storage_, batch, stopping_); }
  std::optional<Writer> WriterAt(const ExecutionKey& key, int64_t seq) {
    return storage_.ReadWriters({{key, seq}})->writers.at(0);
  }
  // The batches that were sent since the first `count`.
  std::vector<std::string> SentAfter(size_t count) {
    std::vector<std::string> texts;
    for (const WriteBatch& batch : storage_.batches()) texts.push_back(TextOf(batch));
    texts.erase(texts.begin(), texts.begin() + static_cast<int64_t>(count));
    return texts;
  }

  MemoryStorage storage_;
  std::atomic<bool> stopping_{false};
  const NodeIncarnation me_{Uuid::Random()}, rival_{Uuid::Random()};
  const Uuid workflow_key_ = Uuid::Random();
  int64_t batches_ = 0;
  int names_ = 0;
};

TEST_F(CommitterTest, TellsEachRowsFate) {
  WriteBatch batch = Appends(3);
  Started("taken");
  batch.starts = {Start("new"), Start("taken")};
  storage_.AppendAs({.node = rival_, .batch = 1}, batch.appends[1].key);
  const CommitResult result = Commit(batch);
  EXPECT_TRUE(result.token_holds);
  EXPECT_THAT(result.starts, ElementsAre(kDone, kLost));
  EXPECT_THAT(result.appends, ElementsAre(kDone, kLost, kDone));
  EXPECT_EQ(storage_.CallsOf(Call::kReadWriters), 0) << "nothing was in doubt";
}

TEST_F(CommitterTest, FindsItsOwnRowsAfterALostAnswer) {
  WriteBatch batch = Appends(2);
  batch.starts = {Start("new")};
  const size_t before = storage_.batches().size();
  storage_.FailNext(Call::kWrite, absl::UnknownError("lost"), When::kDone);
  const CommitResult result = Commit(batch);
  EXPECT_THAT(result.starts, ElementsAre(kDone));
  EXPECT_THAT(result.appends, ElementsAre(kDone, kDone));
  EXPECT_THAT(SentAfter(before), ElementsAre(TextOf(batch), TextOf(batch))) << "byte for byte";
  EXPECT_THAT(storage_.Find(batch.appends[0].key)->execution.rows, SizeIs(2));
}

TEST_F(CommitterTest, WritesWhatALostStatementDidNot) {
  const WriteBatch batch = Appends(2);
  const size_t before = storage_.batches().size();
  storage_.FailNext(Call::kWrite, absl::UnknownError("lost"), When::kNotDone);
  EXPECT_THAT(Commit(batch).appends, ElementsAre(kDone, kDone));
  EXPECT_THAT(SentAfter(before), ElementsAre(TextOf(batch), TextOf(batch)));
  EXPECT_EQ(WriterAt(batch.appends[0].key, 2), batch.writer);
}

TEST_F(CommitterTest, TellsItsOwnRowFromARivalsAfterALostAnswer) {
  for (const When when : {When::kDone, When::kNotDone}) {
    SCOPED_TRACE(when == When::kDone ? "done" : "not done");
    const WriteBatch batch = Appends(3);
    storage_.AppendAs({.node = rival_, .batch = batch.writer.batch}, batch.appends[0].key);
    // Its own incarnation's, but of another batch: as good as a rival's.
    storage_.AppendAs({.node = me_, .batch = batch.writer.batch - 1}, batch.appends[1].key);
    storage_.FailNext(Call::kWrite, absl::UnknownError("lost"), when);
    EXPECT_THAT(Commit(batch).appends, ElementsAre(kLost, kLost, kDone));
  }
}

TEST_F(CommitterTest, ARivalMayWriteBetweenTheLostStatementAndTheNext) {
  const WriteBatch batch = Appends(2);
  const auto gate =
      storage_.BlockNext(Call::kWrite, When::kNotDone, absl::UnknownError("it never arrived"));
  std::future<CommitResult> result = std::async(std::launch::async, [&] { return Commit(batch); });
  ASSERT_TRUE(gate->AwaitCall());
  storage_.AppendAs({.node = rival_, .batch = 7}, batch.appends[1].key);
  gate->Open();
  EXPECT_THAT(result.get().appends, ElementsAre(kDone, kLost));
}

TEST_F(CommitterTest, AsksAgainWhileNobodyKnowsWhoseRowsStand) {
  const WriteBatch batch = Appends(1);
  storage_.FailNext(Call::kWrite, absl::UnknownError("lost"), When::kDone);
  storage_.FailNext(Call::kReadWriters, absl::UnavailableError("no connection"));
  storage_.FailNext(Call::kReadWriters, absl::UnavailableError("no connection"));
  EXPECT_THAT(Commit(batch).appends, ElementsAre(kDone));
}

TEST_F(CommitterTest, TriesAgainWhatWasNotDone) {
  const WriteBatch batch = Appends(2);
  storage_.FailNext(Call::kWrite, absl::UnavailableError("no connection"));
  storage_.FailNext(Call::kWrite, absl::AbortedError("deadlock"));
  EXPECT_THAT(Commit(batch).appends, ElementsAre(kDone, kDone));
  EXPECT_EQ(storage_.CallsOf(Call::kReadWriters), 0);
}

TEST_F(CommitterTest, NothingIsWrittenIntoAnotherDatabase) {
  WriteBatch batch = Appends(2);
  batch.starts = {Start("new")};
  storage_.Restart();
  const CommitResult result = Commit(batch);
  EXPECT_FALSE(result.token_holds);
  EXPECT_THAT(result.starts, ElementsAre(kLost));
  EXPECT_THAT(result.appends, ElementsAre(kLost, kLost));
}

TEST_F(CommitterTest, NothingIsWrittenAfterTheDeadline) {
  const WriteBatch batch = Appends(1);
  storage_.Advance(absl::Seconds(60));
  const CommitResult result = Commit(batch);
  EXPECT_FALSE(result.token_holds);
  EXPECT_THAT(result.appends, ElementsAre(kLost));
}

// Whether its rows survived or not, a batch in doubt is known no more: it is to be read.
TEST_F(CommitterTest, ABatchInDoubtIsUnknownInAnotherDatabase) {
  for (const bool loses : {false, true}) {
    SCOPED_TRACE(loses ? "its rows are lost" : "its rows stand");
    const WriteBatch batch = Appends(2);
    const MemoryStorage::Standby standby = storage_.Replicate();
    const auto gate =
        storage_.BlockNext(Call::kWrite, When::kDone, absl::UnknownError("a failover"));
    std::future<CommitResult> result =
        std::async(std::launch::async, [&] { return Commit(batch); });
    ASSERT_TRUE(gate->AwaitCall());
    loses ? storage_.FailOver(standby) : storage_.Restart();
    gate->Open();
    const CommitResult known = result.get();
    EXPECT_FALSE(known.token_holds);
    EXPECT_THAT(known.appends, ElementsAre(kLost, kLost));
  }
}

// The failover comes between the statement that was sent again and the question whose rows stand:
// what that statement wrote is as unknown as the rest.
TEST_F(CommitterTest, AcknowledgesNoRowOfABatchInDoubtThatAnotherDatabaseLacks) {
  const WriteBatch batch = Appends(2);
  storage_.AppendAs({.node = rival_, .batch = 1}, batch.appends[1].key);
  const MemoryStorage::Standby standby = storage_.Replicate();
  storage_.FailNext(Call::kWrite, absl::UnknownError("lost"), When::kNotDone);
  const auto gate = storage_.BlockNext(Call::kReadWriters);
  std::future<CommitResult> result = std::async(std::launch::async, [&] { return Commit(batch); });
  ASSERT_TRUE(gate->AwaitCall());
  storage_.FailOver(standby);
  gate->Open();
  const CommitResult known = result.get();
  EXPECT_FALSE(known.token_holds);
  EXPECT_THAT(known.appends, Each(kLost));
}

TEST_F(CommitterTest, HalvesUntilTheOneBadRowIsFound) {
  for (const int bad : {0, 3, 6}) {
    SCOPED_TRACE(bad);
    WriteBatch batch = Appends(4);
    batch.starts = {Start(absl::StrCat("a", bad)), Start(absl::StrCat("b", bad)),
                    Start(absl::StrCat("c", bad))};
    storage_.Refuse(bad < 3 ? batch.starts[bad].key : batch.appends[bad - 3].key);
    const CommitResult result = Commit(batch);
    EXPECT_TRUE(result.token_holds);
    std::vector<RowFate> fates = result.starts;
    fates.insert(fates.end(), result.appends.begin(), result.appends.end());
    ASSERT_THAT(fates, SizeIs(7));
    for (int i = 0; i < 7; ++i) EXPECT_EQ(fates[i], i == bad ? kRefused : kDone) << i;
  }
}

TEST_F(CommitterTest, HalvesKeepTheirBatchsWriterTokenAndDeadline) {
  const WriteBatch batch = Appends(2);
  const size_t before = storage_.batches().size();
  storage_.Refuse(batch.appends[0].key);
  EXPECT_THAT(Commit(batch).appends, ElementsAre(kRefused, kDone));
  WriteBatch first = batch, second = batch;
  first.appends.pop_back();
  second.appends.erase(second.appends.begin());
  EXPECT_THAT(SentAfter(before), ElementsAre(TextOf(batch), TextOf(first), TextOf(second)));
  EXPECT_EQ(WriterAt(second.appends[0].key, 2), batch.writer);
}

TEST_F(CommitterTest, AHalfMayBeInDoubtToo) {
  const WriteBatch batch = Appends(4);
  storage_.Refuse(batch.appends[3].key);
  storage_.FailNext(Call::kWrite, absl::OkStatus());
  storage_.FailNext(Call::kWrite, absl::UnknownError("lost"), When::kDone);
  EXPECT_THAT(Commit(batch).appends, ElementsAre(kDone, kDone, kDone, kRefused));
}

// A row that stands is not refused, whatever the second try was told.
TEST_F(CommitterTest, AsksWhoseRowsStandBeforeItSaysRefused) {
  for (const int rows : {1, 2, 5}) {
    SCOPED_TRACE(rows);
    const WriteBatch batch = Appends(rows);
    const auto gate = storage_.BlockNext(Call::kWrite, When::kDone, absl::UnknownError("lost"));
    std::future<CommitResult> result =
        std::async(std::launch::async, [&] { return Commit(batch); });
    ASSERT_TRUE(gate->AwaitCall());
    for (const AppendRow& row : batch.appends) storage_.Refuse(row.key);
    gate->Open();
    EXPECT_THAT(result.get().appends, Each(kDone));
    EXPECT_EQ(WriterAt(batch.appends[0].key, 2), batch.writer);
  }
}

TEST_F(CommitterTest, HalvesOfABatchInDoubtFindTheirOwnRows) {
  const WriteBatch batch = Appends(4);
  storage_.FailNext(Call::kWrite, absl::UnknownError("lost"), When::kDone);
  storage_.FailNext(Call::kWrite, absl::InvalidArgumentError("refused"));
  EXPECT_THAT(Commit(batch).appends, Each(kDone));
}

TEST_F(CommitterTest, GivesUpWhenItStopsAndTheDatabaseIsOutOfReach) {
  const WriteBatch batch = Appends(2);
  stopping_ = true;
  storage_.FailNext(Call::kWrite, absl::UnavailableError("no connection"));
  EXPECT_THAT(Commit(batch).appends, Each(kLost));
  storage_.FailNext(Call::kWrite, absl::UnknownError("lost"), When::kDone);
  EXPECT_THAT(Commit(batch).appends, Each(kLost));
}

TEST_F(CommitterTest, FinishesTheBatchUnderWayBeforeItIsGone) {
  const WriteBatch batch = Appends(1);
  const auto gate = storage_.BlockNext(Call::kWrite);
  std::promise<std::pair<WriteBatch, CommitResult>> done;
  auto committer =
      std::make_unique<Committer>(&storage_, [&](WriteBatch written, CommitResult result) {
        done.set_value({std::move(written), std::move(result)});
      });
  committer->Submit(batch);
  ASSERT_TRUE(gate->AwaitCall());
  std::future<void> gone = std::async(std::launch::async, [&] { committer.reset(); });
  gate->Open();
  gone.get();
  const auto [written, result] = done.get_future().get();
  EXPECT_EQ(TextOf(written), TextOf(batch));
  EXPECT_THAT(result.appends, ElementsAre(kDone));
  EXPECT_THAT(result.starts, IsEmpty());
}

}  // namespace
}  // namespace millrace
