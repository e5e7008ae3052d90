#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "engine/runtime/catalog_storage.h"
#include "tests/support/memory_storage.h"

namespace millrace::testing {

// The workflows of a MemoryStorage, with a revision each, for tests of what runs them. What nobody
// asks when executions run is UNIMPLEMENTED. Thread-safe.
class MemoryCatalog : public CatalogStorage {
 public:
  explicit MemoryCatalog(MemoryStorage* storage) : storage_(*storage) {}

  // A workflow of the project "default".
  WorkflowRow Add(const std::string& name, std::string definition,
                  WorkflowType type = WorkflowType::kStandard) {
    const std::lock_guard lock(mutex_);
    WorkflowRow row{.workflow_key = Uuid::Random(),
                    .id = {.project = "default", .workflow = name},
                    .type = type,
                    .revision = 1,
                    .etag = "1"};
    storage_.AddWorkflow(row.workflow_key, row.id.project, name);
    entries_[row.workflow_key] = {.row = row, .definition = std::move(definition)};
    return row;
  }
  // What the revision would say if it had been accepted by other rules. What has read it keeps it.
  void Redefine(const WorkflowRow& workflow, std::string definition) {
    const std::lock_guard lock(mutex_);
    entries_[workflow.workflow_key].definition = std::move(definition);
  }
  // Called, from the asking thread, each time a workflow is looked up by its name.
  void OnGetWorkflow(std::function<void()> hook) {
    const std::lock_guard lock(mutex_);
    on_get_workflow_ = std::move(hook);
  }

  absl::StatusOr<WorkflowRow> GetWorkflow(const WorkflowId& id) override {
    std::function<void()> hook;
    {
      const std::lock_guard lock(mutex_);
      hook = on_get_workflow_;
    }
    if (hook) hook();
    const std::lock_guard lock(mutex_);
    for (const auto& [key, entry] : entries_) {
      if (entry.row.id == id) return entry.row;
    }
    return errors::WorkflowNotFound(id.workflow);
  }
  absl::StatusOr<WorkflowRow> GetWorkflowByKey(const Uuid& workflow_key) override {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(workflow_key);
    if (found == entries_.end()) return errors::WorkflowNotFound(workflow_key.ToString());
    return found->second.row;
  }
  absl::StatusOr<RevisionRow> GetRevision(const Uuid& workflow_key, int64_t revision) override {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(workflow_key);
    if (found == entries_.end() || revision != 1) {
      return errors::RevisionNotFound(workflow_key.ToString(), revision);
    }
    return RevisionRow{.workflow_key = workflow_key,
                       .revision = revision,
                       .language = "ASL",
                       .definition = found->second.definition};
  }
  absl::StatusOr<StoredExecution> GetExecution(const ExecutionId& id) override {
    const absl::StatusOr<WorkflowRow> workflow = GetWorkflow(id.workflow);
    if (!workflow.ok()) return workflow.status();
    const auto found = storage_.ReadByName(
        {{.workflow_key = workflow->workflow_key, .execution_id = id.execution}});
    if (!found.ok()) return found.status();
    if (!found->front().has_value()) return errors::ExecutionNotFound(id.execution);
    return *found->front();
  }
  absl::StatusOr<DeletionSlice> RunDeletionSlice(int) override { return DeletionSlice{}; }
  absl::StatusOr<std::string> EnsureSecret(const std::string&) override {
    return std::string(32, 's');
  }
  absl::StatusOr<int64_t> RemoveOldRequests(int) override { return 0; }

  absl::StatusOr<Mutated<WorkflowRow>> CreateWorkflow(const WorkflowRow&, const RevisionRow&,
                                                      const RequestKey&) override {
    return Missing();
  }
  absl::StatusOr<Mutated<WorkflowRow>> UpdateWorkflow(const WorkflowUpdate&,
                                                      const RequestKey&) override {
    return Missing();
  }
  absl::StatusOr<Mutated<WorkflowRow>> DeleteWorkflow(const WorkflowId&, const std::string&, bool,
                                                      const RequestKey&) override {
    return Missing();
  }
  absl::StatusOr<std::vector<WorkflowRow>> ListWorkflows(const std::string&, const std::string&,
                                                         const std::string&, int) override {
    return Missing();
  }
  absl::StatusOr<std::vector<RevisionRow>> ListRevisions(const Uuid&, int64_t, int) override {
    return Missing();
  }
  absl::StatusOr<Mutated<FunctionRow>> CreateFunction(const FunctionRow&,
                                                      const RequestKey&) override {
    return Missing();
  }
  absl::StatusOr<FunctionRow> GetFunction(const FunctionId&) override { return Missing(); }
  absl::StatusOr<std::vector<FunctionRow>> ListFunctions(const std::string&, const std::string&,
                                                         int) override {
    return Missing();
  }
  absl::StatusOr<Mutated<FunctionRow>> DeleteFunction(const FunctionId&,
                                                      const RequestKey&) override {
    return Missing();
  }
  absl::StatusOr<std::vector<StoredExecution>> ListExecutions(const ExecutionsFilter&,
                                                              const std::optional<ExecutionKey>&,
                                                              int) override {
    return Missing();
  }
  absl::StatusOr<WorkflowRow> GetListedWorkflow(const WorkflowId&) override { return Missing(); }
  absl::StatusOr<Mutated<StoredExecution>> ReleaseQuarantined(const ExecutionId&,
                                                              const RequestKey&) override {
    return Missing();
  }

 private:
  static absl::Status Missing() { return absl::UnimplementedError("not in memory"); }

  struct Entry {
    WorkflowRow row;
    std::string definition;
  };
  MemoryStorage& storage_;
  std::mutex mutex_;  // guards the rest
  std::map<Uuid, Entry> entries_;
  std::function<void()> on_get_workflow_;
};

}  // namespace millrace::testing
