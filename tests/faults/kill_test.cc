// 1,000 executions of the order workflow while the server is killed three times: nothing that was
// acknowledged is lost, and no task is done twice but around a kill and with the same key.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "millrace/v1/execution.grpc.pb.h"
#include "millrace/v1/function.grpc.pb.h"
#include "millrace/v1/workflow.grpc.pb.h"
#include "tests/faults/command.h"
#include "tests/faults/server_process.h"
#include "tests/support/postgres.h"

namespace millrace::testing {
namespace {

constexpr int kStarters = 4;
constexpr int kOpenAtKill = 200;
constexpr absl::Duration kBackWithin = absl::Seconds(10);
constexpr char kParent[] = "projects/default/workflows/order";

std::string ReadFile(const std::string& path) {
  const char* root = std::getenv("MILLRACE_SOURCE_DIR");
  std::ifstream file(absl::StrCat(root == nullptr ? "." : root, "/", path));
  EXPECT_TRUE(file.good()) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The function's code with a line in `ledger` for each call, on the disk before the call goes on.
std::string WithLedger(const std::string& source, const std::string& ledger) {
  return absl::StrCat(source, R"(

import os as _os
import time as _time
_inner = main_handler


def main_handler(event, context):
    line = "%s %s %s %.6f\n" % (context.execution, context.event_id, context.idempotency_key,
                                _time.time())
    ledger = _os.open(")",
                      ledger, R"(", _os.O_WRONLY | _os.O_APPEND)
    _os.write(ledger, line.encode())
    _os.fsync(ledger)
    _os.close(ledger)
    return _inner(event, context)
)");
}

struct LedgerLine {
  std::string key;
  double at = 0;
};
// By execution name and event id.
using Ledger = std::map<std::pair<std::string, int>, std::vector<LedgerLine>>;

Ledger ReadLedger(const std::string& path) {
  Ledger ledger;
  std::ifstream file(path);
  std::string execution, key;
  int event_id = 0;
  double at = 0;
  while (file >> execution >> event_id >> key >> at) {
    ledger[{execution, event_id}].push_back({.key = key, .at = at});
  }
  return ledger;
}

class KillTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(ledger_).close();
    std::filesystem::permissions(ledger_, std::filesystem::perms(0666));
    server_.Start();
    const auto channel = server_.NewChannel();
    auto functions = v1::FunctionService::NewStub(channel);
    for (const char* name : {"order_validate", "order_pay", "order_reserve", "order_pack"}) {
      v1::CreateFunctionRequest request;
      request.set_parent("projects/default");
      request.set_function_id(name);
      request.mutable_function()->set_handler(absl::StrCat(name, ".main_handler"));
      request.mutable_function()->set_source(
          WithLedger(ReadFile(absl::StrCat("docs/examples/order/", name, ".py")), ledger_));
      grpc::ClientContext context;
      v1::Function function;
      const grpc::Status status = functions->CreateFunction(&context, request, &function);
      ASSERT_TRUE(status.ok()) << status.error_message();
    }
    v1::CreateWorkflowRequest request;
    request.set_parent("projects/default");
    request.set_workflow_id("order");
    request.mutable_workflow()->set_definition(ReadFile("docs/examples/order.asl.json"));
    grpc::ClientContext context;
    v1::Workflow workflow;
    const grpc::Status status =
        v1::WorkflowService::NewStub(channel)->CreateWorkflow(&context, request, &workflow);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  // Starts executions until all are acknowledged; a start that fails is made again, by its id.
  void StartAll(int first, int step) {
    auto stub = v1::ExecutionService::NewStub(server_.NewChannel());
    const std::string input = ReadFile("docs/examples/order.input.json");
    for (int i = first; i < executions_; i += step) {
      while (true) {
        v1::StartExecutionRequest request;
        request.set_parent(kParent);
        request.set_execution_id(absl::StrCat("e-", i));
        request.set_input(input);
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
        context.set_wait_for_ready(true);
        v1::Execution execution;
        if (stub->StartExecution(&context, request, &execution).ok()) {
          const std::lock_guard lock(mutex_);
          acknowledged_.insert(execution.name());
          break;
        }
      }
    }
  }

  std::vector<std::thread> StartAllBeside() {
    std::vector<std::thread> starters;
    for (int i = 0; i < kStarters; ++i) {
      starters.emplace_back([this, i] { StartAll(i, kStarters); });
    }
    return starters;
  }

  size_t Acknowledged() {
    const std::lock_guard lock(mutex_);
    return acknowledged_.size();
  }

  // -1 while the server does not answer.
  int CountRunning(int page_size) {
    v1::ListExecutionsRequest request;
    request.set_parent(kParent);
    request.set_state(v1::Execution::RUNNING);
    request.set_page_size(page_size);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
    v1::ListExecutionsResponse response;
    auto stub = v1::ExecutionService::NewStub(control_);
    if (!stub->ListExecutions(&context, request, &response).ok()) return -1;
    return response.executions_size();
  }

  // Waits for at least `open_min` open executions while more starts are to come, kills, and sees
  // new starts acknowledged in good time.
  void KillInTheMiddle(size_t acknowledged_min, int open_min, const std::function<void()>& kill) {
    while (Acknowledged() < acknowledged_min || CountRunning(open_min) < open_min) {
      ASSERT_LT(Acknowledged(), static_cast<size_t>(executions_)) << "too few were open at a time";
    }
    ASSERT_LT(Acknowledged(), static_cast<size_t>(executions_));
    kill();
    const size_t before = Acknowledged();
    const absl::Time killed_at = absl::Now();
    kills_.push_back(absl::ToUnixMicros(killed_at) / 1e6);
    if (!server_.IsRunning()) server_.Start();
    while (Acknowledged() <= before + kStarters) {
      ASSERT_LT(absl::Now(), killed_at + absl::Minutes(1)) << "nothing is started any more";
    }
    EXPECT_LT(absl::Now(), killed_at + kBackWithin);
  }
  void KillServer(size_t acknowledged_min, bool with_postmaster) {
    KillInTheMiddle(acknowledged_min, kOpenAtKill, [&] { server_.Kill(with_postmaster); });
  }

  // All that were acknowledged end, and rightly.
  void AwaitAndCheckAll() {
    const absl::Time give_up = absl::Now() + absl::Minutes(3);
    while (CountRunning(1) != 0) {
      ASSERT_LT(absl::Now(), give_up) << "executions do not end; the log is " << server_.log_path();
      std::this_thread::yield();
    }
    const Ledger ledger = ReadLedger(ledger_);
    for (const std::string& name : acknowledged_) CheckExecution(name, ledger);
  }

  std::vector<v1::HistoryEvent> ReadHistory(const std::string& name) {
    auto stub = v1::ExecutionService::NewStub(control_);
    v1::GetExecutionHistoryRequest request;
    request.set_name(name);
    request.set_page_size(1000);
    grpc::ClientContext context;
    v1::GetExecutionHistoryResponse response;
    const grpc::Status status = stub->GetExecutionHistory(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.next_page_token(), "");
    return {response.events().begin(), response.events().end()};
  }

  void CheckExecution(const std::string& name, const Ledger& ledger) {
    SCOPED_TRACE(name);
    v1::GetExecutionRequest request;
    request.set_name(name);
    grpc::ClientContext context;
    v1::Execution execution;
    auto stub = v1::ExecutionService::NewStub(control_);
    ASSERT_TRUE(stub->GetExecution(&context, request, &execution).ok());
    EXPECT_EQ(execution.state(), v1::Execution::SUCCEEDED);
    EXPECT_NE(execution.output().find("pay-A-1001"), std::string::npos) << execution.output();
    const std::vector<v1::HistoryEvent> history = ReadHistory(name);
    ASSERT_FALSE(history.empty());
    std::map<int, int> outcomes;  // by the TaskScheduled event's id
    int terminals = 0;
    for (size_t i = 0; i < history.size(); ++i) {
      const v1::HistoryEvent& event = history[i];
      ASSERT_EQ(event.event_id(), static_cast<int>(i) + 1) << "a gap";
      if (event.type() == "TaskScheduled") {
        outcomes.emplace(event.event_id(), 0);
        CheckCalls(name, event, ledger);
      } else if (event.type() == "TaskSucceeded" || event.type() == "TaskFailed" ||
                 event.type() == "TaskTimedOut") {
        // Scheduled <- Started <- outcome.
        const v1::HistoryEvent& started =
            history[static_cast<size_t>(event.previous_event_id()) - 1];
        ++outcomes[started.previous_event_id()];
      }
      terminals += event.type() == "ExecutionSucceeded" || event.type() == "ExecutionFailed" ||
                   event.type() == "ExecutionTimedOut" || event.type() == "ExecutionAborted";
    }
    EXPECT_EQ(terminals, 1);
    EXPECT_EQ(history.back().type(), "ExecutionSucceeded");
    EXPECT_GE(outcomes.size(), 7u);
    for (const auto& [scheduled, count] : outcomes) EXPECT_EQ(count, 1) << scheduled;
  }

  void CheckCalls(const std::string& name, const v1::HistoryEvent& scheduled,
                  const Ledger& ledger) {
    const auto found = ledger.find({name, scheduled.event_id()});
    ASSERT_NE(found, ledger.end()) << "task " << scheduled.event_id() << " was never called";
    const std::vector<LedgerLine>& lines = found->second;
    for (const LedgerLine& line : lines) {
      EXPECT_EQ(line.key, scheduled.idempotency_key()) << scheduled.event_id();
    }
    for (size_t i = 1; i < lines.size(); ++i) {
      bool is_around_kill = false;
      for (const double kill : kills_) {
        is_around_kill |= lines[i - 1].at <= kill + 1 && kill - 1 <= lines[i].at;
      }
      EXPECT_TRUE(is_around_kill) << "task " << scheduled.event_id() << " was called twice";
    }
  }

  TemporaryFolder folder_;
  const std::string ledger_ = absl::StrCat(folder_.path(), "/ledger");
  const std::string data_dir_ = absl::StrCat(folder_.path(), "/data");
  ServerProcess server_{data_dir_, FreePort()};
  std::shared_ptr<grpc::Channel> control_ = server_.NewChannel();
  int executions_ = 1000;
  std::vector<double> kills_;
  std::mutex mutex_;  // guards acknowledged_: several threads start executions
  std::set<std::string> acknowledged_;
};

TEST_F(KillTest, LosesNothingThatWasAcknowledged) {
  std::vector<std::thread> starters = StartAllBeside();
  KillServer(200, false);
  KillServer(450, true);
  KillServer(700, false);
  for (std::thread& starter : starters) starter.join();
  ASSERT_EQ(Acknowledged(), static_cast<size_t>(executions_));
  AwaitAndCheckAll();
  ExpectNoDamage(data_dir_);
}

TEST_F(KillTest, GoesOnWhenItsDatabaseComesBack) {
  executions_ = 400;
  std::vector<std::thread> starters = StartAllBeside();
  KillInTheMiddle(100, 50, [&] { server_.KillPostmaster(); });
  for (std::thread& starter : starters) starter.join();
  ASSERT_EQ(Acknowledged(), static_cast<size_t>(executions_));
  AwaitAndCheckAll();
  ExpectNoDamage(data_dir_);
}

}  // namespace
}  // namespace millrace::testing
