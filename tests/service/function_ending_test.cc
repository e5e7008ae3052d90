// What becomes of functions whose tasks are over: gRPC to Python, on a real PostgreSQL.
#include <gmock/gmock.h>

#include "tests/service/test_node.h"
#include "tests/service/test_server.h"
#include "tests/tasks/processes.h"

namespace millrace::service {
namespace {

using ::testing::HasSubstr;

class FunctionEndingTest : public ::testing::Test {
 protected:
  // A function of this id whose handler has `body` as its lines, indented by one space.
  void CreateFunction(const std::string& id, const std::string& body) {
    v1::CreateFunctionRequest request;
    request.set_parent("projects/p");
    request.set_function_id(id);
    FunctionCode code;
    mark_ = Mark(code);
    request.mutable_function()->set_handler(code.handler);
    request.mutable_function()->mutable_timeout()->set_seconds(60);
    request.mutable_function()->set_source(
        absl::StrCat("import os, sys\ndef main_handler(event, context):\n", body));
    v1::Function function;
    const grpc::Status status =
        Call(*node_.function_stub, &v1::FunctionService::Stub::CreateFunction, request, &function);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  void CreateWorkflow(const std::string& definition) {
    v1::CreateWorkflowRequest request;
    request.set_parent("projects/p");
    request.set_workflow_id("w");
    request.mutable_workflow()->set_definition(definition);
    v1::Workflow workflow;
    const grpc::Status status =
        Call(*node_.workflow_stub, &v1::WorkflowService::Stub::CreateWorkflow, request, &workflow);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  std::string Start(const std::string& input) {
    v1::StartExecutionRequest request;
    request.set_parent("projects/p/workflows/w");
    request.set_input(input);
    v1::Execution execution;
    const grpc::Status status = Call(
        *node_.execution_stub, &v1::ExecutionService::Stub::StartExecution, request, &execution);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return execution.name();
  }

  void Stop(const std::string& execution_name) {
    v1::StopExecutionRequest request;
    request.set_name(execution_name);
    v1::Execution execution;
    const grpc::Status status = Call(
        *node_.execution_stub, &v1::ExecutionService::Stub::StopExecution, request, &execution);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }

  v1::Execution Run(const std::string& input) {
    v1::RunExecutionRequest request;
    request.set_parent("projects/p/workflows/w");
    request.set_input(input);
    v1::Execution execution;
    const grpc::Status status =
        Call(*node_.execution_stub, &v1::ExecutionService::Stub::RunExecution, request, &execution);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return execution;
  }

  testing::TestDatabase database_;
  TestNode node_{database_};
  std::string mark_;  // in the command lines of the last function's processes
};

constexpr char kTask[] =
    R"({"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "f", "End": true}}})";

TEST_F(FunctionEndingTest, AStopEndsTheFunctionAndTheCallsBehindItGoOn) {
  CreateFunction("f", absl::StrCat(" if event == 2: return 2\n", kClinging, " time.sleep(999)\n"));
  CreateWorkflow(kTask);
  const std::string stuck = Start("1");
  ASSERT_TRUE(AwaitProcesses(mark_, kClingingProcesses));
  const std::string queued = Start("1");
  Stop(queued);  // would hold up the next one for a minute if it ran
  Stop(stuck);
  EXPECT_TRUE(AwaitProcesses(mark_, 0, kStopMax));
  EXPECT_EQ(Run("2").output(), "2");
}

TEST_F(FunctionEndingTest, ATasksTimeoutEndsTheFunctionBeforeItIsTriedAgain) {
  CreateFunction("f", absl::StrCat(" if event == 2: return 2\n", kClinging, " time.sleep(999)\n"));
  CreateWorkflow(R"({"StartAt": "T", "States": {
      "T": {"Type": "Task", "Resource": "f", "TimeoutSeconds": 2, "End": true,
            "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Two"}]},
      "Two": {"Type": "Pass", "Result": 2, "Next": "Again"},
      "Again": {"Type": "Task", "Resource": "f", "TimeoutSeconds": 30, "End": true}}})");
  EXPECT_EQ(Run("1").output(), "2");
  // What is left are the two processes of the second call.
  EXPECT_TRUE(AwaitProcesses(mark_, 2, kStopMax));
}

TEST_F(FunctionEndingTest, AResultOverTheLimitFailsItsTask) {
  CreateFunction("f", " return 'x' * event\n");
  CreateWorkflow(kTask);
  EXPECT_EQ(Run("262142").output().size(), 262'144u) << "with its quotes";
  const v1::Execution execution = Run("262143");
  EXPECT_EQ(execution.error(), "States.DataLimitExceeded");
  EXPECT_THAT(execution.cause(), HasSubstr("'f' returned a result with a size exceeding"));
}

}  // namespace
}  // namespace millrace::service
