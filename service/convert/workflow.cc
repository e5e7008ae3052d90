#include "service/convert/workflow.h"

#include "absl/strings/str_cat.h"
#include "service/convert/times.h"
#include "service/names.h"

namespace millrace::service {
namespace {

constexpr absl::string_view kLanguageDefault = "ASL";
constexpr size_t kLanguageBytesMax = 32;

void CheckDefinition(absl::string_view definition, FieldChecks* checks) {
  if (definition.empty()) checks->Add("workflow.definition", "is required");
  checks->SizeAtMost("workflow.definition", definition, kDefinitionBytesMax);
}

}  // namespace

v1::Workflow::Type ToProto(WorkflowType type) {
  return type == WorkflowType::kExpress ? v1::Workflow::EXPRESS : v1::Workflow::STANDARD;
}

WorkflowType FromProto(absl::string_view field, v1::Workflow::Type type, FieldChecks* checks) {
  if (!v1::Workflow::Type_IsValid(type)) {
    checks->Add(field, absl::StrCat("is STANDARD or EXPRESS, and is ", static_cast<int>(type)));
  }
  return type == v1::Workflow::EXPRESS ? WorkflowType::kExpress : WorkflowType::kStandard;
}

v1::Workflow ToProto(const WorkflowRow& row) {
  v1::Workflow proto;
  proto.set_name(NameOf(row.id));
  proto.set_uid(row.workflow_key.ToString());
  proto.set_type(ToProto(row.type));
  proto.set_description(row.description);
  proto.set_revision(static_cast<int32_t>(row.revision));
  proto.set_etag(row.etag);
  *proto.mutable_create_time() = ToProto(row.created_at);
  *proto.mutable_update_time() = ToProto(row.updated_at);
  return proto;
}

v1::Workflow ToProto(const WorkflowRow& row, const RevisionRow& revision) {
  v1::Workflow proto = ToProto(row);
  proto.set_language(revision.language);
  proto.set_definition(revision.definition);
  proto.set_revision(static_cast<int32_t>(revision.revision));
  return proto;
}

v1::WorkflowRevision ToProto(const WorkflowId& id, const RevisionRow& row) {
  v1::WorkflowRevision proto;
  proto.set_name(RevisionName(id, row.revision));
  proto.set_revision(static_cast<int32_t>(row.revision));
  proto.set_language(row.language);
  proto.set_definition(row.definition);
  *proto.mutable_create_time() = ToProto(row.created_at);
  return proto;
}

v1::DefinitionProblem ToProto(const Problem& problem) {
  v1::DefinitionProblem proto;
  proto.set_pointer(problem.pointer);
  proto.set_code(problem.code);
  proto.set_message(problem.message);
  proto.set_severity(problem.severity == Severity::kWarning ? v1::DefinitionProblem::WARNING
                                                            : v1::DefinitionProblem::ERROR);
  return proto;
}

Workflows::CreateRequest FromProto(const v1::CreateWorkflowRequest& request, FieldChecks* checks) {
  const v1::Workflow& workflow = request.workflow();
  Workflows::CreateRequest create{
      .id = {.project = ParseProjectName("parent", request.parent(), checks),
             .workflow = request.workflow_id()},
      .language = workflow.language().empty() ? std::string(kLanguageDefault) : workflow.language(),
      .definition = workflow.definition(),
      .description = workflow.description(),
      .type = FromProto("workflow.type", workflow.type(), checks),
      .request_id = request.request_id()};
  CheckWorkflowId("workflow_id", request.workflow_id(), checks);
  CheckDefinition(workflow.definition(), checks);
  checks->SizeAtMost("workflow.language", workflow.language(), kLanguageBytesMax);
  checks->SizeAtMost("workflow.description", workflow.description(), kDescriptionBytesMax);
  checks->OptionalRequestId("request_id", request.request_id());
  return create;
}

Workflows::UpdateRequest FromProto(const v1::UpdateWorkflowRequest& request, FieldChecks* checks) {
  const v1::Workflow& workflow = request.workflow();
  Workflows::UpdateRequest update{
      .change = {.id = ParseWorkflowName("workflow.name", workflow.name(), checks),
                 .language = workflow.language(),
                 .etag = workflow.etag()},
      .request_id = request.request_id()};
  const bool is_masked = !request.update_mask().paths().empty();
  bool definition = !is_masked && !workflow.definition().empty();
  bool description = !is_masked && !workflow.description().empty();
  bool type = !is_masked;
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "definition" || path == "*") definition = true;
    if (path == "description" || path == "*") description = true;
    if (path == "type" || path == "*") type = true;
    if (path != "definition" && path != "description" && path != "language" && path != "type" &&
        path != "*") {
      checks->Add("update_mask",
                  absl::StrCat("names definition, description, language or *, not ", Quote(path)));
    }
  }
  if (type && workflow.type() != v1::Workflow::TYPE_UNSPECIFIED) {
    update.type = FromProto("workflow.type", workflow.type(), checks);
  }
  if (!definition && !description) checks->Add("update_mask", "changes a field");
  if (definition) {
    CheckDefinition(workflow.definition(), checks);
    update.change.definition = workflow.definition();
  } else if (!workflow.language().empty()) {
    checks->Add("workflow.language", "changes with the definition only");
  }
  if (description) update.change.description = workflow.description();
  checks->SizeAtMost("workflow.language", workflow.language(), kLanguageBytesMax);
  checks->SizeAtMost("workflow.description", workflow.description(), kDescriptionBytesMax);
  checks->OptionalRequestId("request_id", request.request_id());
  return update;
}

}  // namespace millrace::service
