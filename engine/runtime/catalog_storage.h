#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/base/ids.h"
#include "engine/runtime/storage.h"

namespace millrace {

enum class WorkflowType { kStandard, kExpress };

struct WorkflowRow {
  Uuid workflow_key;
  WorkflowId id;
  WorkflowType type = WorkflowType::kStandard;
  std::string description;
  int64_t revision = 0;  // the latest
  std::string etag;
  absl::Time created_at;
  absl::Time updated_at;
  bool deleted = false;
};

struct RevisionRow {
  Uuid workflow_key;
  int64_t revision = 0;
  std::string language;    // "ASL"
  std::string definition;  // as it was given, byte for byte
  absl::Time created_at;
};

struct FunctionRow {
  FunctionId id;
  Uuid version_key;  // of its code
  std::string handler;
  std::string source;  // one of source and zip is set
  std::string zip;
  absl::Duration timeout;
  int64_t memory_bytes_max = 0;
  std::string description;
  absl::Time created_at;
};

// What makes a mutating call safe to repeat. Empty request_id: nothing is remembered.
struct RequestKey {
  std::string project;
  std::string request_id;
  std::string method;
  std::string hash;  // SHA-256 of what was asked
};

// The answer to a mutation: what stands now, and whether an earlier call with this request_id did
// it.
template <typename Row>
struct Mutated {
  Row row;
  bool repeated = false;
};

// Keyset paging: rows after `after`, in the list's order.
struct ExecutionsFilter {
  WorkflowId workflow;
  std::optional<ExecutionStatus> status;
  std::string execution_id_prefix;
  std::optional<absl::Time> started_after;   // inclusive
  std::optional<absl::Time> started_before;  // exclusive
};

// Workflows, functions and what lists need: ordinary rows, off the hot path. Calls block; any
// thread. Errors are those of engine/errors.h (WORKFLOW_NOT_FOUND, ALREADY_EXISTS, ETAG_MISMATCH,
// REQUEST_ID_REUSED ...) and ExecutionStorage's UNAVAILABLE and ABORTED.
class CatalogStorage {
 public:
  virtual ~CatalogStorage() = default;

  virtual absl::StatusOr<Mutated<WorkflowRow>> CreateWorkflow(const WorkflowRow& workflow,
                                                              const RevisionRow& revision,
                                                              const RequestKey& request) = 0;
  // A new revision and description. `etag` empty: whatever stands. A definition equal to the latest
  // revision's makes no new one.
  struct WorkflowUpdate {
    WorkflowId id;
    std::optional<std::string> definition;
    std::optional<std::string> description;
    std::string language;
    std::string etag;
  };
  virtual absl::StatusOr<Mutated<WorkflowRow>> UpdateWorkflow(const WorkflowUpdate& update,
                                                              const RequestKey& request) = 0;
  // Marks it deleted: it is not found from now on. With `keep_executions` false its executions are
  // to be stopped and removed, which NextDeletion() hands out.
  virtual absl::StatusOr<Mutated<WorkflowRow>> DeleteWorkflow(const WorkflowId& id,
                                                              const std::string& etag,
                                                              bool keep_executions,
                                                              const RequestKey& request) = 0;
  virtual absl::StatusOr<WorkflowRow> GetWorkflow(const WorkflowId& id) = 0;
  virtual absl::StatusOr<WorkflowRow> GetWorkflowByKey(
      const Uuid& workflow_key) = 0;  // also deleted
  virtual absl::StatusOr<std::vector<WorkflowRow>> ListWorkflows(const std::string& project,
                                                                 const std::string& name_prefix,
                                                                 const std::string& after_name,
                                                                 int limit) = 0;
  virtual absl::StatusOr<RevisionRow> GetRevision(const Uuid& workflow_key, int64_t revision) = 0;
  // Newest first; `before` 0: from the newest.
  virtual absl::StatusOr<std::vector<RevisionRow>> ListRevisions(const Uuid& workflow_key,
                                                                 int64_t before, int limit) = 0;

  // Deleted workflows that still have rows, in slices: open executions that are to be stopped, and
  // whether ended ones were removed (those that ended 10 minutes ago or more). The workflow's own
  // rows go with its last execution.
  struct DeletionSlice {
    std::vector<ExecutionKey> open;  // at most `limit`
    int64_t removed = 0;
  };
  virtual absl::StatusOr<DeletionSlice> RunDeletionSlice(int limit) = 0;

  virtual absl::StatusOr<Mutated<FunctionRow>> CreateFunction(const FunctionRow& function,
                                                              const RequestKey& request) = 0;
  virtual absl::StatusOr<FunctionRow> GetFunction(const FunctionId& id) = 0;
  // Without code.
  virtual absl::StatusOr<std::vector<FunctionRow>> ListFunctions(const std::string& project,
                                                                 const std::string& after_name,
                                                                 int limit) = 0;
  virtual absl::StatusOr<Mutated<FunctionRow>> DeleteFunction(const FunctionId& id,
                                                              const RequestKey& request) = 0;

  // An executions row without its journal: of the workflow that has this name, else of the one that
  // was deleted last and has an execution of this id. EXECUTION_NOT_FOUND.
  virtual absl::StatusOr<StoredExecution> GetExecution(const ExecutionId& id) = 0;
  // Whose executions a list of this name shows: the workflow that has the name, else the one that
  // was deleted last of those whose executions were kept. WORKFLOW_NOT_FOUND.
  virtual absl::StatusOr<WorkflowRow> GetListedWorkflow(const WorkflowId& id) = 0;
  // That workflow's, newest first; none if there is no such workflow. `after` is the key of the
  // last row of the page before.
  virtual absl::StatusOr<std::vector<StoredExecution>> ListExecutions(
      const ExecutionsFilter& filter, const std::optional<ExecutionKey>& after, int limit) = 0;
  // Puts a quarantined execution back in circulation, to be claimed by any node at once, with
  // nothing held against it. EXECUTION_NOT_QUARANTINED for any other.
  virtual absl::StatusOr<Mutated<StoredExecution>> ReleaseQuarantined(
      const ExecutionId& id, const RequestKey& request) = 0;

  // The 32 random bytes of this name, made by whoever asks first: the same on every node.
  virtual absl::StatusOr<std::string> EnsureSecret(const std::string& name) = 0;

  // request_ids are kept 24 hours; removes older ones in slices.
  virtual absl::StatusOr<int64_t> RemoveOldRequests(int limit) = 0;
};

}  // namespace millrace
