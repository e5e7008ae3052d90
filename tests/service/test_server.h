#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "db/pg_catalog.h"
#include "engine/tasks/python_host.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "millrace/v1/execution.grpc.pb.h"
#include "millrace/v1/function.grpc.pb.h"
#include "millrace/v1/workflow.grpc.pb.h"
#include "service/server.h"
#include "tests/support/postgres.h"

namespace millrace::service {

// A gRPC server on a database of its own, and a client of it. Without a runtime: calls that would
// reach one are for tests that have one.
class TestServer {
 public:
  explicit TestServer(ServerOptions options = {}, Executions* executions = nullptr) {
    options.listen = "127.0.0.1:0";
    auto started = Server::Start(
        options, {.workflows = &workflows_, .functions = &functions_, .executions = executions});
    EXPECT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    channel_ = grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                   grpc::InsecureChannelCredentials());
    workflow_stub = v1::WorkflowService::NewStub(channel_);
    execution_stub = v1::ExecutionService::NewStub(channel_);
    function_stub = v1::FunctionService::NewStub(channel_);
  }

  Server& server() { return *server_; }
  std::shared_ptr<grpc::Channel> channel() { return channel_; }
  testing::TestDatabase& database() { return database_; }
  Workflows& workflows() { return workflows_; }

  std::unique_ptr<v1::WorkflowService::Stub> workflow_stub;
  std::unique_ptr<v1::ExecutionService::Stub> execution_stub;
  std::unique_ptr<v1::FunctionService::Stub> function_stub;

 private:
  testing::TestDatabase database_;
  db::PgCatalog catalog_{&database_.pool()};
  PythonHost host_;
  Workflows workflows_{&catalog_};
  Functions functions_{&catalog_, &host_};
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

// Makes one unary call: Call(*server.workflow_stub, &Stub::GetWorkflow, request, &response).
template <typename Stub, typename Request, typename Response>
grpc::Status Call(Stub& stub,
                  grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  const Request& request, Response* response) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  return (stub.*method)(&context, request, response);
}

template <typename Message>
Message DetailOf(const grpc::Status& status) {
  google::rpc::Status details;
  Message message;
  if (!details.ParseFromString(status.error_details())) return message;
  for (const auto& any : details.details()) {
    if (any.Is<Message>()) any.UnpackTo(&message);
  }
  return message;
}

inline std::string ReasonOf(const grpc::Status& status) {
  return DetailOf<google::rpc::ErrorInfo>(status).reason();
}

// The fields at fault, with commas.
inline std::string FieldsOf(const grpc::Status& status) {
  std::string fields;
  const auto bad_request = DetailOf<google::rpc::BadRequest>(status);
  for (const auto& violation : bad_request.field_violations()) {
    absl::StrAppend(&fields, fields.empty() ? "" : ",", violation.field());
  }
  return fields;
}

}  // namespace millrace::service
