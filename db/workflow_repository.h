#pragma once

#include <optional>
#include <string>
#include <vector>

#include "db/transaction.h"
#include "engine/runtime/catalog_storage.h"

// The tables workflows and revisions.
namespace millrace::db {

// The database's clock at the transaction's start.
absl::Time TransactionTime(Session& session);

// False if the name is taken.
bool InsertWorkflow(Session& session, const WorkflowRow& workflow);
void InsertRevision(Session& session, const RevisionRow& revision);

enum class Lock {
  kNone,
  kUpdate,  // against other updates; starts go on
  kDelete,  // against starts as well, which lock the row FOR KEY SHARE
};
// One that is not deleted.
std::optional<WorkflowRow> FindWorkflow(Session& session, const WorkflowId& id, Lock lock);
std::optional<WorkflowRow> FindWorkflowByKey(Session& session, const Uuid& workflow_key);
// Whose executions a list of this name shows: CatalogStorage::GetListedWorkflow().
std::optional<WorkflowRow> FindListedWorkflow(Session& session, const WorkflowId& id);
// By name, from just after `after_name`.
std::vector<WorkflowRow> ListWorkflows(Session& session, const std::string& project,
                                       const std::string& name_prefix,
                                       const std::string& after_name, int limit);

// Stores description, revision, etag and updated_at.
void UpdateWorkflow(Session& session, const WorkflowRow& workflow);
void MarkWorkflowDeleted(Session& session, const Uuid& workflow_key, bool remove_executions);

std::optional<RevisionRow> FindRevision(Session& session, const Uuid& workflow_key,
                                        int64_t revision);
std::vector<RevisionRow> ListRevisions(Session& session, const Uuid& workflow_key, int64_t before,
                                       int limit);

}  // namespace millrace::db
