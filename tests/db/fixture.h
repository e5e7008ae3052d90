#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "db/pg_catalog.h"
#include "db/pg_storage.h"
#include "tests/support/postgres.h"

namespace millrace::db {

// A database with one workflow, and rows to write into it.
class StorageTest : public ::testing::Test {
 protected:
  StorageTest() {
    WorkflowRow workflow{.id = {.project = "default", .workflow = "order"}};
    RevisionRow revision{.revision = 1, .language = "ASL", .definition = "{}"};
    workflow.workflow_key = revision.workflow_key = workflow_key_;
    workflow.revision = 1;
    workflow.etag = "1";
    workflow.created_at = workflow.updated_at = revision.created_at = absl::Now();
    const auto created = catalog_.CreateWorkflow(workflow, revision, {});
    EXPECT_TRUE(created.ok()) << created.status();
    const auto beat = storage_.Beat(me_, "127.0.0.1:1");
    EXPECT_TRUE(beat.ok()) << beat.status();
    token_ = beat->token;
    now_ = beat->now;
  }

  static ExecutionKey NewKey() { return {Uuid::AtTime(absl::Now())}; }
  static ExecutionEnd Succeeded() {
    return {.status = ExecutionStatus::kSucceeded, .at = absl::Now()};
  }

  WriteBatch Batch() { return BatchOf(me_); }
  WriteBatch BatchOf(const NodeIncarnation& node) {
    return {.writer = {.node = node, .batch = ++batches_},
            .token = token_,
            .deadline = now_ + absl::Seconds(60)};
  }
  StartRow Start(std::string execution_id, ExecutionKey key = NewKey()) {
    return {.key = key,
            .workflow_key = workflow_key_,
            .revision = 1,
            .input_hash = std::string(32, 'h'),
            .execution_id = std::move(execution_id),
            .started_at = now_,
            .events = "started"};
  }
  // An execution that runs, owned by `node`.
  ExecutionKey Started(const std::string& execution_id, NodeIncarnation node) {
    WriteBatch batch = BatchOf(node);
    batch.starts = {Start(execution_id)};
    const auto outcome = storage_.Write(batch);
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_THAT(outcome->started, ::testing::ElementsAre(true));
    return batch.starts[0].key;
  }
  ExecutionKey Started(const std::string& execution_id) { return Started(execution_id, me_); }

  StoredExecution ReadOne(const ExecutionKey& key) {
    const auto read = storage_.Read({key});
    EXPECT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->executions.size(), 1u);
    return read->executions.at(0);
  }
  // A column of an executions row as text.
  std::string Column(const ExecutionKey& key, const std::string& column) {
    return database_.Query(absl::StrCat(
        "SELECT ", column, " FROM executions WHERE execution_key = '", key.uuid.ToString(), "'"));
  }

  testing::TestDatabase database_;
  PgStorage storage_{&database_.pool()};
  PgCatalog catalog_{&database_.pool()};
  const NodeIncarnation me_{Uuid::Random()};
  const NodeIncarnation other_{Uuid::Random()};
  const Uuid workflow_key_ = Uuid::Random();
  DatabaseToken token_;
  absl::Time now_;
  int64_t batches_ = 0;
};

}  // namespace millrace::db
