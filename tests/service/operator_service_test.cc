// OperatorService over gRPC, on a node that works.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <thread>

#include "tests/service/test_node.h"
#include "tests/service/test_server.h"

namespace millrace::service {
namespace {

class OperatorServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const auto& [id, definition] : std::vector<std::pair<std::string, std::string>>{
             {"pass", R"({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}})"},
             {"waits", R"({"StartAt": "W", "States": {
                 "W": {"Type": "Wait", "Seconds": 86400, "End": true}}})"}}) {
      v1::CreateWorkflowRequest request;
      request.set_parent("projects/p");
      request.set_workflow_id(id);
      request.mutable_workflow()->set_definition(definition);
      v1::Workflow workflow;
      const grpc::Status status = Call(
          *node_.workflow_stub, &v1::WorkflowService::Stub::CreateWorkflow, request, &workflow);
      ASSERT_TRUE(status.ok()) << status.error_message();
    }
  }

  void Start(const std::string& workflow, const std::string& id) {
    v1::StartExecutionRequest request;
    request.set_parent("projects/p/workflows/" + workflow);
    request.set_execution_id(id);
    v1::Execution execution;
    const grpc::Status status = Call(
        *node_.execution_stub, &v1::ExecutionService::Stub::StartExecution, request, &execution);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  // What ends: without a task, with the start itself.
  void Run(const std::string& workflow, const std::string& id) {
    v1::RunExecutionRequest request;
    request.set_parent("projects/p/workflows/" + workflow);
    request.set_execution_id(id);
    v1::Execution execution;
    const grpc::Status status =
        Call(*node_.execution_stub, &v1::ExecutionService::Stub::RunExecution, request, &execution);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  grpc::Status Check(const v1::CheckIntegrityRequest& request, v1::CheckIntegrityResponse* answer) {
    return Call(*node_.operator_stub, &v1::OperatorService::Stub::CheckIntegrity, request, answer);
  }
  v1::CheckIntegrityResponse CheckAll() {
    v1::CheckIntegrityRequest request;
    request.set_fold(v1::CheckIntegrityRequest::ALL);
    v1::CheckIntegrityResponse answer;
    const grpc::Status status = Check(request, &answer);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return answer;
  }

  testing::TestDatabase database_;
  TestNode node_{database_};
};

TEST_F(OperatorServiceTest, FindsNothingBesideANodeAtWork) {
  for (int i = 0; i < 60; ++i) {
    Run("pass", absl::StrCat("e", i));
    Start("waits", absl::StrCat("e", i));
  }
  v1::StopExecutionRequest stop;
  stop.set_name("projects/p/workflows/waits/executions/e0");
  v1::Execution execution;
  ASSERT_TRUE(
      Call(*node_.execution_stub, &v1::ExecutionService::Stub::StopExecution, stop, &execution)
          .ok());
  v1::CheckIntegrityResponse answer = CheckAll();
  EXPECT_EQ(answer.findings_size(), 0) << answer.ShortDebugString();
  EXPECT_EQ(answer.execution_count(), 120);
  EXPECT_EQ(answer.folded_count(), 120);
  EXPECT_EQ(answer.live_server_count(), 1);
  EXPECT_EQ(answer.damage_count(), 0);

  v1::DeleteWorkflowRequest removal;
  removal.set_name("projects/p/workflows/waits");
  google::protobuf::Empty empty;
  ASSERT_TRUE(
      Call(*node_.workflow_stub, &v1::WorkflowService::Stub::DeleteWorkflow, removal, &empty).ok());
  // While its executions are being stopped, and after.
  answer = CheckAll();
  EXPECT_EQ(answer.findings_size(), 0) << answer.ShortDebugString();
}

TEST_F(OperatorServiceTest, NamesDamageUpToABound) {
  Run("pass", "a");
  Run("pass", "b");
  database_.Query("DELETE FROM journal");
  v1::CheckIntegrityResponse answer = CheckAll();
  ASSERT_EQ(answer.findings_size(), 2);
  EXPECT_FALSE(answer.has_more());
  EXPECT_EQ(answer.damage_count(), 2);
  EXPECT_EQ(answer.note_count(), 0);
  const v1::IntegrityFinding& first = answer.findings(0);
  EXPECT_EQ(first.code(), "JOURNAL_MISSING");
  EXPECT_EQ(first.severity(), v1::IntegrityFinding::DAMAGE);
  EXPECT_EQ(first.execution(), "projects/p/workflows/pass/executions/a");
  EXPECT_EQ(first.execution_uid(), database_.Query("SELECT execution_key FROM executions "
                                                   "WHERE execution_id = 'a'"));
  EXPECT_EQ(first.message(), "it has no journal");

  v1::CheckIntegrityRequest request;
  request.set_findings_max(1);
  answer.Clear();
  ASSERT_TRUE(Check(request, &answer).ok());
  EXPECT_EQ(answer.findings_size(), 1);
  EXPECT_TRUE(answer.has_more());
  EXPECT_EQ(answer.damage_count(), 2);
}

TEST_F(OperatorServiceTest, NotesWhatIsQuarantined) {
  Run("pass", "a");
  database_.Query("DELETE FROM journal");
  database_.Query("UPDATE executions SET status = 'quarantined', ended_at = NULL");
  const v1::CheckIntegrityResponse answer = CheckAll();
  ASSERT_EQ(answer.findings_size(), 2);
  EXPECT_EQ(answer.findings(0).severity(), v1::IntegrityFinding::NOTE);
  EXPECT_EQ(answer.findings(0).code(), "QUARANTINED");
  EXPECT_EQ(answer.note_count(), 1);
  EXPECT_EQ(answer.damage_count(), 1);
}

TEST_F(OperatorServiceTest, RefusesWhatBreaksARule) {
  v1::CheckIntegrityRequest request;
  request.set_fold(static_cast<v1::CheckIntegrityRequest::FoldScope>(99));
  request.set_findings_max(-1);
  request.mutable_look_again_after()->set_seconds(61);
  v1::CheckIntegrityResponse answer;
  const grpc::Status status = Check(request, &answer);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "INVALID_FIELD");
  EXPECT_EQ(FieldsOf(status), "fold,findings_max,look_again_after");
}

TEST_F(OperatorServiceTest, ChecksOnceAtATimeAndUntilItsClientGoes) {
  Run("pass", "a");
  // One that is to be looked at again after a long time.
  database_.Query(
      "UPDATE executions SET status = 'running', ended_at = NULL, "
      "wake_at = now() + interval '48 h'");
  v1::CheckIntegrityRequest request;
  request.mutable_look_again_after()->set_seconds(60);
  std::mutex mutex;
  std::unique_ptr<grpc::ClientContext> lasting;
  grpc::Status ended;
  std::thread client([&, request] {
    do {  // until no short check stands in its way
      grpc::ClientContext* context = nullptr;
      {
        const std::lock_guard lock(mutex);
        lasting = std::make_unique<grpc::ClientContext>();
        context = lasting.get();
      }
      v1::CheckIntegrityResponse answer;
      ended = node_.operator_stub->CheckIntegrity(context, request, &answer);
    } while (ended.error_code() == grpc::RESOURCE_EXHAUSTED);
  });
  request.mutable_look_again_after()->set_seconds(0);
  v1::CheckIntegrityResponse answer;
  grpc::Status status;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  const auto repeat_until = [&](grpc::StatusCode code) {
    do {
      status = Check(request, &answer);
    } while (status.error_code() != code && std::chrono::steady_clock::now() < deadline);
    EXPECT_EQ(status.error_code(), code) << status.error_message();
  };
  repeat_until(grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "TOO_MANY_REQUESTS");
  {
    const std::lock_guard lock(mutex);
    lasting->TryCancel();
  }
  client.join();
  EXPECT_EQ(ended.error_code(), grpc::CANCELLED);
  repeat_until(grpc::OK);
}

}  // namespace
}  // namespace millrace::service
