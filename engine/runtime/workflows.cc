#include "engine/runtime/workflows.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/base/clock.h"
#include "engine/base/hash.h"
#include "engine/base/log.h"
#include "engine/base/lru_cache.h"
#include "engine/base/status_macros.h"
#include "engine/errors.h"
#include "engine/json/json.h"
#include "engine/languages/compile.h"
#include "engine/languages/problem_list.h"
#include "engine/runtime/function_calls.h"
#include "engine/runtime/resource_names.h"

namespace millrace {
namespace {

constexpr absl::string_view kDefinitionField = "workflow.definition";
constexpr absl::string_view kFunctionNotFound = "FUNCTION_NOT_FOUND";
// A compiled program takes some ten times its text.
constexpr size_t kProgramTextBytesMax = 64u << 20;
constexpr size_t kProgramOverheadBytes = 4096;
constexpr size_t kLatestMax = 100'000;
constexpr int64_t kLatestNanosMax = 1'000'000'000;

struct ProgramKey {
  Uuid workflow_key;
  int64_t revision = 0;
  friend bool operator==(const ProgramKey&, const ProgramKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const ProgramKey& key) {
    return H::combine(std::move(h), key.workflow_key, key.revision);
  }
};

// A workflow as it was found at a time of the steady clock.
struct Latest {
  WorkflowRow workflow;
  int64_t read_at = 0;
};

CompileOptions OptionsFor(WorkflowType type) {
  return {.is_express = type == WorkflowType::kExpress};
}

bool IsError(const Problem& problem) { return problem.severity == Severity::kError; }

bool HasErrors(const std::vector<Problem>& problems) {
  return std::any_of(problems.begin(), problems.end(), IsError);
}

// There is an error among them.
absl::Status DefinitionError(const std::vector<Problem>& problems) {
  const bool are_functions =
      std::all_of(problems.begin(), problems.end(), [](const Problem& problem) {
        return !IsError(problem) || problem.code == kFunctionNotFound;
      });
  return are_functions ? errors::FunctionsNotFound(ViolationsOf(problems))
                       : errors::InvalidDefinition(ViolationsOf(problems));
}

// The workflow's type was to change; and what is wrong with its new definition beside.
absl::Status TypeError(WorkflowType type, const std::vector<Problem>& problems) {
  std::vector<errors::FieldViolation> violations = ViolationsOf(problems);
  violations.insert(
      violations.begin(),
      {.field = "workflow.type",
       .description = absl::StrCat("cannot be changed, and is ",
                                   type == WorkflowType::kExpress ? "EXPRESS" : "STANDARD",
                                   ": leave it out")});
  return errors::InvalidArgument(std::move(violations));
}

RequestKey KeyOf(const std::string& project, const std::string& request_id,
                 absl::string_view method, FieldHash& hash) {
  if (request_id.empty()) return {.project = project};
  return {.project = project,
          .request_id = request_id,
          .method = std::string(method),
          .hash = hash.Finish()};
}

}  // namespace

struct Workflows::State {
  explicit State(CatalogStorage* catalog) : storage(catalog) {}

  // A compiled definition, whose functions all exist; else everything that is wrong with it.
  // Without a project no function is looked for.
  absl::StatusOr<CompileResult> Check(const std::string& project, absl::string_view language,
                                      absl::string_view definition, WorkflowType type);
  absl::StatusOr<Startable> FindProgram(const WorkflowRow& workflow, int64_t revision);

  std::optional<Startable> FindKept(const ProgramKey& key) {
    const std::lock_guard lock(mutex);
    const Startable* kept = programs.Find(key);
    return kept == nullptr ? std::nullopt : std::optional(*kept);
  }
  void Keep(const Startable& startable, size_t definition_bytes) {
    const std::lock_guard lock(mutex);
    programs.Put({startable.workflow.workflow_key, startable.revision}, startable,
                 definition_bytes + kProgramOverheadBytes);
  }
  // After a mutation, also one whose answer is an error: rows that were read before are forgotten,
  // and those that are being read are not kept.
  void Forget(const WorkflowId& id) {
    const std::lock_guard lock(mutex);
    ++mutations;
    latest.Erase(id);
  }

  CatalogStorage* const storage;
  std::mutex mutex;
  LruCache<ProgramKey, Startable> programs{kProgramTextBytesMax};
  LruCache<WorkflowId, Latest> latest{kLatestMax};
  int64_t mutations = 0;
};

Workflows::Workflows(CatalogStorage* storage) : state_(std::make_unique<State>(storage)) {}
Workflows::~Workflows() = default;

absl::StatusOr<CompileResult> Workflows::State::Check(const std::string& project,
                                                      absl::string_view language,
                                                      absl::string_view definition,
                                                      WorkflowType type) {
  CompileResult compiled = Compile(language, definition, OptionsFor(type));
  const absl::StatusOr<Json> json = ParseJson(definition);
  if (project.empty()) return compiled;
  std::vector<FunctionCall> calls;
  if (json.ok()) calls = FindFunctionCalls(*json);
  std::set<std::string> names;
  for (const FunctionCall& call : calls) names.insert(call.function);
  if (compiled.program != nullptr) {
    for (std::string& name : compiled.program->FunctionNames()) names.insert(std::move(name));
  }
  for (const std::string& name : names) {
    const auto row = storage->GetFunction({.project = project, .function = name});
    if (row.ok()) continue;
    if (!absl::IsNotFound(row.status())) return row.status();
    compiled.problems.push_back(UnknownFunction(calls, project, name));
  }
  if (HasErrors(compiled.problems)) compiled.program = nullptr;
  ProblemList problems;  // errors first, and not too many
  for (Problem& problem : compiled.problems) problems.Add(std::move(problem));
  compiled.problems = std::move(problems).Take();
  return compiled;
}

std::vector<errors::FieldViolation> ViolationsOf(const std::vector<Problem>& problems) {
  std::vector<errors::FieldViolation> violations;
  violations.reserve(problems.size());
  for (const Problem& problem : problems) {
    if (!IsError(problem)) continue;
    violations.push_back(
        {.field = std::string(kDefinitionField),
         .description =
             problem.pointer.empty()
                 ? absl::StrCat(problem.message, " (", problem.code, ")")
                 : absl::StrCat(problem.pointer, ": ", problem.message, " (", problem.code, ")")});
  }
  return violations;
}

absl::StatusOr<WorkflowRow> Workflows::Create(const CreateRequest& request) {
  MILLRACE_ASSIGN_OR_RETURN(
      const CompileResult compiled,
      state_->Check(request.id.project, request.language, request.definition, request.type));
  if (compiled.program == nullptr) return DefinitionError(compiled.problems);
  // To the microsecond, as the database gives it back.
  const absl::Time now = absl::FromUnixMicros(absl::ToUnixMicros(absl::Now()));
  const WorkflowRow workflow{.workflow_key = Uuid::Random(),
                             .id = request.id,
                             .type = request.type,
                             .description = request.description,
                             .revision = 1,
                             .etag = Uuid::Random().ToString(),
                             .created_at = now,
                             .updated_at = now};
  const RevisionRow revision{.workflow_key = workflow.workflow_key,
                             .revision = 1,
                             .language = request.language,
                             .definition = request.definition,
                             .created_at = now};
  FieldHash hash;
  hash.Add(request.id.workflow)
      .Add(request.type == WorkflowType::kExpress ? "EXPRESS" : "STANDARD")
      .Add(request.language)
      .Add(request.definition)
      .Add(request.description);
  const auto created = state_->storage->CreateWorkflow(
      workflow, revision, KeyOf(request.id.project, request.request_id, "CreateWorkflow", hash));
  state_->Forget(request.id);
  MILLRACE_RETURN_IF_ERROR(created.status());
  if (!created->repeated) {
    state_->Keep(
        {.workflow = created->row, .revision = created->row.revision, .program = compiled.program},
        request.definition.size());
  }
  return created->row;
}

absl::StatusOr<WorkflowRow> Workflows::Update(const UpdateRequest& update) {
  CatalogStorage::WorkflowUpdate checked = update.change;
  const WorkflowId& id = checked.id;
  if (checked.definition.has_value() || update.type.has_value()) {
    MILLRACE_ASSIGN_OR_RETURN(const WorkflowRow workflow, state_->storage->GetWorkflow(id));
    if (checked.definition.has_value() && checked.language.empty()) {
      MILLRACE_ASSIGN_OR_RETURN(
          const RevisionRow latest,
          state_->storage->GetRevision(workflow.workflow_key, workflow.revision));
      checked.language = latest.language;
    }
    std::vector<Problem> problems;
    if (checked.definition.has_value()) {
      MILLRACE_ASSIGN_OR_RETURN(
          CompileResult compiled,
          state_->Check(id.project, checked.language, *checked.definition, workflow.type));
      problems = std::move(compiled.problems);
    }
    if (update.type.has_value() && *update.type != workflow.type) {
      return TypeError(workflow.type, problems);
    }
    if (HasErrors(problems)) return DefinitionError(problems);
  }
  FieldHash hash;
  hash.Add(id.workflow)
      .Add(checked.definition.has_value() ? "definition" : "")
      .Add(checked.definition.value_or(""))
      .Add(checked.description.has_value() ? "description" : "")
      .Add(checked.description.value_or(""))
      .Add(update.change.language)
      .Add(checked.etag);
  const auto updated = state_->storage->UpdateWorkflow(
      checked, KeyOf(id.project, update.request_id, "UpdateWorkflow", hash));
  state_->Forget(id);
  MILLRACE_RETURN_IF_ERROR(updated.status());
  return updated->row;
}

absl::StatusOr<WorkflowRow> Workflows::Delete(const WorkflowId& id, const std::string& etag,
                                              bool keep_executions, const std::string& request_id) {
  FieldHash hash;
  hash.Add(id.workflow).Add(etag).Add(keep_executions ? "keep" : "");
  const auto deleted = state_->storage->DeleteWorkflow(
      id, etag, keep_executions, KeyOf(id.project, request_id, "DeleteWorkflow", hash));
  state_->Forget(id);
  MILLRACE_RETURN_IF_ERROR(deleted.status());
  return deleted->row;
}

absl::StatusOr<WorkflowRow> Workflows::Get(const WorkflowId& id) {
  return state_->storage->GetWorkflow(id);
}

absl::StatusOr<RevisionRow> Workflows::GetRevision(const WorkflowId& id, int64_t revision) {
  MILLRACE_ASSIGN_OR_RETURN(const WorkflowRow workflow, state_->storage->GetWorkflow(id));
  if (revision > workflow.revision) return errors::RevisionNotFound(NameOf(id), revision);
  return state_->storage->GetRevision(workflow.workflow_key,
                                      revision == 0 ? workflow.revision : revision);
}

absl::StatusOr<RevisionRow> Workflows::GetRevisionOf(const ExecutionId& id) {
  MILLRACE_ASSIGN_OR_RETURN(const StoredExecution execution, state_->storage->GetExecution(id));
  return state_->storage->GetRevision(execution.workflow_key, execution.revision);
}

absl::StatusOr<std::vector<RevisionRow>> Workflows::ListRevisions(const WorkflowId& id,
                                                                  int64_t before, int limit) {
  MILLRACE_ASSIGN_OR_RETURN(const WorkflowRow workflow, state_->storage->GetWorkflow(id));
  return state_->storage->ListRevisions(workflow.workflow_key, before, limit);
}

absl::StatusOr<std::vector<WorkflowRow>> Workflows::List(const std::string& project,
                                                         const std::string& name_prefix,
                                                         const std::string& after_name, int limit) {
  return state_->storage->ListWorkflows(project, name_prefix, after_name, limit);
}

absl::StatusOr<std::vector<Problem>> Workflows::Validate(const std::string& project,
                                                         absl::string_view language,
                                                         absl::string_view definition,
                                                         WorkflowType type) {
  MILLRACE_ASSIGN_OR_RETURN(CompileResult compiled,
                            state_->Check(project, language, definition, type));
  return std::move(compiled.problems);
}

absl::StatusOr<Workflows::Startable> Workflows::State::FindProgram(const WorkflowRow& workflow,
                                                                   int64_t revision) {
  if (std::optional<Startable> kept = FindKept({workflow.workflow_key, revision})) {
    kept->workflow = workflow;
    return *std::move(kept);
  }
  MILLRACE_ASSIGN_OR_RETURN(const RevisionRow row,
                            storage->GetRevision(workflow.workflow_key, revision));
  // It was accepted when it was kept, by a version with other rules, perhaps.
  CompileOptions options = OptionsFor(workflow.type);
  options.is_lenient = true;
  options.definition_bytes_max = std::max(options.definition_bytes_max, row.definition.size());
  CompileResult compiled = Compile(row.language, row.definition, options);
  if (HasErrors(compiled.problems)) {
    const Problem& problem = compiled.problems[0];
    const bool is_runnable = compiled.program != nullptr;
    Log(is_runnable ? LogLevel::kWarning : LogLevel::kError,
        is_runnable ? "a kept definition breaks rules, and is run all the same"
                    : "a kept definition does not compile",
        {{"workflow", NameOf(workflow.id)},
         {"revision", absl::StrCat(revision)},
         {"problem", problem.code}});
    if (!is_runnable) {
      return errors::RevisionNotRunnable(
          NameOf(workflow.id), revision,
          absl::StrCat(problem.pointer, ": ", problem.message, " (", problem.code, ")"));
    }
  }
  Startable startable{
      .workflow = workflow, .revision = revision, .program = std::move(compiled.program)};
  Keep(startable, row.definition.size());
  return startable;
}

absl::StatusOr<Workflows::Startable> Workflows::FindForStart(const WorkflowId& id,
                                                             int64_t revision) {
  int64_t mutations_before = 0;
  {
    const std::lock_guard lock(state_->mutex);
    mutations_before = state_->mutations;
  }
  const int64_t read_at = SteadyNanos();
  MILLRACE_ASSIGN_OR_RETURN(const WorkflowRow workflow, state_->storage->GetWorkflow(id));
  if (revision > workflow.revision) return errors::RevisionNotFound(NameOf(id), revision);
  MILLRACE_ASSIGN_OR_RETURN(
      Startable startable,
      state_->FindProgram(workflow, revision == 0 ? workflow.revision : revision));
  const std::lock_guard lock(state_->mutex);
  if (state_->mutations == mutations_before) {
    state_->latest.Put(id, {.workflow = workflow, .read_at = read_at});
  }
  return startable;
}

std::optional<Workflows::Startable> Workflows::FindCached(const WorkflowId& id, int64_t revision) {
  const std::lock_guard lock(state_->mutex);
  const Latest* latest = state_->latest.Find(id);
  if (latest == nullptr || SteadyNanos() - latest->read_at > kLatestNanosMax) return std::nullopt;
  const WorkflowRow& workflow = latest->workflow;
  const Startable* kept =
      state_->programs.Find({workflow.workflow_key, revision == 0 ? workflow.revision : revision});
  if (kept == nullptr) return std::nullopt;
  return Startable{.workflow = workflow, .revision = kept->revision, .program = kept->program};
}

absl::StatusOr<Workflows::Startable> Workflows::FindByKey(const Uuid& workflow_key,
                                                          int64_t revision) {
  if (std::optional<Startable> kept = state_->FindKept({workflow_key, revision})) {
    return *std::move(kept);
  }
  MILLRACE_ASSIGN_OR_RETURN(const WorkflowRow workflow,
                            state_->storage->GetWorkflowByKey(workflow_key));
  return state_->FindProgram(workflow, revision);
}

}  // namespace millrace
