#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "engine/errors.h"
#include "engine/program/program.h"
#include "engine/runtime/catalog_storage.h"

namespace millrace {

// A definition's problems as violations of the field "workflow.definition".
std::vector<errors::FieldViolation> ViolationsOf(const std::vector<Problem>& problems);

// Workflows and their revisions: checks definitions, keeps them, and gives compiled programs to the
// runtime. Thread-safe; calls block on the database unless what they need is cached.
class Workflows {
 public:
  explicit Workflows(CatalogStorage* storage);
  ~Workflows();

  struct CreateRequest {
    WorkflowId id;
    std::string language;  // "ASL"
    std::string definition;
    std::string description;
    WorkflowType type = WorkflowType::kStandard;
    std::string request_id;
  };
  // INVALID_DEFINITION with all problems; FUNCTION_NOT_FOUND for functions that do not exist. The
  // violations are of the field "workflow.definition"; their texts begin with the JSON pointer.
  absl::StatusOr<WorkflowRow> Create(const CreateRequest& request);
  struct UpdateRequest {
    CatalogStorage::WorkflowUpdate
        change;  // its language may be empty: that of the latest revision
    // What the caller takes the type for: INVALID_FIELD unless it is that, because no workflow
    // changes its type.
    std::optional<WorkflowType> type;
    std::string request_id;
  };
  absl::StatusOr<WorkflowRow> Update(const UpdateRequest& update);
  absl::StatusOr<WorkflowRow> Delete(const WorkflowId& id, const std::string& etag,
                                     bool keep_executions, const std::string& request_id);
  absl::StatusOr<WorkflowRow> Get(const WorkflowId& id);
  absl::StatusOr<RevisionRow> GetRevision(const WorkflowId& id, int64_t revision);  // 0: latest
  // The revision that an execution runs, also of a deleted workflow.
  absl::StatusOr<RevisionRow> GetRevisionOf(const ExecutionId& id);
  absl::StatusOr<std::vector<RevisionRow>> ListRevisions(const WorkflowId& id, int64_t before,
                                                         int limit);
  absl::StatusOr<std::vector<WorkflowRow>> List(const std::string& project,
                                                const std::string& name_prefix,
                                                const std::string& after_name, int limit);
  // Problems without keeping anything, unknown functions of `project` included: of none if it is
  // empty.
  absl::StatusOr<std::vector<Problem>> Validate(const std::string& project,
                                                absl::string_view language,
                                                absl::string_view definition, WorkflowType type);

  // What a start needs: the workflow and the program of a revision (0: the latest).
  struct Startable {
    WorkflowRow workflow;
    int64_t revision = 0;
    std::shared_ptr<const Program> program;
  };
  absl::StatusOr<Startable> FindForStart(const WorkflowId& id, int64_t revision);
  // The same from memory alone; nullopt if it is not there, or was read more than a second ago.
  std::optional<Startable> FindCached(const WorkflowId& id, int64_t revision);
  // The program of an execution's revision, also of a deleted workflow. From memory where it is
  // cached: what can change of `workflow` (its latest revision, etag ...) may be old then.
  absl::StatusOr<Startable> FindByKey(const Uuid& workflow_key, int64_t revision);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace millrace
