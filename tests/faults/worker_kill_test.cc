// Workers are killed with SIGKILL in the middle of 10,000 items, and so is the server: each item is
// completed once, and whatever was done twice had the same idempotency key.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "millrace/v1/execution.grpc.pb.h"
#include "millrace/v1/workflow.grpc.pb.h"
#include "tests/faults/command.h"
#include "tests/faults/server_process.h"
#include "tests/support/postgres.h"

namespace millrace::testing {
namespace {

constexpr int kExecutions = 100;
constexpr int kItems = 100;  // of each
constexpr auto kPatience = std::chrono::minutes(2);
constexpr char kParent[] = "projects/default/workflows/items";

class WorkerKillTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(ledger_).close();
    server_.Start();
    stub_ = v1::ExecutionService::NewStub(server_.NewChannel());
    v1::CreateWorkflowRequest request;
    request.set_parent("projects/default");
    request.set_workflow_id("items");
    request.mutable_workflow()->set_definition(R"({"StartAt": "M", "States": {"M": {
        "Type": "Map", "End": true, "ItemProcessor": {"StartAt": "T", "States": {"T": {
          "Type": "Task", "Resource": "queue:items", "End": true}}}}}})");
    grpc::ClientContext context;
    v1::Workflow workflow;
    const grpc::Status status = v1::WorkflowService::NewStub(server_.NewChannel())
                                    ->CreateWorkflow(&context, request, &workflow);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  void TearDown() override {
    while (!workers_.empty()) EndWorker(SIGTERM);
  }

  static std::string Input() {
    std::string input = "[0";
    for (int item = 1; item < kItems; ++item) absl::StrAppend(&input, ",", item);
    return input + "]";
  }

  void Start(int execution) {
    v1::StartExecutionRequest request;
    request.set_parent(kParent);
    request.set_execution_id(absl::StrCat("e-", execution));
    request.set_input(Input());
    grpc::ClientContext context;
    v1::Execution answer;
    const grpc::Status status = stub_->StartExecution(&context, request, &answer);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  // What was started is waited for by starting it again; over a kill, again.
  v1::Execution Await(int execution) {
    const auto deadline = std::chrono::system_clock::now() + kPatience;
    v1::RunExecutionRequest request;
    request.set_parent(kParent);
    request.set_execution_id(absl::StrCat("e-", execution));
    request.set_input(Input());
    v1::Execution answer;
    grpc::Status status;
    do {
      grpc::ClientContext context;
      context.set_deadline(deadline);
      context.set_wait_for_ready(true);
      status = stub_->RunExecution(&context, request, &answer);
    } while (status.error_code() == grpc::UNAVAILABLE);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return answer;
  }

  void StartWorker() {
    const std::string binary = absl::StrCat(
        std::filesystem::read_symlink("/proc/self/exe").parent_path().string(), "/ledger_worker");
    const std::string address = absl::StrCat("127.0.0.1:", port_);
    const pid_t pid = fork();
    if (pid == 0) {
      execl(binary.c_str(), binary.c_str(), address.c_str(), ledger_.c_str(), nullptr);
      _exit(127);
    }
    ASSERT_GT(pid, 0);
    workers_.push_back(pid);
  }

  void EndWorker(int signal) {
    kill(workers_.back(), signal);
    waitpid(workers_.back(), nullptr, 0);
    workers_.pop_back();
  }

  void AwaitLedger(int64_t lines) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (true) {
      std::ifstream file(ledger_);
      const auto written = std::count(std::istreambuf_iterator<char>(file), {}, '\n');
      if (written >= lines) return;
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << written << " lines";
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  TemporaryFolder folder_;
  const std::string ledger_ = absl::StrCat(folder_.path(), "/ledger");
  const int port_ = FreePort();
  const std::string data_dir_ = absl::StrCat(folder_.path(), "/data");
  ServerProcess server_{data_dir_, port_};
  std::unique_ptr<v1::ExecutionService::Stub> stub_;
  std::vector<pid_t> workers_;
};

TEST_F(WorkerKillTest, CompletesEachItemOnce) {
  for (int execution = 0; execution < kExecutions; ++execution) Start(execution);
  StartWorker();
  AwaitLedger(2'000);
  EndWorker(SIGKILL);
  StartWorker();
  StartWorker();
  AwaitLedger(4'000);
  EndWorker(SIGKILL);
  AwaitLedger(6'000);
  server_.Kill(/*with_postmaster=*/false);
  server_.Start();
  for (int execution = 0; execution < kExecutions; ++execution) {
    SCOPED_TRACE(execution);
    const v1::Execution answer = Await(execution);
    EXPECT_EQ(answer.state(), v1::Execution::SUCCEEDED) << answer.cause();
    EXPECT_EQ(answer.output(), Input());
  }
  std::map<std::pair<std::string, int>, std::set<std::string>> keys;  // by execution and item
  std::set<std::string> all;
  std::ifstream file(ledger_);
  std::string execution, key;
  for (int item = 0; file >> execution >> item >> key;) {
    keys[{execution, item}].insert(key);
    all.insert(key);
  }
  EXPECT_EQ(keys.size(), size_t{kExecutions * kItems});
  EXPECT_EQ(all.size(), size_t{kExecutions * kItems});
  for (const auto& [item, of_item] : keys) {
    EXPECT_EQ(of_item.size(), 1u) << item.first << " " << item.second;
  }
  ExpectNoDamage(data_dir_);
}

}  // namespace
}  // namespace millrace::testing
