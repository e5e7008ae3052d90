#pragma once

#include <optional>
#include <vector>

#include "db/transaction.h"
#include "engine/runtime/catalog_storage.h"

// The table executions as lists and single looks see it, and the removal of a deleted workflow's
// executions. The hot path is PgStorage's.
namespace millrace::db {

// Of the workflow that has this name now; else of the one that had it last and has this execution.
std::optional<StoredExecution> FindExecution(Session& session, const ExecutionId& id);
std::vector<StoredExecution> ListExecutions(Session& session, const ExecutionsFilter& filter,
                                            const std::optional<ExecutionKey>& after, int limit);

// False if it is not quarantined.
bool ReleaseQuarantined(Session& session, const ExecutionKey& key);

// Deleted workflows whose executions are to go: those that are still open.
std::vector<ExecutionKey> ListOpenOfDeleted(Session& session, int limit);
// Removes all rows of executions that ended at least 10 minutes ago, until when a late statement of
// a node that was cut off might still come. Returns how many executions.
int64_t RemoveEndedOfDeleted(Session& session, int limit);
// Removes deleted workflows that have no executions, with their revisions.
void RemoveEmptyWorkflows(Session& session, int limit);

}  // namespace millrace::db
