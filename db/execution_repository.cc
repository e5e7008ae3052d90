#include "db/execution_repository.h"

#include <limits>

#include "db/rows.h"

namespace millrace::db {
namespace {

constexpr Statement kFind{"execution.find", "SELECT " MILLRACE_EXECUTION_COLUMNS R"sql(
    FROM workflows w
   CROSS JOIN LATERAL (
           SELECT x.*
             FROM executions x
            WHERE x.workflow_key = w.workflow_key
              AND x.parent_key IS NULL
              AND x.execution_id = $3::text
            ORDER BY x.parent_key
            LIMIT 1) e
   WHERE w.project = $1::text AND w.workflow_id COLLATE "C" = $2::text
   ORDER BY w.deleted_at DESC NULLS FIRST
   LIMIT 1
)sql"};

// A statement per status, because only a status that is written out lets a plan use the index of
// those that did not succeed. The page is cut before the workflow's name is joined to it.
#define LIST(status_condition)                                             \
  "SELECT " MILLRACE_EXECUTION_COLUMNS                                     \
  "  FROM (SELECT x.*\n"                                                   \
  "          FROM executions x\n"                                          \
  "         WHERE x.workflow_key = (\n"                                    \
  "                 SELECT l.workflow_key FROM (" MILLRACE_LISTED_WORKFLOW \
  ") l)\n"                                                                 \
  "           AND x.execution_key < $3::uuid\n"                            \
  "           AND starts_with(x.execution_id, $4::text)\n"                 \
  "           AND x.started_at >= $5::timestamptz\n"                       \
  "           AND x.started_at < $6::timestamptz\n"                        \
  "           AND x.parent_key IS NULL\n" status_condition                 \
  "         ORDER BY x.execution_key DESC\n"                               \
  "         LIMIT $7::int4) e\n"                                           \
  "  JOIN workflows w ON w.workflow_key = e.workflow_key\n"                \
  " ORDER BY e.execution_key DESC"

constexpr Statement kList{"execution.list", LIST("")};
constexpr Statement kListRunning{"execution.list_running", LIST("AND x.status = 'running'\n")};
constexpr Statement kListSucceeded{"execution.list_succeeded",
                                   LIST("AND x.status = 'succeeded'\n")};
constexpr Statement kListFailed{"execution.list_failed", LIST("AND x.status = 'failed'\n")};
constexpr Statement kListTimedOut{"execution.list_timed_out", LIST("AND x.status = 'timed_out'\n")};
constexpr Statement kListAborted{"execution.list_aborted", LIST("AND x.status = 'aborted'\n")};
constexpr Statement kListQuarantined{"execution.list_quarantined",
                                     LIST("AND x.status = 'quarantined'\n")};
#undef LIST

// `owner` is null already, and so is `wake_at`.
constexpr Statement kReleaseQuarantined{"execution.release_quarantined", R"sql(
  UPDATE executions
     SET status = 'running', wake_at = now(), losses = 0, unfenced = false, error = ''
   WHERE execution_key = $1::uuid AND status = 'quarantined'
)sql"};

constexpr Statement kListOpenOfDeleted{"execution.list_open_of_deleted", R"sql(
  SELECT e.execution_key
    FROM workflows w
    JOIN executions e ON e.workflow_key = w.workflow_key
   WHERE w.deleted_at IS NOT NULL AND w.remove_executions AND e.status = 'running'
   LIMIT $1::int4
)sql"};

constexpr Statement kRemoveEnded{"execution.remove_ended_of_deleted", R"sql(
  WITH gone AS MATERIALIZED (
    SELECT e.execution_key
      FROM workflows w
      JOIN executions e ON e.workflow_key = w.workflow_key
     WHERE w.deleted_at < now() - interval '10 minutes' AND w.remove_executions
       AND e.ended_at < now() - interval '10 minutes'
       AND e.owner IS NULL AND e.wake_at IS NULL
     LIMIT $1::int4
       FOR UPDATE OF e SKIP LOCKED
  ), journal_gone AS (
    DELETE FROM journal j USING gone g WHERE j.execution_key = g.execution_key
  ), checkpoints_gone AS (
    DELETE FROM checkpoints c USING gone g WHERE c.execution_key = g.execution_key
  ), mail_gone AS (
    DELETE FROM mail m USING gone g WHERE m.receiver = g.execution_key
  ), waits_gone AS (
    DELETE FROM waits v USING gone g WHERE v.execution_key = g.execution_key
  )
  DELETE FROM executions e USING gone g WHERE e.execution_key = g.execution_key
)sql"};

// Locked against a start that is under way: one that sees the workflow alive has its row locked.
constexpr Statement kRemoveEmpty{"workflow.remove_empty", R"sql(
  WITH gone AS MATERIALIZED (
    SELECT w.workflow_key
      FROM workflows w
     WHERE w.deleted_at < now() - interval '10 minutes'
       AND NOT EXISTS (SELECT FROM executions e WHERE e.workflow_key = w.workflow_key)
     LIMIT $1::int4
       FOR UPDATE SKIP LOCKED
  ), revisions_gone AS (
    DELETE FROM revisions r USING gone g WHERE r.workflow_key = g.workflow_key
  )
  DELETE FROM workflows w USING gone g WHERE w.workflow_key = g.workflow_key
)sql"};

const Statement& ListStatement(const std::optional<ExecutionStatus>& status) {
  if (!status) return kList;
  switch (*status) {
    case ExecutionStatus::kRunning:
      return kListRunning;
    case ExecutionStatus::kSucceeded:
      return kListSucceeded;
    case ExecutionStatus::kFailed:
      return kListFailed;
    case ExecutionStatus::kTimedOut:
      return kListTimedOut;
    case ExecutionStatus::kAborted:
      return kListAborted;
    case ExecutionStatus::kQuarantined:
      return kListQuarantined;
  }
  return kList;
}

// A bound that PostgreSQL takes for no bound.
absl::Time OrUnbounded(const std::optional<absl::Time>& time, absl::Time unbounded) {
  return time.value_or(unbounded);
}

Uuid GreatestUuid() {
  Uuid uuid;
  uuid.bytes.fill(0xff);
  return uuid;
}

}  // namespace

std::optional<StoredExecution> FindExecution(Session& session, const ExecutionId& id) {
  const pqxx::result rows = session.Exec(
      kFind, Params().Text(id.workflow.project).Text(id.workflow.workflow).Text(id.execution));
  if (rows.empty()) return std::nullopt;
  return ExecutionOf(rows[0]);
}

std::vector<StoredExecution> ListExecutions(Session& session, const ExecutionsFilter& filter,
                                            const std::optional<ExecutionKey>& after, int limit) {
  Params params;
  params.Text(filter.workflow.project)
      .Text(filter.workflow.workflow)
      .Uuid(after ? after->uuid : GreatestUuid())
      .Text(filter.execution_id_prefix)
      .Time(OrUnbounded(filter.started_after, absl::InfinitePast()))
      .Time(OrUnbounded(filter.started_before, absl::InfiniteFuture()))
      .Int4(limit);
  std::vector<StoredExecution> executions;
  for (const pqxx::row& row : session.Exec(ListStatement(filter.status), params)) {
    executions.push_back(ExecutionOf(row));
  }
  return executions;
}

bool ReleaseQuarantined(Session& session, const ExecutionKey& key) {
  return session.Exec(kReleaseQuarantined, Params().Uuid(key.uuid)).affected_rows() == 1;
}

std::vector<ExecutionKey> ListOpenOfDeleted(Session& session, int limit) {
  std::vector<ExecutionKey> keys;
  for (const pqxx::row& row : session.Exec(kListOpenOfDeleted, Params().Int4(limit))) {
    keys.push_back({UuidOf(row["execution_key"])});
  }
  return keys;
}

int64_t RemoveEndedOfDeleted(Session& session, int limit) {
  return static_cast<int64_t>(session.Exec(kRemoveEnded, Params().Int4(limit)).affected_rows());
}

void RemoveEmptyWorkflows(Session& session, int limit) {
  session.Exec(kRemoveEmpty, Params().Int4(limit));
}

}  // namespace millrace::db
