#include "service/server.h"

#include <gmock/gmock.h>
#include <grpcpp/impl/codegen/client_unary_call.h>

#include "grpc/health/v1/health.pb.h"
#include "service/listen.h"
#include "tests/service/test_server.h"

namespace millrace::service {
namespace {

using ::testing::HasSubstr;

TEST(ServerTest, ASecondServerOnThePortFailsClearly) {
  TestServer first;
  ServerOptions options;
  options.listen = absl::StrCat("127.0.0.1:", first.server().port());
  const auto second = Server::Start(options, {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(options.listen));
}

TEST(ServerTest, WhetherAnAddressIsFreeIsKnownBefore) {
  TestServer first;
  const std::string taken = absl::StrCat("127.0.0.1:", first.server().port());
  const absl::Status status = CheckCanListen(taken);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr(taken));
  EXPECT_EQ(CheckCanListen("192.0.2.1:0").code(), absl::StatusCode::kUnavailable)
      << "is no address of this machine";
  EXPECT_TRUE(CheckCanListen("127.0.0.1:0").ok());
}

TEST(ServerTest, AnswersHealthChecks) {
  TestServer server;
  grpc::internal::RpcMethod method("/grpc.health.v1.Health/Check",
                                   grpc::internal::RpcMethod::NORMAL_RPC);
  for (const char* service : {"", "millrace.v1.WorkflowService", "millrace.v1.ExecutionService"}) {
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    grpc::health::v1::HealthCheckResponse response;
    grpc::ClientContext context;
    const grpc::Status status = grpc::internal::BlockingUnaryCall<
        grpc::health::v1::HealthCheckRequest, grpc::health::v1::HealthCheckResponse,
        google::protobuf::MessageLite, google::protobuf::MessageLite>(
        server.channel().get(), method, &context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
  }
}

TEST(ServerTest, ChecksTheFieldsOfExecutionsFirst) {
  TestServer server;
  v1::StartExecutionRequest start;
  start.set_execution_id("a/b");
  start.set_revision(-1);
  start.set_input("{");
  start.set_request_id("..");
  v1::Execution execution;
  grpc::Status status =
      Call(*server.execution_stub, &v1::ExecutionService::Stub::StartExecution, start, &execution);
  EXPECT_EQ(ReasonOf(status), "INVALID_FIELD");
  EXPECT_EQ(FieldsOf(status), "execution_id,revision,input,request_id,parent");

  v1::StopExecutionRequest stop;
  stop.set_name("projects/p/workflows/w/executions/e");
  stop.set_error(std::string(257, 'x'));
  stop.set_cause(std::string(32'769, 'x'));
  status =
      Call(*server.execution_stub, &v1::ExecutionService::Stub::StopExecution, stop, &execution);
  EXPECT_EQ(FieldsOf(status), "error,cause");

  v1::ListExecutionsRequest list;
  list.set_parent("projects/p/workflows/w");
  list.set_state(static_cast<v1::Execution::State>(99));
  list.set_execution_id_prefix("%");
  list.set_page_token("x");
  list.mutable_started_after()->set_seconds(100);
  list.mutable_started_before()->set_seconds(100);
  v1::ListExecutionsResponse page;
  status = Call(*server.execution_stub, &v1::ExecutionService::Stub::ListExecutions, list, &page);
  EXPECT_EQ(FieldsOf(status), "state,execution_id_prefix,started_before,page_token");
}

TEST(ServerTest, AWatchOfWhatIsNoExecutionEndsWithAnError) {
  TestServer server;
  grpc::ClientContext context;
  v1::WatchExecutionRequest request;
  request.set_name("nothing");
  request.set_after_event_id(-1);
  const auto reader = server.execution_stub->WatchExecution(&context, request);
  v1::WatchExecutionResponse response;
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(FieldsOf(reader->Finish()), "name,after_event_id");
}

TEST(ServerTest, RefusesMoreCallsThanItTakes) {
  ServerOptions options;
  options.calls.calls_max = 0;
  TestServer server(options);
  v1::GetWorkflowRequest request;
  request.set_name("projects/p/workflows/w");
  v1::Workflow workflow;
  const grpc::Status status =
      Call(*server.workflow_stub, &v1::WorkflowService::Stub::GetWorkflow, request, &workflow);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "TOO_MANY_REQUESTS");
  EXPECT_GT(DetailOf<google::rpc::RetryInfo>(status).retry_delay().seconds(), 0);
}

TEST(ServerTest, StopsTwice) {
  TestServer server;
  server.server().Shutdown(absl::Seconds(1));
  server.server().Shutdown(absl::Seconds(1));
  v1::GetWorkflowRequest request;
  v1::Workflow workflow;
  EXPECT_EQ(Call(*server.workflow_stub, &v1::WorkflowService::Stub::GetWorkflow, request, &workflow)
                .error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace millrace::service
