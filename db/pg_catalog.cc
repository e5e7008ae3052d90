#include "db/pg_catalog.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "db/execution_repository.h"
#include "db/function_repository.h"
#include "db/request_repository.h"
#include "db/secret_repository.h"
#include "db/workflow_repository.h"
#include "engine/base/status_macros.h"
#include "engine/errors.h"

namespace millrace::db {
namespace {

std::string NameOf(const WorkflowId& id) {
  return absl::StrCat("projects/", id.project, "/workflows/", id.workflow);
}
std::string NameOf(const FunctionId& id) {
  return absl::StrCat("projects/", id.project, "/functions/", id.function);
}
std::string NameOf(const ExecutionId& id) {
  return absl::StrCat(NameOf(id.workflow), "/executions/", id.execution);
}

// What an earlier call with this request_id made or changed, as it stands now.
absl::StatusOr<Mutated<WorkflowRow>> RepeatedWorkflow(Session& session, const std::string& resource,
                                                      const WorkflowId& id) {
  MILLRACE_ASSIGN_OR_RETURN(const Uuid workflow_key, Uuid::Parse(resource));
  const std::optional<WorkflowRow> row = FindWorkflowByKey(session, workflow_key);
  // Deleted, and its last row is gone.
  if (!row) {
    const WorkflowRow gone{.workflow_key = workflow_key, .id = id, .deleted = true};
    return Mutated<WorkflowRow>{.row = gone, .repeated = true};
  }
  return Mutated<WorkflowRow>{.row = *row, .repeated = true};
}

// The workflow, locked, if `etag` is its own or empty.
absl::StatusOr<WorkflowRow> FindToChange(Session& session, const WorkflowId& id,
                                         const std::string& etag, Lock lock) {
  const std::optional<WorkflowRow> row = FindWorkflow(session, id, lock);
  if (!row) return errors::WorkflowNotFound(NameOf(id));
  if (!etag.empty() && etag != row->etag) return errors::EtagMismatch(NameOf(id));
  return *row;
}

// The request must be looked for before the workflow, which a repeated call may no longer find; its
// row must name the workflow's key. So the key is read first, without a lock.
std::string KeyOf(Session& session, const WorkflowId& id) {
  const std::optional<WorkflowRow> row = FindWorkflow(session, id, Lock::kNone);
  return row ? row->workflow_key.ToString() : Uuid().ToString();
}

// A lost answer to a COMMIT: the same call again, with the same request_id, finds out.
template <typename Function>
auto RunMutation(Pool& pool, Function&& function) -> std::invoke_result_t<Function, Session&> {
  auto result = RunTransaction(pool, std::forward<Function>(function));
  if (absl::IsUnknown(result.status())) return absl::UnavailableError(result.status().message());
  return result;
}

template <typename Row>
absl::StatusOr<Row> OrError(absl::StatusOr<std::optional<Row>> found, const absl::Status& missing) {
  if (!found.ok()) return found.status();
  if (!found->has_value()) return missing;
  return **std::move(found);
}

}  // namespace

absl::StatusOr<Mutated<WorkflowRow>> PgCatalog::CreateWorkflow(const WorkflowRow& workflow,
                                                               const RevisionRow& revision,
                                                               const RequestKey& request) {
  return RunMutation(pool_, [&](Session& session) -> absl::StatusOr<Mutated<WorkflowRow>> {
    MILLRACE_ASSIGN_OR_RETURN(const auto earlier,
                              RememberRequest(session, request, workflow.workflow_key.ToString()));
    if (earlier) return RepeatedWorkflow(session, *earlier, workflow.id);
    if (!InsertWorkflow(session, workflow)) {
      return errors::WorkflowAlreadyExists(NameOf(workflow.id));
    }
    InsertRevision(session, revision);
    return Mutated<WorkflowRow>{.row = workflow};
  });
}

absl::StatusOr<Mutated<WorkflowRow>> PgCatalog::UpdateWorkflow(const WorkflowUpdate& update,
                                                               const RequestKey& request) {
  return RunMutation(pool_, [&](Session& session) -> absl::StatusOr<Mutated<WorkflowRow>> {
    MILLRACE_ASSIGN_OR_RETURN(const auto earlier,
                              RememberRequest(session, request, KeyOf(session, update.id)));
    if (earlier) return RepeatedWorkflow(session, *earlier, update.id);
    MILLRACE_ASSIGN_OR_RETURN(WorkflowRow workflow,
                              FindToChange(session, update.id, update.etag, Lock::kUpdate));
    const absl::Time now = TransactionTime(session);
    if (update.definition) {
      const std::optional<RevisionRow> latest =
          FindRevision(session, workflow.workflow_key, workflow.revision);
      if (!latest || latest->definition != *update.definition ||
          latest->language != update.language) {
        InsertRevision(session, {.workflow_key = workflow.workflow_key,
                                 .revision = ++workflow.revision,
                                 .language = update.language,
                                 .definition = *update.definition,
                                 .created_at = now});
      }
    }
    if (update.description) workflow.description = *update.description;
    workflow.etag = Uuid::Random().ToString();
    workflow.updated_at = now;
    db::UpdateWorkflow(session, workflow);
    return Mutated<WorkflowRow>{.row = workflow};
  });
}

absl::StatusOr<Mutated<WorkflowRow>> PgCatalog::DeleteWorkflow(const WorkflowId& id,
                                                               const std::string& etag,
                                                               bool keep_executions,
                                                               const RequestKey& request) {
  return RunMutation(pool_, [&](Session& session) -> absl::StatusOr<Mutated<WorkflowRow>> {
    MILLRACE_ASSIGN_OR_RETURN(const auto earlier,
                              RememberRequest(session, request, KeyOf(session, id)));
    if (earlier) return RepeatedWorkflow(session, *earlier, id);
    MILLRACE_ASSIGN_OR_RETURN(WorkflowRow workflow, FindToChange(session, id, etag, Lock::kDelete));
    MarkWorkflowDeleted(session, workflow.workflow_key, !keep_executions);
    workflow.deleted = true;
    return Mutated<WorkflowRow>{.row = workflow};
  });
}

absl::StatusOr<WorkflowRow> PgCatalog::GetWorkflow(const WorkflowId& id) {
  return OrError(
      RunStatement(pool_, Effect::kNone,
                   [&](Session& session) { return FindWorkflow(session, id, Lock::kNone); }),
      errors::WorkflowNotFound(NameOf(id)));
}

absl::StatusOr<WorkflowRow> PgCatalog::GetWorkflowByKey(const Uuid& workflow_key) {
  return OrError(
      RunStatement(pool_, Effect::kNone,
                   [&](Session& session) { return FindWorkflowByKey(session, workflow_key); }),
      errors::WorkflowNotFound(workflow_key.ToString()));
}

absl::StatusOr<std::vector<WorkflowRow>> PgCatalog::ListWorkflows(const std::string& project,
                                                                  const std::string& name_prefix,
                                                                  const std::string& after_name,
                                                                  int limit) {
  return RunStatement(pool_, Effect::kNone, [&](Session& session) {
    return db::ListWorkflows(session, project, name_prefix, after_name, limit);
  });
}

absl::StatusOr<RevisionRow> PgCatalog::GetRevision(const Uuid& workflow_key, int64_t revision) {
  return OrError(
      RunStatement(pool_, Effect::kNone,
                   [&](Session& session) { return FindRevision(session, workflow_key, revision); }),
      errors::RevisionNotFound(workflow_key.ToString(), revision));
}

absl::StatusOr<std::vector<RevisionRow>> PgCatalog::ListRevisions(const Uuid& workflow_key,
                                                                  int64_t before, int limit) {
  return RunStatement(pool_, Effect::kNone, [&](Session& session) {
    return db::ListRevisions(session, workflow_key, before, limit);
  });
}

absl::StatusOr<CatalogStorage::DeletionSlice> PgCatalog::RunDeletionSlice(int limit) {
  return RunMutation(pool_, [&](Session& session) -> absl::StatusOr<DeletionSlice> {
    DeletionSlice slice{.open = ListOpenOfDeleted(session, limit),
                        .removed = RemoveEndedOfDeleted(session, limit)};
    RemoveEmptyWorkflows(session, limit);
    return slice;
  });
}

absl::StatusOr<Mutated<FunctionRow>> PgCatalog::CreateFunction(const FunctionRow& function,
                                                               const RequestKey& request) {
  return RunMutation(pool_, [&](Session& session) -> absl::StatusOr<Mutated<FunctionRow>> {
    MILLRACE_ASSIGN_OR_RETURN(const auto earlier,
                              RememberRequest(session, request, NameOf(function.id)));
    if (earlier) {
      return Mutated<FunctionRow>{.row = FindFunction(session, function.id).value_or(function),
                                  .repeated = true};
    }
    if (!InsertFunction(session, function)) {
      return errors::FunctionAlreadyExists(NameOf(function.id));
    }
    return Mutated<FunctionRow>{.row = function};
  });
}

absl::StatusOr<FunctionRow> PgCatalog::GetFunction(const FunctionId& id) {
  return OrError(RunStatement(pool_, Effect::kNone,
                              [&](Session& session) { return FindFunction(session, id); }),
                 errors::FunctionNotFound(NameOf(id)));
}

absl::StatusOr<std::vector<FunctionRow>> PgCatalog::ListFunctions(const std::string& project,
                                                                  const std::string& after_name,
                                                                  int limit) {
  return RunStatement(pool_, Effect::kNone, [&](Session& session) {
    return db::ListFunctions(session, project, after_name, limit);
  });
}

absl::StatusOr<Mutated<FunctionRow>> PgCatalog::DeleteFunction(const FunctionId& id,
                                                               const RequestKey& request) {
  return RunMutation(pool_, [&](Session& session) -> absl::StatusOr<Mutated<FunctionRow>> {
    MILLRACE_ASSIGN_OR_RETURN(const auto earlier, RememberRequest(session, request, NameOf(id)));
    if (earlier) return Mutated<FunctionRow>{.row = {.id = id}, .repeated = true};
    const std::optional<FunctionRow> removed = RemoveFunction(session, id);
    if (!removed) return errors::FunctionNotFound(NameOf(id));
    return Mutated<FunctionRow>{.row = *removed};
  });
}

absl::StatusOr<StoredExecution> PgCatalog::GetExecution(const ExecutionId& id) {
  return OrError(RunStatement(pool_, Effect::kNone,
                              [&](Session& session) { return FindExecution(session, id); }),
                 errors::ExecutionNotFound(NameOf(id)));
}

absl::StatusOr<std::vector<StoredExecution>> PgCatalog::ListExecutions(
    const ExecutionsFilter& filter, const std::optional<ExecutionKey>& after, int limit) {
  return RunStatement(pool_, Effect::kNone, [&](Session& session) {
    return db::ListExecutions(session, filter, after, limit);
  });
}

absl::StatusOr<WorkflowRow> PgCatalog::GetListedWorkflow(const WorkflowId& id) {
  return OrError(RunStatement(pool_, Effect::kNone,
                              [&](Session& session) { return FindListedWorkflow(session, id); }),
                 errors::WorkflowNotFound(NameOf(id)));
}

absl::StatusOr<Mutated<StoredExecution>> PgCatalog::ReleaseQuarantined(const ExecutionId& id,
                                                                       const RequestKey& request) {
  return RunMutation(pool_, [&](Session& session) -> absl::StatusOr<Mutated<StoredExecution>> {
    MILLRACE_ASSIGN_OR_RETURN(const auto earlier, RememberRequest(session, request, NameOf(id)));
    std::optional<StoredExecution> row = FindExecution(session, id);
    if (!row) return errors::ExecutionNotFound(NameOf(id));
    if (earlier) return Mutated<StoredExecution>{.row = *row, .repeated = true};
    if (!db::ReleaseQuarantined(session, row->key)) {
      return errors::ExecutionNotQuarantined(NameOf(id));
    }
    row->status = ExecutionStatus::kRunning;
    row->losses = 0;
    row->error.clear();
    return Mutated<StoredExecution>{.row = *row};
  });
}

absl::StatusOr<std::string> PgCatalog::EnsureSecret(const std::string& name) {
  return RunTransaction(pool_, [&](Session& session) -> absl::StatusOr<std::string> {
    return db::EnsureSecret(session, name);
  });
}

absl::StatusOr<int64_t> PgCatalog::RemoveOldRequests(int limit) {
  return RunStatement(pool_, Effect::kNone, [&](Session& session) {
    return RemoveRequestsOlderThanADay(session, limit);
  });
}

}  // namespace millrace::db
