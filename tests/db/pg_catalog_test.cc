#include "engine/errors.h"
#include "tests/db/fixture.h"

namespace millrace::db {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class PgCatalogTest : public StorageTest {
 protected:
  static RequestKey Request(const std::string& id, const std::string& hash = "hash") {
    return {.project = "default", .request_id = id, .method = "Method", .hash = hash};
  }
  absl::StatusOr<Mutated<WorkflowRow>> Create(const std::string& name, const RequestKey& request) {
    WorkflowRow workflow{.workflow_key = Uuid::Random(),
                         .id = {"default", name},
                         .type = WorkflowType::kExpress,
                         .description = "it's",
                         .revision = 1,
                         .etag = "e1",
                         .created_at = now_,
                         .updated_at = now_};
    return catalog_.CreateWorkflow(workflow,
                                   {.workflow_key = workflow.workflow_key,
                                    .revision = 1,
                                    .language = "ASL",
                                    .definition = "{\"a\": \"\\u0000\", \"a\": 1}",
                                    .created_at = now_},
                                   request);
  }
  static FunctionRow Function(const std::string& name) {
    return {.id = {"default", name},
            .version_key = Uuid::Random(),
            .handler = "index.main",
            .source = std::string("a\0b", 3),
            .timeout = absl::Milliseconds(1500),
            .memory_bytes_max = 1 << 20,
            .created_at = absl::FromUnixSeconds(5)};
  }
  void EndAll() {
    database_.Query(
        "UPDATE executions SET status = 'succeeded', owner = NULL, "
        "ended_at = now() - interval '11 min'");
  }
};

TEST_F(PgCatalogTest, AWorkflowIsKeptAsItWasGiven) {
  const auto created = Create("w", {});
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_FALSE(created->repeated);
  const auto found = catalog_.GetWorkflow({"default", "w"});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->workflow_key, created->row.workflow_key);
  EXPECT_EQ(found->type, WorkflowType::kExpress);
  EXPECT_EQ(found->description, "it's");
  EXPECT_EQ(absl::ToUnixMicros(found->created_at), absl::ToUnixMicros(now_));
  const auto revision = catalog_.GetRevision(found->workflow_key, 1);
  ASSERT_TRUE(revision.ok()) << revision.status();
  EXPECT_EQ(revision->definition, "{\"a\": \"\\u0000\", \"a\": 1}");
  EXPECT_EQ(errors::ReasonOf(catalog_.GetRevision(found->workflow_key, 2).status()),
            errors::ReasonOf(errors::RevisionNotFound("x", 2)));
}

TEST_F(PgCatalogTest, ANameIsTakenOnce) {
  EXPECT_EQ(Create("order", {}).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(catalog_.GetWorkflow({"other", "order"}).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(PgCatalogTest, ARequestIsDoneOnce) {
  const auto first = Create("w", Request("r"));
  ASSERT_TRUE(first.ok()) << first.status();
  const auto again = Create("w", Request("r"));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(again->row.workflow_key, first->row.workflow_key);
  const std::string reused = errors::ReasonOf(errors::RequestIdReused("r"));
  EXPECT_EQ(errors::ReasonOf(Create("w", Request("r", "other")).status()), reused);
  EXPECT_EQ(errors::ReasonOf(catalog_
                                 .CreateFunction(Function("f"), {.project = "default",
                                                                 .request_id = "r",
                                                                 .method = "Other",
                                                                 .hash = "hash"})
                                 .status()),
            reused);
}

TEST_F(PgCatalogTest, ARequestThatFailsIsNotRemembered) {
  EXPECT_EQ(Create("order", Request("r")).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(Create("another", Request("r")).ok());
}

TEST_F(PgCatalogTest, ManySendersOfOneRequestGetOneAnswer) {
  std::vector<std::thread> callers;
  std::atomic<int> done{0}, repeated{0};
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      const auto created = Create("w", Request("r"));
      ASSERT_TRUE(created.ok()) << created.status();
      ++(created->repeated ? repeated : done);
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(done, 1);
  EXPECT_EQ(repeated, 3);
}

TEST_F(PgCatalogTest, AnUpdateMakesARevisionWhenTheDefinitionChanges) {
  auto updated = catalog_.UpdateWorkflow(
      {.id = {"default", "order"}, .definition = "{ }", .language = "ASL"}, Request("u"));
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->row.revision, 2);
  EXPECT_NE(updated->row.etag, "1");
  updated = catalog_.UpdateWorkflow({.id = {"default", "order"},
                                     .definition = "{ }",
                                     .description = "new",
                                     .language = "ASL",
                                     .etag = updated->row.etag},
                                    {});
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->row.revision, 2);
  EXPECT_EQ(catalog_.GetWorkflow({"default", "order"})->description, "new");
  const auto revisions = catalog_.ListRevisions(workflow_key_, 0, 10);
  ASSERT_THAT(*revisions, SizeIs(2));
  EXPECT_EQ(revisions->at(0).revision, 2);
  EXPECT_THAT(*catalog_.ListRevisions(workflow_key_, 2, 10), SizeIs(1));
}

TEST_F(PgCatalogTest, AnotherEtagChangesNothing) {
  const auto refused = catalog_.UpdateWorkflow(
      {.id = {"default", "order"}, .description = "new", .etag = "0"}, Request("u"));
  EXPECT_EQ(errors::ReasonOf(refused.status()), errors::ReasonOf(errors::EtagMismatch("x")));
  EXPECT_EQ(catalog_.GetWorkflow({"default", "order"})->description, "");
}

TEST_F(PgCatalogTest, ListsWorkflowsByNameAndPrefix) {
  for (const char* name : {"b", "a_c", "a%c", "a", "B"}) ASSERT_TRUE(Create(name, {}).ok());
  const auto names = [&](const std::string& prefix, const std::string& after, int limit) {
    std::vector<std::string> found;
    const auto rows = catalog_.ListWorkflows("default", prefix, after, limit);
    EXPECT_TRUE(rows.ok()) << rows.status();
    for (const WorkflowRow& row : *rows) {
      found.push_back(row.id.workflow);
    }
    return found;
  };
  EXPECT_THAT(names("", "", 10), ElementsAre("B", "a", "a%c", "a_c", "b", "order"));
  EXPECT_THAT(names("a_", "", 10), ElementsAre("a_c"));
  EXPECT_THAT(names("", "a", 2), ElementsAre("a%c", "a_c"));
}

TEST_F(PgCatalogTest, ADeletedWorkflowsNameIsFree) {
  const ExecutionKey old = Started("a");
  const auto deleted = catalog_.DeleteWorkflow({"default", "order"}, "1", true, Request("d"));
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_TRUE(deleted->row.deleted);
  EXPECT_TRUE(catalog_.DeleteWorkflow({"default", "order"}, "1", true, Request("d"))->repeated);
  EXPECT_EQ(catalog_.GetWorkflow({"default", "order"}).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_TRUE(catalog_.GetWorkflowByKey(workflow_key_)->deleted);
  ASSERT_TRUE(Create("order", {}).ok());
  EXPECT_EQ(catalog_.GetExecution({{"default", "order"}, "a"})->key, old);
}

TEST_F(PgCatalogTest, ADeletedWorkflowGoesWithItsLastExecution) {
  const ExecutionKey open = Started("a");
  ASSERT_TRUE(catalog_.DeleteWorkflow({"default", "order"}, "", false, {}).ok());
  auto slice = catalog_.RunDeletionSlice(10);
  ASSERT_TRUE(slice.ok()) << slice.status();
  EXPECT_THAT(slice->open, ElementsAre(open));
  EXPECT_EQ(slice->removed, 0);

  database_.Query("UPDATE executions SET status = 'aborted', owner = NULL, ended_at = now()");
  slice = catalog_.RunDeletionSlice(10);
  EXPECT_THAT(slice->open, IsEmpty());
  EXPECT_EQ(slice->removed, 0);  // a late statement may still come

  EndAll();
  database_.Query("UPDATE workflows SET deleted_at = now() - interval '11 min'");
  EXPECT_EQ(catalog_.RunDeletionSlice(10)->removed, 1);
  ASSERT_TRUE(catalog_.RunDeletionSlice(10).ok());
  for (const char* table : {"executions", "journal", "workflows", "revisions"}) {
    EXPECT_EQ(database_.Query(absl::StrCat("SELECT count(*) FROM ", table)), "0") << table;
  }
}

TEST_F(PgCatalogTest, KeptExecutionsStay) {
  Started("a");
  ASSERT_TRUE(catalog_.DeleteWorkflow({"default", "order"}, "", true, {}).ok());
  EndAll();
  database_.Query("UPDATE workflows SET deleted_at = now() - interval '11 min'");
  EXPECT_EQ(catalog_.RunDeletionSlice(10)->removed, 0);
  EXPECT_TRUE(catalog_.GetExecution({{"default", "order"}, "a"}).ok());
  EXPECT_TRUE(catalog_.GetRevision(workflow_key_, 1).ok());
}

TEST_F(PgCatalogTest, ListsKeptExecutionsUntilTheNameIsTakenAgain) {
  const WorkflowId id{"default", "order"};
  const auto listed = [&] {
    const auto rows = catalog_.ListExecutions({.workflow = id}, std::nullopt, 10);
    EXPECT_TRUE(rows.ok()) << rows.status();
    std::vector<ExecutionKey> keys;
    for (const StoredExecution& row : *rows) keys.push_back(row.key);
    return keys;
  };
  const ExecutionKey kept = Started("a");
  ASSERT_TRUE(catalog_.DeleteWorkflow(id, "", true, {}).ok());
  EXPECT_EQ(catalog_.GetListedWorkflow(id)->workflow_key, workflow_key_);
  EXPECT_THAT(listed(), ElementsAre(kept));

  const auto next = Create("order", {});
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(catalog_.GetListedWorkflow(id)->workflow_key, next->row.workflow_key);
  EXPECT_THAT(listed(), IsEmpty());
  // That one keeps nothing: the one before is the last that did.
  ASSERT_TRUE(catalog_.DeleteWorkflow(id, "", false, {}).ok());
  EXPECT_THAT(listed(), ElementsAre(kept));
  database_.Query("DELETE FROM executions");
  EXPECT_EQ(errors::ReasonOf(catalog_.GetListedWorkflow(id).status()), "WORKFLOW_NOT_FOUND");
}

TEST_F(PgCatalogTest, AReleaseFromQuarantineIsDoneOnceAndLetsAnyNodeClaim) {
  const ExecutionKey key = Started("a"), running = Started("b");
  const ExecutionId id{{"default", "order"}, "a"};
  EXPECT_EQ(errors::ReasonOf(catalog_.ReleaseQuarantined(id, Request("r")).status()),
            "EXECUTION_NOT_QUARANTINED");
  ASSERT_TRUE(storage_.Quarantine(me_, key, "why").ok());
  database_.Query("UPDATE executions SET losses = 3");
  const auto released = catalog_.ReleaseQuarantined(id, Request("r"));
  ASSERT_TRUE(released.ok()) << released.status();
  EXPECT_EQ(released->row.key, key);
  EXPECT_FALSE(released->repeated);
  EXPECT_EQ(ReadOne(key).status, ExecutionStatus::kRunning);
  EXPECT_EQ(ReadOne(key).error, "");
  const auto claims = storage_.ClaimDue(other_, 10);
  ASSERT_TRUE(claims.ok()) << claims.status();
  ASSERT_THAT(*claims, SizeIs(1));
  EXPECT_EQ(claims->at(0).key, key);
  EXPECT_EQ(claims->at(0).losses, 0);
  EXPECT_EQ(ReadOne(running).losses, 3) << "of another execution";

  EXPECT_TRUE(catalog_.ReleaseQuarantined(id, Request("r"))->repeated);
  EXPECT_EQ(errors::ReasonOf(catalog_.ReleaseQuarantined(id, {}).status()),
            "EXECUTION_NOT_QUARANTINED");
  EXPECT_EQ(catalog_.ReleaseQuarantined({{"default", "order"}, "x"}, {}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(PgCatalogTest, ListsExecutionsNewestFirst) {
  std::vector<ExecutionKey> keys;
  for (int i = 0; i < 5; ++i) {
    WriteBatch batch = Batch();
    const absl::Time at = now_ + absl::Milliseconds(i);
    batch.starts = {Start(absl::StrCat(i % 2 == 0 ? "even" : "odd", i), {Uuid::AtTime(at)})};
    batch.starts[0].started_at = at;
    if (i == 1) batch.starts[0].end = ExecutionEnd{.status = ExecutionStatus::kFailed, .at = at};
    if (i == 2) batch.starts[0].end = Succeeded();
    ASSERT_TRUE(storage_.Write(batch).ok());
    keys.push_back(batch.starts[0].key);
  }
  const auto list = [&](ExecutionsFilter filter, std::optional<ExecutionKey> after, int limit) {
    filter.workflow = {"default", "order"};
    const auto rows = catalog_.ListExecutions(filter, after, limit);
    EXPECT_TRUE(rows.ok()) << rows.status();
    std::vector<ExecutionKey> found;
    for (const StoredExecution& row : *rows) found.push_back(row.key);
    return found;
  };
  EXPECT_THAT(list({}, std::nullopt, 2), ElementsAre(keys[4], keys[3]));
  EXPECT_THAT(list({}, keys[3], 2), ElementsAre(keys[2], keys[1]));
  EXPECT_THAT(list({.status = ExecutionStatus::kFailed}, std::nullopt, 9), ElementsAre(keys[1]));
  EXPECT_THAT(list({.status = ExecutionStatus::kSucceeded}, std::nullopt, 9), ElementsAre(keys[2]));
  EXPECT_THAT(list({.status = ExecutionStatus::kRunning}, std::nullopt, 9),
              ElementsAre(keys[4], keys[3], keys[0]));
  EXPECT_THAT(list({.execution_id_prefix = "odd"}, std::nullopt, 9), ElementsAre(keys[3], keys[1]));
  EXPECT_THAT(list({.started_after = now_ + absl::Milliseconds(1),
                    .started_before = now_ + absl::Milliseconds(3)},
                   std::nullopt, 9),
              ElementsAre(keys[2], keys[1]));
  EXPECT_EQ(catalog_.GetExecution({{"default", "order"}, "x"}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(PgCatalogTest, FunctionsAreKeptWithTheirCode) {
  const FunctionRow function = Function("f");
  ASSERT_TRUE(catalog_.CreateFunction(function, {}).ok());
  EXPECT_EQ(catalog_.CreateFunction(function, {}).status().code(),
            absl::StatusCode::kAlreadyExists);
  auto zipped = Function("z");
  zipped.source.clear();
  zipped.zip = std::string("PK\0\xff", 4);
  ASSERT_TRUE(catalog_.CreateFunction(zipped, {}).ok());
  const auto found = catalog_.GetFunction({"default", "f"});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->source, function.source);
  EXPECT_EQ(found->zip, "");
  EXPECT_EQ(found->version_key, function.version_key);
  EXPECT_EQ(found->timeout, function.timeout);
  EXPECT_EQ(catalog_.GetFunction({"default", "z"})->zip, zipped.zip);
  EXPECT_THAT(*catalog_.ListFunctions("default", "", 10), SizeIs(2));
  EXPECT_THAT(*catalog_.ListFunctions("default", "f", 10), SizeIs(1));
  ASSERT_TRUE(catalog_.DeleteFunction({"default", "f"}, Request("d")).ok());
  EXPECT_TRUE(catalog_.DeleteFunction({"default", "f"}, Request("d"))->repeated);
  EXPECT_EQ(catalog_.DeleteFunction({"default", "f"}, {}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(PgCatalogTest, RequestsAreForgottenAfterADay) {
  ASSERT_TRUE(Create("w", Request("r")).ok());
  EXPECT_EQ(*catalog_.RemoveOldRequests(10), 0);
  database_.Query("UPDATE requests SET requested_at = now() - interval '25 h'");
  EXPECT_EQ(*catalog_.RemoveOldRequests(10), 1);
}

}  // namespace
}  // namespace millrace::db
