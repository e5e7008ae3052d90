#include <gmock/gmock.h>

#include "tests/service/test_server.h"

namespace millrace::service {
namespace {

using ::testing::HasSubstr;
using Stub = v1::WorkflowService::Stub;

constexpr char kPass[] = R"({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}})";
constexpr char kOther[] = R"({"StartAt": "B", "States": {"B": {"Type": "Succeed"}}})";
constexpr char kTask[] =
    R"({"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "sum", "End": true}}})";

v1::CreateWorkflowRequest CreateRequest(const std::string& id, const std::string& definition) {
  v1::CreateWorkflowRequest request;
  request.set_parent("projects/default");
  request.set_workflow_id(id);
  request.mutable_workflow()->set_definition(definition);
  return request;
}

class WorkflowServiceTest : public ::testing::Test {
 protected:
  grpc::Status Create(const v1::CreateWorkflowRequest& request) {
    return Call(*server_.workflow_stub, &Stub::CreateWorkflow, request, &workflow_);
  }
  grpc::Status Get(const std::string& name, int revision = 0) {
    v1::GetWorkflowRequest request;
    request.set_name(name);
    request.set_revision(revision);
    return Call(*server_.workflow_stub, &Stub::GetWorkflow, request, &workflow_);
  }
  grpc::Status Update(const v1::UpdateWorkflowRequest& request) {
    return Call(*server_.workflow_stub, &Stub::UpdateWorkflow, request, &workflow_);
  }
  grpc::Status Delete(const v1::DeleteWorkflowRequest& request) {
    google::protobuf::Empty empty;
    return Call(*server_.workflow_stub, &Stub::DeleteWorkflow, request, &empty);
  }

  TestServer server_;
  v1::Workflow workflow_;
};

TEST_F(WorkflowServiceTest, GivesBackWhatWasCreated) {
  v1::CreateWorkflowRequest request = CreateRequest("order", kPass);
  request.mutable_workflow()->set_description("words");
  request.mutable_workflow()->set_type(v1::Workflow::EXPRESS);
  const grpc::Status status = Create(request);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const std::string created = workflow_.DebugString();
  EXPECT_EQ(workflow_.name(), "projects/default/workflows/order");
  EXPECT_EQ(workflow_.definition(), kPass);
  EXPECT_EQ(workflow_.language(), "ASL");
  EXPECT_EQ(workflow_.type(), v1::Workflow::EXPRESS);
  EXPECT_EQ(workflow_.revision(), 1);
  EXPECT_NE(workflow_.etag(), "");
  EXPECT_GT(workflow_.create_time().seconds(), 0);
  ASSERT_TRUE(Get("projects/default/workflows/order").ok());
  EXPECT_EQ(workflow_.DebugString(), created);
}

TEST_F(WorkflowServiceTest, RepeatsByRequestIdOnly) {
  v1::CreateWorkflowRequest request = CreateRequest("order", kPass);
  request.set_request_id("r1");
  ASSERT_TRUE(Create(request).ok());
  const std::string uid = workflow_.uid();
  ASSERT_TRUE(Create(request).ok());
  EXPECT_EQ(workflow_.uid(), uid);

  v1::CreateWorkflowRequest other = CreateRequest("other", kPass);
  other.set_request_id("r1");
  grpc::Status status = Create(other);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "REQUEST_ID_REUSED");

  request.clear_request_id();
  status = Create(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(ReasonOf(status), "WORKFLOW_ALREADY_EXISTS");
}

TEST_F(WorkflowServiceTest, NamesAllFieldsAtFault) {
  v1::CreateWorkflowRequest request = CreateRequest("1st", "");
  request.set_parent("default");
  request.set_request_id("a b");
  const grpc::Status status = Create(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "INVALID_FIELD");
  EXPECT_EQ(FieldsOf(status), "parent,workflow_id,workflow.definition,request_id");
}

TEST_F(WorkflowServiceTest, NamesTheDefinitionsProblemsWithTheFieldsAtFault) {
  const grpc::Status created = Create(CreateRequest("1st", R"({"StartAt": "A", "States": {
      "A": {"Type": "Task", "Resource": "sum"}}})"));
  EXPECT_EQ(ReasonOf(created), "INVALID_FIELD");
  EXPECT_EQ(FieldsOf(created), "workflow_id,workflow.definition,workflow.definition");
  ASSERT_TRUE(Create(CreateRequest("order", kPass)).ok());
  v1::UpdateWorkflowRequest update;
  update.mutable_workflow()->set_name("projects/default/workflows/order");
  update.mutable_workflow()->set_definition(kTask);
  update.set_request_id("a b");
  EXPECT_EQ(FieldsOf(Update(update)), "request_id,workflow.definition");
}

TEST_F(WorkflowServiceTest, NamesUnknownFunctionsWithAllOtherProblems) {
  const grpc::Status status = Create(CreateRequest("bad", R"({"StartAt": "P", "States": {
      "P": {"Type": "Parallel", "Branches": [{"StartAt": "A", "States": {
        "A": {"Type": "Task", "Resource": "sum"},
        "B": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
              "Parameters": {"FunctionName": "mul"}}}}], "Next": "M"},
      "M": {"Type": "Map", "Iterator": {"StartAt": "C", "States": {
        "C": {"Type": "Task", "Resource": "div", "End": true}}}, "End": true}}})"));
  EXPECT_EQ(ReasonOf(status), "INVALID_DEFINITION");
  std::string violations;
  const auto bad_request = DetailOf<google::rpc::BadRequest>(status);
  for (const auto& violation : bad_request.field_violations()) {
    absl::StrAppend(&violations, violation.description(), "\n");
  }
  EXPECT_THAT(violations, HasSubstr("(MISSING_FIELD)"));
  for (const char* place : {"/States/P/Branches/0/States/A/Resource: ",
                            "/States/P/Branches/0/States/B/Parameters/FunctionName: ",
                            "/States/M/Iterator/States/C/Resource: "}) {
    EXPECT_THAT(violations,
                HasSubstr(absl::StrCat(place, "function 'projects/default/functions/")));
  }
}

TEST_F(WorkflowServiceTest, TheTypeCannotBeChanged) {
  ASSERT_TRUE(Create(CreateRequest("order", kPass)).ok());
  v1::UpdateWorkflowRequest update;
  update.mutable_workflow()->set_name("projects/default/workflows/order");
  update.mutable_workflow()->set_description("new words");
  update.mutable_workflow()->set_type(v1::Workflow::EXPRESS);
  grpc::Status status = Update(update);
  EXPECT_EQ(ReasonOf(status), "INVALID_FIELD");
  EXPECT_EQ(FieldsOf(status), "workflow.type");
  EXPECT_THAT(status.error_message(), HasSubstr("cannot be changed"));
  update.mutable_workflow()->set_definition("{");
  update.mutable_update_mask()->add_paths("*");
  EXPECT_THAT(FieldsOf(Update(update)), HasSubstr("workflow.type,workflow.definition"));

  // What the mask leaves out is not looked at; and the type that it has is no change.
  update.mutable_update_mask()->set_paths(0, "description");
  EXPECT_TRUE(Update(update).ok());
  update.mutable_workflow()->set_definition(kOther);
  update.mutable_workflow()->set_type(v1::Workflow::STANDARD);
  update.clear_update_mask();
  status = Update(update);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(WorkflowServiceTest, RefusesBadDefinitionsAndKeepsNothing) {
  struct Case {
    std::string definition, reason;
  };
  for (const Case& c :
       {Case{"{", "INVALID_DEFINITION"}, Case{R"({"States": {}})", "INVALID_DEFINITION"},
        Case{R"({"StartAt": "A", "States": {"A": {"Type": "Dance", "End": true}}})",
             "INVALID_DEFINITION"},
        Case{std::string(100'000, '['), "INVALID_DEFINITION"}, Case{"\xff", "INVALID_FIELD"},
        Case{std::string((1 << 20) + 1, ' '), "INVALID_FIELD"},
        Case{kTask, "FUNCTION_NOT_FOUND"}}) {
    SCOPED_TRACE(c.definition.substr(0, 80));
    const grpc::Status status = Create(CreateRequest("bad", c.definition));
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    EXPECT_EQ(ReasonOf(status), c.reason);
    EXPECT_THAT(FieldsOf(status), HasSubstr("workflow.definition"));
    EXPECT_EQ(Get("projects/default/workflows/bad").error_code(), grpc::StatusCode::NOT_FOUND);
  }
}

TEST_F(WorkflowServiceTest, UpdatesMakeRevisions) {
  ASSERT_TRUE(Create(CreateRequest("order", kPass)).ok());
  v1::UpdateWorkflowRequest update;
  update.mutable_workflow()->set_name("projects/default/workflows/order");
  update.mutable_workflow()->set_definition(kOther);
  update.mutable_workflow()->set_etag(workflow_.etag());
  update.mutable_update_mask()->add_paths("definition");
  grpc::Status status = Update(update);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(workflow_.revision(), 2);
  EXPECT_EQ(workflow_.definition(), kOther);

  status = Update(update);  // the etag is the first one
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(ReasonOf(status), "ETAG_MISMATCH");

  ASSERT_TRUE(Get("projects/default/workflows/order", 1).ok());
  EXPECT_EQ(workflow_.definition(), kPass);
  EXPECT_EQ(workflow_.revision(), 1);
  EXPECT_EQ(ReasonOf(Get("projects/default/workflows/order", 3)), "REVISION_NOT_FOUND");

  v1::ListWorkflowRevisionsRequest list;
  list.set_parent("projects/default/workflows/order");
  list.set_page_size(1);
  v1::ListWorkflowRevisionsResponse page;
  ASSERT_TRUE(Call(*server_.workflow_stub, &Stub::ListWorkflowRevisions, list, &page).ok());
  ASSERT_EQ(page.revisions_size(), 1);
  EXPECT_EQ(page.revisions(0).revision(), 2);
  list.set_page_token(page.next_page_token());
  ASSERT_TRUE(Call(*server_.workflow_stub, &Stub::ListWorkflowRevisions, list, &page).ok());
  ASSERT_EQ(page.revisions_size(), 1);
  EXPECT_EQ(page.revisions(0).definition(), kPass);
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(WorkflowServiceTest, MasksSayWhatChanges) {
  ASSERT_TRUE(Create(CreateRequest("order", kPass)).ok());
  v1::UpdateWorkflowRequest update;
  update.mutable_workflow()->set_name("projects/default/workflows/order");
  EXPECT_EQ(FieldsOf(Update(update)), "update_mask");
  update.mutable_update_mask()->add_paths("uid");
  EXPECT_EQ(FieldsOf(Update(update)), "update_mask,update_mask");
  update.clear_update_mask();
  update.mutable_workflow()->set_description("new words");
  ASSERT_TRUE(Update(update).ok());
  EXPECT_EQ(workflow_.description(), "new words");
  EXPECT_EQ(workflow_.revision(), 1);
}

TEST_F(WorkflowServiceTest, ListsByPage) {
  for (const char* id : {"c", "a", "bb", "ba"}) {
    ASSERT_TRUE(Create(CreateRequest(id, kPass)).ok());
  }
  v1::ListWorkflowsRequest list;
  list.set_parent("projects/default");
  list.set_page_size(3);
  v1::ListWorkflowsResponse page;
  ASSERT_TRUE(Call(*server_.workflow_stub, &Stub::ListWorkflows, list, &page).ok());
  ASSERT_EQ(page.workflows_size(), 3);
  EXPECT_EQ(page.workflows(0).name(), "projects/default/workflows/a");
  EXPECT_EQ(page.workflows(0).definition(), "");
  list.set_page_token(page.next_page_token());
  ASSERT_TRUE(Call(*server_.workflow_stub, &Stub::ListWorkflows, list, &page).ok());
  ASSERT_EQ(page.workflows_size(), 1);
  EXPECT_EQ(page.next_page_token(), "");

  list.set_parent("projects/another");
  const grpc::Status status = Call(*server_.workflow_stub, &Stub::ListWorkflows, list, &page);
  EXPECT_EQ(FieldsOf(status), "page_token");
  list.clear_page_token();
  ASSERT_TRUE(Call(*server_.workflow_stub, &Stub::ListWorkflows, list, &page).ok());
  EXPECT_EQ(page.workflows_size(), 0);
}

TEST_F(WorkflowServiceTest, DeletedIsNotFound) {
  ASSERT_TRUE(Create(CreateRequest("order", kPass)).ok());
  v1::DeleteWorkflowRequest request;
  request.set_name("projects/default/workflows/order");
  request.set_etag("stale");
  EXPECT_EQ(ReasonOf(Delete(request)), "ETAG_MISMATCH");
  request.clear_etag();
  request.set_request_id("d1");
  ASSERT_TRUE(Delete(request).ok());
  ASSERT_TRUE(Delete(request).ok());  // repeated
  EXPECT_EQ(ReasonOf(Get(request.name())), "WORKFLOW_NOT_FOUND");
  request.clear_request_id();
  EXPECT_EQ(ReasonOf(Delete(request)), "WORKFLOW_NOT_FOUND");
  EXPECT_TRUE(Create(CreateRequest("order", kPass)).ok());
}

TEST_F(WorkflowServiceTest, ValidatesWithoutKeeping) {
  v1::ValidateWorkflowRequest request;
  request.set_parent("projects/default");
  request.mutable_workflow()->set_definition(kPass);
  v1::ValidateWorkflowResponse response;
  ASSERT_TRUE(Call(*server_.workflow_stub, &Stub::ValidateWorkflow, request, &response).ok());
  EXPECT_EQ(response.problems_size(), 0);
  request.mutable_workflow()->set_definition(kTask);
  ASSERT_TRUE(Call(*server_.workflow_stub, &Stub::ValidateWorkflow, request, &response).ok());
  ASSERT_EQ(response.problems_size(), 1);
  EXPECT_EQ(response.problems(0).code(), "FUNCTION_NOT_FOUND");
  EXPECT_EQ(response.problems(0).pointer(), "/States/T/Resource");
}

TEST_F(WorkflowServiceTest, AWarningRefusesNothing) {
  constexpr char kUnserved[] =
      R"({"StartAt": "T", "States": {"T": {"Type": "Task", "End": true,
          "Resource": "arn:aws:states:::sqs:sendMessage"}}})";
  v1::ValidateWorkflowRequest request;
  request.set_parent("projects/default");
  request.mutable_workflow()->set_definition(kUnserved);
  v1::ValidateWorkflowResponse response;
  ASSERT_TRUE(Call(*server_.workflow_stub, &Stub::ValidateWorkflow, request, &response).ok());
  ASSERT_EQ(response.problems_size(), 1);
  EXPECT_EQ(response.problems(0).severity(), v1::DefinitionProblem::WARNING);
  EXPECT_EQ(response.problems(0).code(), "RESOURCE_NOT_SERVED");
  EXPECT_TRUE(Create(CreateRequest("order", kUnserved)).ok());
}

TEST_F(WorkflowServiceTest, ListsAtMostAHundredProblems) {
  std::string states;
  for (int i = 0; i < 150; ++i) {
    states += std::string(i > 0 ? "," : "") + "\"s" + std::to_string(i) +
              R"(": {"Type": "Task", "End": true, "Resource": "f)" + std::to_string(i) + "\"}";
  }
  std::string branches;
  for (int i = 0; i < 150; ++i) {
    const std::string name = "b" + std::to_string(i);
    branches += std::string(i > 0 ? "," : "") + R"({"StartAt": ")" + name + R"(", "States": {")" +
                name + R"(": {"Type": "Task", "End": true, "Resource": "f)" + std::to_string(i) +
                "\"}}}";
  }
  v1::ValidateWorkflowRequest request;
  request.set_parent("projects/default");
  for (const std::string& definition :
       {R"({"StartAt": "s0", "States": {)" + states + "}}",
        R"({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [)" +
            branches + "]}}}"}) {
    request.mutable_workflow()->set_definition(definition);
    v1::ValidateWorkflowResponse response;
    ASSERT_TRUE(Call(*server_.workflow_stub, &Stub::ValidateWorkflow, request, &response).ok());
    ASSERT_EQ(response.problems_size(), 101);
    EXPECT_EQ(response.problems(100).code(), "TOO_MANY_PROBLEMS");
    EXPECT_EQ(response.problems(100).severity(), v1::DefinitionProblem::ERROR);
  }
}

TEST_F(WorkflowServiceTest, ADefinitionHasALanguage) {
  constexpr char kAsw[] =
      R"({"TimeoutMilliseconds": 500, "StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}})";
  EXPECT_EQ(ReasonOf(Create(CreateRequest("order", kAsw))), "INVALID_DEFINITION");
  v1::CreateWorkflowRequest request = CreateRequest("order", kAsw);
  request.mutable_workflow()->set_language("asw");
  EXPECT_EQ(ReasonOf(Create(request)), "INVALID_DEFINITION");  // letters' case counts
  request.mutable_workflow()->set_language("ASW");
  ASSERT_TRUE(Create(request).ok());
  EXPECT_EQ(workflow_.language(), "ASW");

  v1::UpdateWorkflowRequest update;
  update.mutable_workflow()->set_name(workflow_.name());
  update.mutable_workflow()->set_definition(std::string(kAsw) + " ");
  ASSERT_TRUE(Update(update).ok());
  EXPECT_EQ(workflow_.language(), "ASW");
  update.mutable_workflow()->set_language("ASL");
  EXPECT_EQ(ReasonOf(Update(update)), "INVALID_DEFINITION");
  update.mutable_workflow()->set_definition(kPass);
  ASSERT_TRUE(Update(update).ok());
  EXPECT_EQ(workflow_.language(), "ASL");
}

TEST_F(WorkflowServiceTest, ProgramsComeFromMemory) {
  ASSERT_TRUE(Create(CreateRequest("order", kPass)).ok());
  Workflows& workflows = server_.workflows();
  const WorkflowId id{.project = "default", .workflow = "order"};
  EXPECT_FALSE(workflows.FindCached(id, 0).has_value());
  const auto found = workflows.FindForStart(id, 0);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->revision, 1);
  const auto cached = workflows.FindCached(id, 1);
  ASSERT_TRUE(cached.has_value());
  EXPECT_EQ(cached->program, found->program);
  const auto by_key = workflows.FindByKey(found->workflow.workflow_key, 1);
  ASSERT_TRUE(by_key.ok());
  EXPECT_EQ(by_key->program, found->program);
  EXPECT_EQ(errors::ReasonOf(workflows.FindForStart(id, 2).status()), "REVISION_NOT_FOUND");

  v1::DeleteWorkflowRequest request;
  request.set_name("projects/default/workflows/order");
  ASSERT_TRUE(Delete(request).ok());
  EXPECT_FALSE(workflows.FindCached(id, 0).has_value());
  EXPECT_TRUE(workflows.FindByKey(found->workflow.workflow_key, 1).ok());
}

}  // namespace
}  // namespace millrace::service
