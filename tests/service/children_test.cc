// Workflows that Tasks start, by a real service on a real PostgreSQL.
#include <gmock/gmock.h>

#include "tests/service/test_node.h"
#include "tests/service/test_server.h"
#include "tests/support/patience.h"

namespace millrace::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Parent(const std::string& suffix, const std::string& parameters) {
  return R"({"StartAt": "T", "States": {"T": {"Type": "Task", "End": true,
             "Resource": "arn:aws:states:::states:startExecution)" +
         suffix + R"(", "Parameters": )" + parameters + "}}}";
}

class ChildrenTest : public ::testing::Test {
 protected:
  void SetUp() override { node_ = std::make_unique<TestNode>(database_); }

  void Create(const std::string& id, const std::string& definition) {
    v1::CreateWorkflowRequest request;
    request.set_parent("projects/p");
    request.set_workflow_id(id);
    request.mutable_workflow()->set_definition(definition);
    v1::Workflow workflow;
    const grpc::Status status =
        Call(*node_->workflow_stub, &v1::WorkflowService::Stub::CreateWorkflow, request, &workflow);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  v1::Execution Run(const std::string& workflow, const std::string& id) {
    v1::RunExecutionRequest request;
    request.set_parent("projects/p/workflows/" + workflow);
    request.set_execution_id(id);
    v1::Execution execution;
    const grpc::Status status = Call(
        *node_->execution_stub, &v1::ExecutionService::Stub::RunExecution, request, &execution);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return execution;
  }

  std::vector<std::string> History(const std::string& name) {
    v1::GetExecutionHistoryRequest request;
    request.set_name(name);
    v1::GetExecutionHistoryResponse response;
    const grpc::Status status =
        Call(*node_->execution_stub, &v1::ExecutionService::Stub::GetExecutionHistory, request,
             &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<std::string> types;
    for (const v1::HistoryEvent& event : response.events()) types.push_back(event.type());
    return types;
  }

  testing::TestDatabase database_;
  std::unique_ptr<TestNode> node_;
};

TEST_F(ChildrenTest, BecomeTheirParentsResult) {
  Create("child", R"({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "Next": "P"},
                      "P": {"Type": "Pass", "Parameters": {"got.$": "$.n"}, "End": true}}})");
  Create("parent", Parent(".sync:2", R"({"Input": {"n": 7}, "StateMachineArn":
                             "arn:aws:states:us-east-1:111111111111:stateMachine:child"})"));
  const v1::Execution execution = Run("parent", "e");
  ASSERT_EQ(execution.state(), v1::Execution::SUCCEEDED) << execution.cause();
  const Json output = *ParseJson(execution.output());
  EXPECT_EQ(output.Find("Output")->ToText(), R"({"got":7})");
  EXPECT_EQ(output.Find("Input")->ToText(), R"({"n":7})");
  EXPECT_EQ(output.Find("Status")->AsString(), "SUCCEEDED");
  EXPECT_THAT(
      History(execution.name()),
      ElementsAre("ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted",
                  "TaskSubmitted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"));
  const std::string child(output.Find("ExecutionArn")->AsString());
  EXPECT_THAT(child, HasSubstr("projects/p/workflows/child/executions/"));
  EXPECT_EQ(History(child).back(), "ExecutionSucceeded");
}

TEST_F(ChildrenTest, FailTheirParentsTask) {
  Create("child", R"({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Odd",
                      "Cause": "not even"}}})");
  Create("parent", Parent(".sync", R"({"StateMachineArn": "child", "Name": "one"})"));
  const v1::Execution execution = Run("parent", "e");
  ASSERT_EQ(execution.state(), v1::Execution::FAILED);
  EXPECT_EQ(execution.error(), "States.TaskFailed");
  const Json cause = *ParseJson(execution.cause());
  EXPECT_EQ(cause.Find("Error")->AsString(), "Odd");
  EXPECT_EQ(cause.Find("Cause")->AsString(), "not even");
  EXPECT_EQ(cause.Find("Name")->AsString(), "one");
  EXPECT_EQ(cause.Find("Input")->AsString(), "{}");
}

TEST_F(ChildrenTest, MayBeLeftToThemselves) {
  Create("child", R"({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 86400,
                      "End": true}}})");
  Create("parent", Parent("", R"({"StateMachineArn": "child", "Name": "one"})"));
  const v1::Execution execution = Run("parent", "e");
  ASSERT_EQ(execution.state(), v1::Execution::SUCCEEDED) << execution.cause();
  const Json output = *ParseJson(execution.output());
  EXPECT_EQ(output.Find("ExecutionArn")->AsString(), "projects/p/workflows/child/executions/one");
  EXPECT_THAT(History(execution.name()),
              ElementsAre("ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted",
                          "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"));
}

TEST_F(ChildrenTest, AreStoppedWithTheirParents) {
  Create("child", R"({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 86400,
                      "End": true}}})");
  Create("parent", Parent(".sync", R"({"StateMachineArn": "child", "Name": "one"})"));
  v1::StartExecutionRequest start;
  start.set_parent("projects/p/workflows/parent");
  start.set_execution_id("e");
  v1::Execution execution;
  ASSERT_TRUE(
      Call(*node_->execution_stub, &v1::ExecutionService::Stub::StartExecution, start, &execution)
          .ok());
  // The child's history, as it is committed, ends when it is stopped.
  v1::WatchExecutionRequest watch;
  watch.set_name("projects/p/workflows/child/executions/one");
  const auto watched = [&] {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    auto stream = node_->execution_stub->WatchExecution(&context, watch);
    v1::WatchExecutionResponse response;
    bool is_begun = false;
    std::string last;
    while (stream->Read(&response)) {
      for (const v1::HistoryEvent& event : response.events()) last = event.type();
      if (!is_begun) {
        v1::StopExecutionRequest stop;
        stop.set_name(execution.name());
        v1::Execution stopped;
        EXPECT_TRUE(
            Call(*node_->execution_stub, &v1::ExecutionService::Stub::StopExecution, stop, &stopped)
                .ok());
        is_begun = true;
      }
    }
    stream->Finish();
    return last;
  };
  std::string last = watched();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (last.empty() && std::chrono::steady_clock::now() < deadline) last = watched();
  EXPECT_EQ(last, "ExecutionAborted");
}

TEST_F(ChildrenTest, AreOfWorkflowsThatAreThere) {
  Create("parent", Parent(".sync", R"({"StateMachineArn": "nobody"})"));
  const v1::Execution execution = Run("parent", "e");
  EXPECT_EQ(execution.error(), "StepFunctions.StateMachineDoesNotExistException");
}

TEST_F(ChildrenTest, HaveNamesOfTheirOwn) {
  Create("child", R"({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}})");
  Create("parent", Parent(".sync", R"({"StateMachineArn": "child", "Name": "one",
                                       "Input.$": "$$.Execution.Name"})"));
  EXPECT_EQ(Run("parent", "a").state(), v1::Execution::SUCCEEDED);
  EXPECT_EQ(Run("parent", "b").error(), "StepFunctions.ExecutionAlreadyExistsException");
  Create("odd", Parent(".sync", R"({"StateMachineArn": "child", "Name": "a b"})"));
  EXPECT_EQ(Run("odd", "e").error(), "StepFunctions.InvalidNameException");
}

TEST_F(ChildrenTest, AreWaitedForAfterACrash) {
  Create("child", R"({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 2,
                      "End": true}}})");
  Create("parent", Parent(".sync", R"({"StateMachineArn": "child", "Input": "[1]"})"));
  v1::StartExecutionRequest request;
  request.set_parent("projects/p/workflows/parent");
  request.set_execution_id("e");
  v1::Execution execution;
  ASSERT_TRUE(
      Call(*node_->execution_stub, &v1::ExecutionService::Stub::StartExecution, request, &execution)
          .ok());
  node_ = nullptr;
  node_ = std::make_unique<TestNode>(database_);
  execution = Run("parent", "e");
  ASSERT_EQ(execution.state(), v1::Execution::SUCCEEDED) << execution.cause();
  EXPECT_EQ(ParseJson(execution.output())->Find("Output")->AsString(), "[1]");
}

}  // namespace
}  // namespace millrace::service
