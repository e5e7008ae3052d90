#pragma once

#include <string>
#include <vector>

#include "db/pool.h"
#include "engine/runtime/catalog_storage.h"

namespace millrace::db {

// CatalogStorage on PostgreSQL. Each mutation is one short transaction with its requests row, so
// that it is done and remembered, or neither; a lost answer to its COMMIT is UNAVAILABLE, and the
// same call with the same request_id then finds out. The SQL is in the *_repository files.
class PgCatalog : public CatalogStorage {
 public:
  // `pool` outlives this.
  explicit PgCatalog(Pool* pool) : pool_(*pool) {}

  absl::StatusOr<Mutated<WorkflowRow>> CreateWorkflow(const WorkflowRow& workflow,
                                                      const RevisionRow& revision,
                                                      const RequestKey& request) override;
  absl::StatusOr<Mutated<WorkflowRow>> UpdateWorkflow(const WorkflowUpdate& update,
                                                      const RequestKey& request) override;
  absl::StatusOr<Mutated<WorkflowRow>> DeleteWorkflow(const WorkflowId& id, const std::string& etag,
                                                      bool keep_executions,
                                                      const RequestKey& request) override;
  absl::StatusOr<WorkflowRow> GetWorkflow(const WorkflowId& id) override;
  absl::StatusOr<WorkflowRow> GetWorkflowByKey(const Uuid& workflow_key) override;
  absl::StatusOr<std::vector<WorkflowRow>> ListWorkflows(const std::string& project,
                                                         const std::string& name_prefix,
                                                         const std::string& after_name,
                                                         int limit) override;
  absl::StatusOr<RevisionRow> GetRevision(const Uuid& workflow_key, int64_t revision) override;
  absl::StatusOr<std::vector<RevisionRow>> ListRevisions(const Uuid& workflow_key, int64_t before,
                                                         int limit) override;
  absl::StatusOr<DeletionSlice> RunDeletionSlice(int limit) override;

  absl::StatusOr<Mutated<FunctionRow>> CreateFunction(const FunctionRow& function,
                                                      const RequestKey& request) override;
  absl::StatusOr<FunctionRow> GetFunction(const FunctionId& id) override;
  absl::StatusOr<std::vector<FunctionRow>> ListFunctions(const std::string& project,
                                                         const std::string& after_name,
                                                         int limit) override;
  absl::StatusOr<Mutated<FunctionRow>> DeleteFunction(const FunctionId& id,
                                                      const RequestKey& request) override;

  absl::StatusOr<StoredExecution> GetExecution(const ExecutionId& id) override;
  absl::StatusOr<WorkflowRow> GetListedWorkflow(const WorkflowId& id) override;
  absl::StatusOr<std::vector<StoredExecution>> ListExecutions(
      const ExecutionsFilter& filter, const std::optional<ExecutionKey>& after, int limit) override;
  absl::StatusOr<Mutated<StoredExecution>> ReleaseQuarantined(const ExecutionId& id,
                                                              const RequestKey& request) override;

  absl::StatusOr<std::string> EnsureSecret(const std::string& name) override;
  absl::StatusOr<int64_t> RemoveOldRequests(int limit) override;

 private:
  Pool& pool_;
};

}  // namespace millrace::db
