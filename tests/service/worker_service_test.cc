// Workers' streams, over gRPC, against a service on a real PostgreSQL.
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include "millrace/v1/worker.grpc.pb.h"
#include "service/client/worker.h"
#include "tests/service/test_node.h"
#include "tests/service/test_server.h"

namespace millrace::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kTask[] = R"({"StartAt": "T", "States": {"T": {
    "Type": "Task", "Resource": "queue:q", "End": true}}})";

class WorkerServiceTest : public ::testing::Test {
 protected:
  // A stream that a test reads and writes by hand.
  struct RawStream {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReaderWriter<v1::WorkRequest, v1::WorkResponse>> stream;

    // Reads until `holds` of all that was read.
    template <typename Holds>
    v1::WorkResponse ReadUntil(Holds holds) {
      v1::WorkResponse all;
      v1::WorkResponse some;
      while (!holds(all) && stream->Read(&some)) all.MergeFrom(some);
      EXPECT_TRUE(holds(all)) << all.ShortDebugString();
      return all;
    }
  };

  void SetUp() override { Serve(); }

  void Serve() {
    node_.reset();
    node_ = std::make_unique<TestNode>(database_);
  }

  void Create(const std::string& id, const std::string& definition,
              v1::Workflow::Type type = v1::Workflow::STANDARD) {
    v1::CreateWorkflowRequest request;
    request.set_parent("projects/p");
    request.set_workflow_id(id);
    request.mutable_workflow()->set_definition(definition);
    request.mutable_workflow()->set_type(type);
    v1::Workflow workflow;
    const grpc::Status status =
        Call(*node_->workflow_stub, &v1::WorkflowService::Stub::CreateWorkflow, request, &workflow);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  std::string Start(const std::string& workflow, const std::string& input = "{}") {
    v1::StartExecutionRequest request;
    request.set_parent("projects/p/workflows/" + workflow);
    request.set_input(input);
    v1::Execution execution;
    const grpc::Status status = Call(
        *node_->execution_stub, &v1::ExecutionService::Stub::StartExecution, request, &execution);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return execution.name();
  }

  v1::Execution Get(const std::string& name) {
    v1::GetExecutionRequest request;
    request.set_name(name);
    v1::Execution execution;
    Call(*node_->execution_stub, &v1::ExecutionService::Stub::GetExecution, request, &execution);
    return execution;
  }

  // Starting again what has been started waits for its end.
  v1::Execution Await(const std::string& name, const std::string& input = "{}") {
    const size_t slash = name.find("/executions/");
    v1::RunExecutionRequest request;
    request.set_parent(name.substr(0, slash));
    request.set_execution_id(name.substr(slash + strlen("/executions/")));
    request.set_input(input);
    v1::Execution execution;
    const grpc::Status status = Call(
        *node_->execution_stub, &v1::ExecutionService::Stub::RunExecution, request, &execution);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return execution;
  }

  std::unique_ptr<RawStream> Open(v1::WorkRequest first) {
    auto raw = std::make_unique<RawStream>();
    raw->stream = node_->worker_stub->Work(&raw->context);
    raw->stream->Write(first);
    return raw;
  }

  static v1::WorkRequest Hello() {
    v1::WorkRequest request;
    request.mutable_hello()->set_parent("projects/p");
    request.mutable_hello()->add_queues("q");
    request.mutable_hello()->set_items_max(10);
    return request;
  }

  static v1::WorkRequest Result(const std::string& token, const std::string& output) {
    v1::WorkRequest request;
    v1::TaskResult* const result = request.add_results();
    result->set_task_token(token);
    result->set_output(output);
    return request;
  }

  testing::TestDatabase database_;
  std::unique_ptr<TestNode> node_;
};

TEST_F(WorkerServiceTest, DoesTasks) {
  Create("w", kTask);
  const std::string name = Start("w", R"({"n":7})");
  const auto worker = Open(Hello());
  const v1::WorkResponse told =
      worker->ReadUntil([](const auto& all) { return all.items_size() == 1; });
  EXPECT_EQ(told.terms().lease().seconds(), 5);
  const v1::WorkItem& item = told.items(0);
  EXPECT_EQ(item.queue(), "q");
  EXPECT_EQ(item.input(), R"({"n":7})");
  EXPECT_EQ(item.execution(), name);
  EXPECT_FALSE(item.idempotency_key().empty());
  worker->stream->Write(Result(item.task_token(), R"({"done":true})"));
  EXPECT_THAT(
      worker->ReadUntil([](const auto& all) { return all.acknowledged_size() > 0; }).acknowledged(),
      ElementsAre(1));
  // Acknowledged is durable: the execution has ended, and nobody has waited for it.
  const v1::Execution execution = Get(name);
  EXPECT_EQ(execution.state(), v1::Execution::SUCCEEDED);
  EXPECT_EQ(execution.output(), R"({"done":true})");
  // Once more is harmless.
  worker->stream->Write(Result(item.task_token(), "2"));
  EXPECT_THAT(
      worker->ReadUntil([](const auto& all) { return all.acknowledged_size() > 0; }).acknowledged(),
      ElementsAre(2));
  worker->stream->WritesDone();
  EXPECT_TRUE(worker->stream->Finish().ok());
}

TEST_F(WorkerServiceTest, FailsTasksForRetryAndCatch) {
  Create("w", R"({"StartAt": "T", "States": {
      "T": {"Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:q",
            "Catch": [{"ErrorEquals": ["Busy"], "Next": "C"}], "End": true},
      "C": {"Type": "Pass", "End": true}}})");
  const std::string name = Start("w");
  client::Worker worker(
      {.address = node_->address(), .project = "p", .queues = {"q"}},
      [](const client::Task&) { return client::Outcome::Failed("Busy", "not now"); });
  const v1::Execution execution = Await(name);
  EXPECT_EQ(execution.state(), v1::Execution::SUCCEEDED);
  EXPECT_EQ(execution.output(), R"({"Error":"Busy","Cause":"not now"})");
  v1::GetExecutionHistoryRequest request;
  request.set_name(name);
  v1::GetExecutionHistoryResponse history;
  Call(*node_->execution_stub, &v1::ExecutionService::Stub::GetExecutionHistory, request, &history);
  EXPECT_EQ(history.events(2).type(), "ActivityScheduled");
  EXPECT_EQ(history.events(4).type(), "ActivityFailed");
}

TEST_F(WorkerServiceTest, KeepsResultsOverARestart) {
  Create("w", kTask);
  const std::string name = Start("w");
  auto worker = Open(Hello());
  const std::string token = worker->ReadUntil([](const auto& all) { return all.items_size() == 1; })
                                .items(0)
                                .task_token();
  worker->context.TryCancel();
  worker->stream->Finish();
  Serve();
  // The result comes on a stream of a server that has never given the task out.
  v1::WorkRequest hello = Hello();
  *hello.add_results() = Result(token, "1").results(0);
  worker = Open(hello);
  EXPECT_THAT(
      worker->ReadUntil([](const auto& all) { return all.acknowledged_size() > 0; }).acknowledged(),
      ElementsAre(1));
  EXPECT_EQ(Get(name).state(), v1::Execution::SUCCEEDED);
  worker->context.TryCancel();
  worker->stream->Finish();
}

TEST_F(WorkerServiceTest, ServesExpressWorkflows) {
  Create("w", kTask, v1::Workflow::EXPRESS);
  client::Worker worker({.address = node_->address(), .project = "p", .queues = {"q"}},
                        [](const client::Task& task) { return client::Outcome::Done(task.input); });
  v1::RunExecutionRequest request;
  request.set_parent("projects/p/workflows/w");
  request.set_input("[1]");
  v1::Execution execution;
  Call(*node_->execution_stub, &v1::ExecutionService::Stub::RunExecution, request, &execution);
  EXPECT_EQ(execution.state(), v1::Execution::SUCCEEDED);
  EXPECT_EQ(execution.output(), "[1]");
}

// The execution was never stored, and is gone: nobody will ever want the result.
TEST_F(WorkerServiceTest, AcknowledgesResultsOfWhatIsNoMore) {
  Create("w", R"({"StartAt": "T", "States": {"T": {
      "Type": "Task", "Resource": "queue:q", "TimeoutSeconds": 1, "End": true}}})",
         v1::Workflow::EXPRESS);
  const auto worker = Open(Hello());
  v1::RunExecutionRequest request;
  request.set_parent("projects/p/workflows/w");
  v1::Execution execution;
  Call(*node_->execution_stub, &v1::ExecutionService::Stub::RunExecution, request, &execution);
  EXPECT_EQ(execution.error(), "States.Timeout");
  const std::string token = worker->ReadUntil([](const auto& all) { return all.items_size() == 1; })
                                .items(0)
                                .task_token();
  worker->stream->Write(Result(token, "1"));
  worker->ReadUntil([](const auto& all) { return all.acknowledged_size() > 0; });
  worker->stream->WritesDone();
  EXPECT_TRUE(worker->stream->Finish().ok());
}

TEST_F(WorkerServiceTest, FailsTasksWhoseOutcomeNoServerTakes) {
  Create("w", R"({"StartAt": "T", "States": {
      "T": {"Type": "Task", "Resource": "queue:q", "Catch": [
        {"ErrorEquals": ["States.ALL"], "Next": "C"}], "Next": "C"},
      "C": {"Type": "Pass", "End": true}}})");
  const std::string no_utf8 = "\"\xff\"";
  const std::string large = "\"" + std::string(5 << 20, 'x') + "\"";
  const std::string no_json = "{";
  for (const std::string& output : {no_utf8, large, no_json}) {
    client::Worker worker({.address = node_->address(), .project = "p", .queues = {"q"}},
                          [&](const client::Task&) { return client::Outcome::Done(output); });
    EXPECT_THAT(Await(Start("w")).output(), HasSubstr("InvalidResult"));
  }
  client::Worker worker({.address = node_->address(), .project = "p", .queues = {"q"}},
                        [](const client::Task&) -> client::Outcome {
                          throw std::runtime_error("\xff" + std::string(100'000, 'x'));
                        });
  EXPECT_THAT(Await(Start("w")).output(), HasSubstr("HandlerFailed"));
}

// However busy its worker is with other tasks.
TEST_F(WorkerServiceTest, BeatsForLongTasksBesideShortOnes) {
  Create("long", R"({"StartAt": "T", "States": {"T": {
      "Type": "Task", "Resource": "queue:q", "HeartbeatSeconds": 1, "End": true}}})");
  Create("w", kTask);
  std::atomic<bool> is_over{false};
  client::Worker worker(
      {.address = node_->address(), .project = "p", .queues = {"q"}, .threads = 2},
      [&](const client::Task& task) {
        if (task.input == "[]") {
          std::this_thread::sleep_for(std::chrono::seconds(3));
          is_over = true;
        }
        return client::Outcome::Done(task.input);
      });
  const std::string name = Start("long", "[]");
  while (!is_over) Await(Start("w"));
  EXPECT_EQ(Await(name, "[]").state(), v1::Execution::SUCCEEDED);
}

TEST_F(WorkerServiceTest, TellsThatATaskIsOver) {
  Create("w", kTask);
  const std::string name = Start("w");
  const auto worker = Open(Hello());
  const std::string token = worker->ReadUntil([](const auto& all) { return all.items_size() == 1; })
                                .items(0)
                                .task_token();
  v1::StopExecutionRequest request;
  request.set_name(name);
  v1::Execution execution;
  Call(*node_->execution_stub, &v1::ExecutionService::Stub::StopExecution, request, &execution);
  EXPECT_THAT(
      worker->ReadUntil([](const auto& all) { return all.cancelled_size() > 0; }).cancelled(),
      ElementsAre(token));
  worker->stream->Write(Result(token, "1"));
  worker->ReadUntil([](const auto& all) { return all.acknowledged_size() > 0; });
  EXPECT_EQ(Get(name).state(), v1::Execution::ABORTED);
  worker->context.TryCancel();
  worker->stream->Finish();
}

TEST_F(WorkerServiceTest, RefusesResultsThatCannotCount) {
  Create("w", kTask);
  Start("w");
  const auto worker = Open(Hello());
  const std::string token = worker->ReadUntil([](const auto& all) { return all.items_size() == 1; })
                                .items(0)
                                .task_token();
  std::string forged = token;
  forged.back() = static_cast<char>(forged.back() ^ 1);
  worker->stream->Write(Result(forged, "1"));
  worker->stream->Write(Result(token, "{"));
  v1::WorkRequest failure;
  failure.add_results()->set_task_token(token);
  failure.mutable_results(0)->mutable_failure()->set_error(std::string(257, 'e'));
  worker->stream->Write(failure);
  v1::WorkRequest empty;
  empty.add_results()->set_task_token(token);
  worker->stream->Write(empty);
  const v1::WorkResponse told =
      worker->ReadUntil([](const auto& all) { return all.refusals_size() == 4; });
  EXPECT_EQ(told.refusals(0).reason(), "TASK_TOKEN_INVALID");
  for (int i = 1; i < 4; ++i) EXPECT_EQ(told.refusals(i).reason(), "INVALID_RESULT");
  // None of that was its result.
  worker->stream->Write(Result(token, "1"));
  EXPECT_THAT(
      worker->ReadUntil([](const auto& all) { return all.acknowledged_size() > 0; }).acknowledged(),
      ElementsAre(5));
  worker->context.TryCancel();
  worker->stream->Finish();
}

TEST_F(WorkerServiceTest, EndsStreamsThatBreakARule) {
  v1::WorkRequest none;
  v1::WorkRequest wrong;
  wrong.mutable_hello()->set_parent("p");
  wrong.mutable_hello()->add_queues("a b");
  wrong.mutable_hello()->add_queues("q");
  wrong.mutable_hello()->add_queues("q");
  for (const v1::WorkRequest& request : {none, wrong}) {
    const auto worker = Open(request);
    v1::WorkResponse response;
    EXPECT_FALSE(worker->stream->Read(&response));
    const grpc::Status status = worker->stream->Finish();
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT) << status.error_message();
  }
  const auto twice = Open(Hello());
  twice->stream->Write(Hello());
  v1::WorkResponse response;
  while (twice->stream->Read(&response)) {
  }
  const grpc::Status status = twice->stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("hello"));
}

TEST_F(WorkerServiceTest, NamesEveryFieldAtFault) {
  v1::WorkRequest wrong;
  wrong.mutable_hello()->set_parent("p");
  wrong.mutable_hello()->add_queues("a b");
  const auto worker = Open(wrong);
  EXPECT_EQ(FieldsOf(worker->stream->Finish()), "hello.parent,hello.queues[0],hello.items_max");
}

// Several workers, many executions of several tasks each: every task once, as long as nothing
// breaks.
TEST_F(WorkerServiceTest, SharesTheWorkOfManyExecutions) {
  Create("w", R"({"StartAt": "A", "States": {
      "A": {"Type": "Task", "Resource": "queue:q", "Next": "B"},
      "B": {"Type": "Task", "Resource": "queue:q", "End": true}}})");
  constexpr int kExecutions = 100;
  std::mutex mutex;
  std::multiset<std::string> keys;
  std::vector<std::unique_ptr<client::Worker>> workers;
  for (int i = 0; i < 3; ++i) {
    workers.push_back(std::make_unique<client::Worker>(
        client::WorkerOptions{
            .address = node_->address(), .project = "p", .queues = {"q"}, .items_max = 5},
        [&](const client::Task& task) {
          const std::lock_guard lock(mutex);
          keys.insert(task.idempotency_key);
          return client::Outcome::Done(task.input);
        }));
  }
  std::vector<std::string> names;
  for (int i = 0; i < kExecutions; ++i) names.push_back(Start("w", absl::StrCat(i)));
  for (int i = 0; i < kExecutions; ++i) {
    const v1::Execution execution = Await(names[static_cast<size_t>(i)], absl::StrCat(i));
    EXPECT_EQ(execution.output(), absl::StrCat(i));
  }
  for (const auto& worker : workers) worker->Stop();
  const std::set<std::string> different(keys.begin(), keys.end());
  EXPECT_EQ(keys.size(), size_t{2 * kExecutions});
  EXPECT_EQ(different.size(), size_t{2 * kExecutions});
}

}  // namespace
}  // namespace millrace::service
