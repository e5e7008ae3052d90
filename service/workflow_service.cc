#include "service/workflow_service.h"

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "google/protobuf/empty.pb.h"
#include "service/convert/workflow.h"
#include "service/names.h"
#include "service/pages.h"

namespace millrace::service {
namespace {

using google::protobuf::Empty;

absl::StatusOr<v1::Workflow> WithDefinition(Workflows& workflows, const WorkflowRow& row,
                                            int64_t revision) {
  MILLRACE_ASSIGN_OR_RETURN(const RevisionRow found, workflows.GetRevision(row.id, revision));
  return ToProto(row, found);
}

// The status of `checks`, which have found something, together with what is wrong with the
// definition: the caller is to hear of all of it at once.
absl::Status WithProblems(Workflows& workflows, const std::string& project,
                          absl::string_view language, absl::string_view definition,
                          WorkflowType type, FieldChecks* checks) {
  if (definition.empty() || definition.size() > kDefinitionBytesMax) return checks->status();
  const auto problems =
      workflows.Validate(project, language.empty() ? "ASL" : language, definition, type);
  if (!problems.ok()) return checks->status();
  for (const errors::FieldViolation& violation : ViolationsOf(*problems)) {
    checks->Add(violation.field, violation.description);
  }
  return checks->status();
}

absl::StatusOr<v1::Workflow> Create(Workflows& workflows,
                                    const v1::CreateWorkflowRequest& request) {
  FieldChecks checks;
  const Workflows::CreateRequest create = FromProto(request, &checks);
  if (!checks.ok()) {
    return WithProblems(workflows, create.id.project, create.language, create.definition,
                        create.type, &checks);
  }
  MILLRACE_ASSIGN_OR_RETURN(const WorkflowRow row, workflows.Create(create));
  return WithDefinition(workflows, row, row.revision);
}

absl::StatusOr<v1::Workflow> Get(Workflows& workflows, const v1::GetWorkflowRequest& request) {
  FieldChecks checks;
  const WorkflowId id = ParseWorkflowName("name", request.name(), &checks);
  checks.NotNegative("revision", request.revision());
  MILLRACE_RETURN_IF_ERROR(checks.status());
  MILLRACE_ASSIGN_OR_RETURN(const WorkflowRow row, workflows.Get(id));
  return WithDefinition(workflows, row, request.revision());
}

absl::StatusOr<v1::ListWorkflowsResponse> List(Workflows& workflows,
                                               const v1::ListWorkflowsRequest& request) {
  FieldChecks checks;
  const std::string project = ParseProjectName("parent", request.parent(), &checks);
  const std::string& prefix = request.workflow_id_prefix();
  if (!prefix.empty() && !IsWorkflowIdPrefix(prefix)) {
    checks.Add("workflow_id_prefix",
               absl::StrCat("is the beginning of a workflow's id, not ", Quote(prefix)));
  }
  const Page page = ParsePage(request, &checks);
  MILLRACE_RETURN_IF_ERROR(checks.status());
  // One more than the page tells whether there is another.
  MILLRACE_ASSIGN_OR_RETURN(std::vector<WorkflowRow> rows,
                            workflows.List(project, prefix, page.position, page.size + 1));
  v1::ListWorkflowsResponse response;
  if (rows.size() > static_cast<size_t>(page.size)) {
    rows.resize(static_cast<size_t>(page.size));
    response.set_next_page_token(NextPageToken(request, rows.back().id.workflow));
  }
  for (const WorkflowRow& row : rows) *response.add_workflows() = ToProto(row);
  return response;
}

absl::StatusOr<v1::Workflow> Update(Workflows& workflows,
                                    const v1::UpdateWorkflowRequest& request) {
  FieldChecks checks;
  const Workflows::UpdateRequest update = FromProto(request, &checks);
  if (!checks.ok()) {
    const auto row = workflows.Get(update.change.id);
    return WithProblems(workflows, update.change.id.project, update.change.language,
                        update.change.definition.value_or(""),
                        row.ok() ? row->type : WorkflowType::kStandard, &checks);
  }
  MILLRACE_ASSIGN_OR_RETURN(const WorkflowRow row, workflows.Update(update));
  return WithDefinition(workflows, row, row.revision);
}

absl::StatusOr<Empty> Delete(Workflows& workflows, const v1::DeleteWorkflowRequest& request) {
  FieldChecks checks;
  const WorkflowId id = ParseWorkflowName("name", request.name(), &checks);
  checks.OptionalRequestId("request_id", request.request_id());
  MILLRACE_RETURN_IF_ERROR(checks.status());
  MILLRACE_RETURN_IF_ERROR(
      workflows.Delete(id, request.etag(), request.keep_executions(), request.request_id())
          .status());
  return Empty();
}

absl::StatusOr<v1::ValidateWorkflowResponse> Validate(Workflows& workflows,
                                                      const v1::ValidateWorkflowRequest& request) {
  FieldChecks checks;
  const std::string project = ParseProjectName("parent", request.parent(), &checks);
  const v1::Workflow& workflow = request.workflow();
  const WorkflowType type = FromProto("workflow.type", workflow.type(), &checks);
  MILLRACE_RETURN_IF_ERROR(checks.status());
  MILLRACE_ASSIGN_OR_RETURN(
      const std::vector<Problem> problems,
      workflows.Validate(project, workflow.language().empty() ? "ASL" : workflow.language(),
                         workflow.definition(), type));
  v1::ValidateWorkflowResponse response;
  for (const Problem& problem : problems) *response.add_problems() = ToProto(problem);
  return response;
}

absl::StatusOr<v1::ListWorkflowRevisionsResponse> ListRevisions(
    Workflows& workflows, const v1::ListWorkflowRevisionsRequest& request) {
  FieldChecks checks;
  const WorkflowId id = ParseWorkflowName("parent", request.parent(), &checks);
  const Page page = ParsePage(request, &checks);
  const int64_t before = page.PositionAsNumber(&checks);
  MILLRACE_RETURN_IF_ERROR(checks.status());
  MILLRACE_ASSIGN_OR_RETURN(const std::vector<RevisionRow> rows,
                            workflows.ListRevisions(id, before, page.size + 1));
  v1::ListWorkflowRevisionsResponse response;
  size_t bytes = 0;
  for (const RevisionRow& row : rows) {
    bytes += row.definition.size();
    const int count = response.revisions_size();
    if (count == page.size || (count > 0 && bytes > kPageBytesMax)) {
      const int32_t last = response.revisions(count - 1).revision();
      response.set_next_page_token(NextPageToken(request, absl::StrCat(last)));
      break;
    }
    *response.add_revisions() = ToProto(id, row);
  }
  return response;
}

}  // namespace

grpc::ServerUnaryReactor* WorkflowService::CreateWorkflow(Context* context, const Bytes* request,
                                                          Bytes* response) {
  return calls_->ReceiveBlocking<v1::CreateWorkflowRequest, v1::Workflow>(
      context, request, response,
      [this](const Caller&, const auto& parsed) { return Create(*workflows_, parsed); });
}

grpc::ServerUnaryReactor* WorkflowService::GetWorkflow(Context* context, const Bytes* request,
                                                       Bytes* response) {
  return calls_->ReceiveBlocking<v1::GetWorkflowRequest, v1::Workflow>(
      context, request, response,
      [this](const Caller&, const auto& parsed) { return Get(*workflows_, parsed); });
}

grpc::ServerUnaryReactor* WorkflowService::ListWorkflows(Context* context, const Bytes* request,
                                                         Bytes* response) {
  return calls_->ReceiveBlocking<v1::ListWorkflowsRequest, v1::ListWorkflowsResponse>(
      context, request, response,
      [this](const Caller&, const auto& parsed) { return List(*workflows_, parsed); });
}

grpc::ServerUnaryReactor* WorkflowService::UpdateWorkflow(Context* context, const Bytes* request,
                                                          Bytes* response) {
  return calls_->ReceiveBlocking<v1::UpdateWorkflowRequest, v1::Workflow>(
      context, request, response,
      [this](const Caller&, const auto& parsed) { return Update(*workflows_, parsed); });
}

grpc::ServerUnaryReactor* WorkflowService::DeleteWorkflow(Context* context, const Bytes* request,
                                                          Bytes* response) {
  return calls_->ReceiveBlocking<v1::DeleteWorkflowRequest, Empty>(
      context, request, response,
      [this](const Caller&, const auto& parsed) { return Delete(*workflows_, parsed); });
}

grpc::ServerUnaryReactor* WorkflowService::ValidateWorkflow(Context* context, const Bytes* request,
                                                            Bytes* response) {
  return calls_->ReceiveBlocking<v1::ValidateWorkflowRequest, v1::ValidateWorkflowResponse>(
      context, request, response,
      [this](const Caller&, const auto& parsed) { return Validate(*workflows_, parsed); });
}

grpc::ServerUnaryReactor* WorkflowService::TestState(Context* context, const Bytes* request,
                                                     Bytes* response) {
  return calls_->Receive<v1::TestStateRequest>(
      context, request, response,
      [this](const Caller&, const v1::TestStateRequest& parsed,
             const std::shared_ptr<PendingCall>& call) {
        calls_->RunBlocking(call, [this, parsed, call] { state_tester_.Test(parsed, call); });
      });
}

grpc::ServerUnaryReactor* WorkflowService::ListWorkflowRevisions(Context* context,
                                                                 const Bytes* request,
                                                                 Bytes* response) {
  return calls_
      ->ReceiveBlocking<v1::ListWorkflowRevisionsRequest, v1::ListWorkflowRevisionsResponse>(
          context, request, response,
          [this](const Caller&, const auto& parsed) { return ListRevisions(*workflows_, parsed); });
}

}  // namespace millrace::service
