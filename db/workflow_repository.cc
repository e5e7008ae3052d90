#include "db/workflow_repository.h"

#include <limits>

#include "db/rows.h"

namespace millrace::db {
namespace {

constexpr Statement kTransactionTime{"transaction.time", "SELECT unix_micros(now())"};

constexpr Statement kInsertWorkflow{"workflow.insert", R"sql(
  INSERT INTO workflows (workflow_key, project, workflow_id, type, description, latest_revision,
                         etag, created_at, updated_at)
  VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::int8, $7::text, $8::timestamptz,
          $9::timestamptz)
      ON CONFLICT (project, workflow_id COLLATE "C") WHERE deleted_at IS NULL DO NOTHING
)sql"};

constexpr Statement kInsertRevision{"revision.insert", R"sql(
  INSERT INTO revisions (workflow_key, revision, language, definition, created_at)
  VALUES ($1::uuid, $2::int8, $3::text, $4::text, $5::timestamptz)
)sql"};

#define WORKFLOW_COLUMNS_FROM                                                       \
  "SELECT workflow_key, project, workflow_id, type, description, latest_revision, " \
  "etag, unix_micros(created_at) AS created_at, "                                   \
  "unix_micros(updated_at) AS updated_at, deleted_at IS NOT NULL AS deleted FROM "
#define WORKFLOW_COLUMNS WORKFLOW_COLUMNS_FROM "workflows "
#define WORKFLOW_BY_NAME \
  WORKFLOW_COLUMNS       \
  "WHERE project = $1::text AND workflow_id COLLATE \"C\" = $2::text AND deleted_at IS NULL "

constexpr Statement kFindWorkflow{"workflow.find", WORKFLOW_BY_NAME};
constexpr Statement kFindToUpdate{"workflow.find_to_update", WORKFLOW_BY_NAME "FOR NO KEY UPDATE"};
constexpr Statement kFindToDelete{"workflow.find_to_delete", WORKFLOW_BY_NAME "FOR UPDATE"};
constexpr Statement kFindByKey{"workflow.find_by_key",
                               WORKFLOW_COLUMNS "WHERE workflow_key = $1::uuid"};
constexpr Statement kListWorkflows{"workflow.list", WORKFLOW_COLUMNS R"sql(
   WHERE project = $1::text
     AND deleted_at IS NULL
     AND workflow_id COLLATE "C" > $2::text
     AND workflow_id COLLATE "C" >= $3::text
     AND starts_with(workflow_id, $3::text)
   ORDER BY workflow_id COLLATE "C"
   LIMIT $4::int4
)sql"};
constexpr Statement kFindListed{"workflow.find_listed",
                                WORKFLOW_COLUMNS_FROM "(" MILLRACE_LISTED_WORKFLOW ") listed"};
#undef WORKFLOW_BY_NAME
#undef WORKFLOW_COLUMNS
#undef WORKFLOW_COLUMNS_FROM

constexpr Statement kUpdateWorkflow{"workflow.update", R"sql(
  UPDATE workflows
     SET description = $2::text, latest_revision = $3::int8, etag = $4::text,
         updated_at = $5::timestamptz
   WHERE workflow_key = $1::uuid
)sql"};

constexpr Statement kMarkDeleted{"workflow.mark_deleted", R"sql(
  UPDATE workflows
     SET deleted_at = clock_timestamp(), remove_executions = $2::bool
   WHERE workflow_key = $1::uuid
)sql"};

#define REVISION_COLUMNS                                  \
  "SELECT workflow_key, revision, language, definition, " \
  "unix_micros(created_at) AS created_at FROM revisions "

constexpr Statement kFindRevision{
    "revision.find", REVISION_COLUMNS "WHERE workflow_key = $1::uuid AND revision = $2::int8"};
constexpr Statement kListRevisions{"revision.list", REVISION_COLUMNS R"sql(
   WHERE workflow_key = $1::uuid AND revision < $2::int8
   ORDER BY revision DESC
   LIMIT $3::int4
)sql"};
#undef REVISION_COLUMNS

WorkflowRow WorkflowOf(const pqxx::row& row) {
  const bool express = absl::string_view(row["type"].c_str()) == "express";
  return {.workflow_key = UuidOf(row["workflow_key"]),
          .id = {.project = row["project"].c_str(), .workflow = row["workflow_id"].c_str()},
          .type = express ? WorkflowType::kExpress : WorkflowType::kStandard,
          .description = row["description"].c_str(),
          .revision = row["latest_revision"].as<int64_t>(),
          .etag = row["etag"].c_str(),
          .created_at = TimeOf(row["created_at"]),
          .updated_at = TimeOf(row["updated_at"]),
          .deleted = BoolOf(row["deleted"])};
}

RevisionRow RevisionOf(const pqxx::row& row) {
  return {.workflow_key = UuidOf(row["workflow_key"]),
          .revision = row["revision"].as<int64_t>(),
          .language = row["language"].c_str(),
          .definition = row["definition"].c_str(),
          .created_at = TimeOf(row["created_at"])};
}

template <typename Row>
std::optional<Row> OnlyRow(const pqxx::result& rows, Row (*convert)(const pqxx::row&)) {
  if (rows.empty()) return std::nullopt;
  return convert(rows[0]);
}

}  // namespace

absl::Time TransactionTime(Session& session) {
  return TimeOf(session.Exec(kTransactionTime)[0][0]);
}

bool InsertWorkflow(Session& session, const WorkflowRow& workflow) {
  const bool express = workflow.type == WorkflowType::kExpress;
  return session
             .Exec(kInsertWorkflow, Params()
                                        .Uuid(workflow.workflow_key)
                                        .Text(workflow.id.project)
                                        .Text(workflow.id.workflow)
                                        .Text(express ? "express" : "standard")
                                        .Text(workflow.description)
                                        .Int8(workflow.revision)
                                        .Text(workflow.etag)
                                        .Time(workflow.created_at)
                                        .Time(workflow.updated_at))
             .affected_rows() == 1;
}

void InsertRevision(Session& session, const RevisionRow& revision) {
  session.Exec(kInsertRevision, Params()
                                    .Uuid(revision.workflow_key)
                                    .Int8(revision.revision)
                                    .Text(revision.language)
                                    .Text(revision.definition)
                                    .Time(revision.created_at));
}

std::optional<WorkflowRow> FindWorkflow(Session& session, const WorkflowId& id, Lock lock) {
  const Statement& statement = lock == Lock::kNone     ? kFindWorkflow
                               : lock == Lock::kUpdate ? kFindToUpdate
                                                       : kFindToDelete;
  return OnlyRow(session.Exec(statement, Params().Text(id.project).Text(id.workflow)), WorkflowOf);
}

std::optional<WorkflowRow> FindWorkflowByKey(Session& session, const Uuid& workflow_key) {
  return OnlyRow(session.Exec(kFindByKey, Params().Uuid(workflow_key)), WorkflowOf);
}

std::optional<WorkflowRow> FindListedWorkflow(Session& session, const WorkflowId& id) {
  return OnlyRow(session.Exec(kFindListed, Params().Text(id.project).Text(id.workflow)),
                 WorkflowOf);
}

std::vector<WorkflowRow> ListWorkflows(Session& session, const std::string& project,
                                       const std::string& name_prefix,
                                       const std::string& after_name, int limit) {
  std::vector<WorkflowRow> workflows;
  const Params params = Params().Text(project).Text(after_name).Text(name_prefix).Int4(limit);
  for (const pqxx::row& row : session.Exec(kListWorkflows, params)) {
    workflows.push_back(WorkflowOf(row));
  }
  return workflows;
}

void UpdateWorkflow(Session& session, const WorkflowRow& workflow) {
  session.Exec(kUpdateWorkflow, Params()
                                    .Uuid(workflow.workflow_key)
                                    .Text(workflow.description)
                                    .Int8(workflow.revision)
                                    .Text(workflow.etag)
                                    .Time(workflow.updated_at));
}

void MarkWorkflowDeleted(Session& session, const Uuid& workflow_key, bool remove_executions) {
  session.Exec(kMarkDeleted, Params().Uuid(workflow_key).Bool(remove_executions));
}

std::optional<RevisionRow> FindRevision(Session& session, const Uuid& workflow_key,
                                        int64_t revision) {
  return OnlyRow(session.Exec(kFindRevision, Params().Uuid(workflow_key).Int8(revision)),
                 RevisionOf);
}

std::vector<RevisionRow> ListRevisions(Session& session, const Uuid& workflow_key, int64_t before,
                                       int limit) {
  std::vector<RevisionRow> revisions;
  const int64_t bound = before > 0 ? before : std::numeric_limits<int64_t>::max();
  const Params params = Params().Uuid(workflow_key).Int8(bound).Int4(limit);
  for (const pqxx::row& row : session.Exec(kListRevisions, params)) {
    revisions.push_back(RevisionOf(row));
  }
  return revisions;
}

}  // namespace millrace::db
