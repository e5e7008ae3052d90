#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "db/pg_catalog.h"
#include "db/pg_integrity.h"
#include "db/pg_storage.h"
#include "engine/runtime/functions.h"
#include "engine/runtime/runtime.h"
#include "engine/runtime/workflows.h"
#include "engine/tasks/python_host.h"
#include "millrace/v1/execution.grpc.pb.h"
#include "millrace/v1/function.grpc.pb.h"
#include "millrace/v1/operator.grpc.pb.h"
#include "millrace/v1/worker.grpc.pb.h"
#include "millrace/v1/workflow.grpc.pb.h"
#include "service/server.h"
#include "tests/support/postgres.h"

namespace millrace::service {

// What a test puts in the place of a node's own surroundings.
struct TestNodeOptions {
  ExecutionStorage* storage = nullptr;  // null: the database's
  Runtime::Invoke invoke;               // null: Functions, in Python
  const Clock* clock = nullptr;         // null: the database's
  ObjectStore* objects = nullptr;       // null: none
};

// All that `millrace serve` is, in this process, on a database that outlives it.
class TestNode {
 public:
  explicit TestNode(testing::TestDatabase& database, TestNodeOptions options = {})
      : database_(database), options_(std::move(options)) {
    const absl::Status begun = runtime_.Begin();
    EXPECT_TRUE(begun.ok()) << begun;
    auto started = Server::Start(
        {.listen = "127.0.0.1:0"},
        {.workflows = &workflows_,
         .functions = &functions_,
         .executions = &runtime_,
         .task_queues = &runtime_.task_queues(),
         .integrity = {.facts = &integrity_, .journals = &storage_, .workflows = &workflows_}});
    EXPECT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    const auto channel = grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                             grpc::InsecureChannelCredentials());
    workflow_stub = v1::WorkflowService::NewStub(channel);
    execution_stub = v1::ExecutionService::NewStub(channel);
    function_stub = v1::FunctionService::NewStub(channel);
    worker_stub = v1::WorkerService::NewStub(channel);
    operator_stub = v1::OperatorService::NewStub(channel);
  }
  ~TestNode() {
    server_->Shutdown(absl::Seconds(1));
    runtime_.Shutdown();
  }

  Runtime& runtime() { return runtime_; }
  std::string address() const { return absl::StrCat("127.0.0.1:", server_->port()); }

  std::unique_ptr<v1::WorkflowService::Stub> workflow_stub;
  std::unique_ptr<v1::ExecutionService::Stub> execution_stub;
  std::unique_ptr<v1::FunctionService::Stub> function_stub;
  std::unique_ptr<v1::WorkerService::Stub> worker_stub;
  std::unique_ptr<v1::OperatorService::Stub> operator_stub;

 private:
  testing::TestDatabase& database_;
  const TestNodeOptions options_;
  db::PgStorage storage_{&database_.pool()};
  db::PgCatalog catalog_{&database_.pool()};
  db::PgIntegrity integrity_{&database_.pool()};
  PythonHost host_;
  Workflows workflows_{&catalog_};
  Functions functions_{&catalog_, &host_};
  Runtime runtime_{
      options_.storage != nullptr ? options_.storage : &storage_,
      &catalog_,
      &workflows_,
      options_.invoke
          ? options_.invoke
          : [this](const FunctionId& id, Json event, InvocationContext context,
                   InvocationDone done) {
              functions_.Invoke(id, std::move(event), std::move(context), std::move(done));
            },
      {.is_alone = true,
       .clock = options_.clock,
        .objects = options_.objects,
       .cancel = [this](const std::string& call_id) { functions_.Cancel(call_id); }}};
  std::unique_ptr<Server> server_;
};

}  // namespace millrace::service
