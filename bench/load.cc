// A closed loop of clients against a running server: one of the workloads that are compared with
// other engines, whose tasks bench/worker.cc does in another process.
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "bench/closed_loop.h"
#include "bench/stop_signal.h"
#include "engine/base/status_macros.h"
#include "millrace/v1/workflow.grpc.pb.h"

namespace millrace::bench {
namespace {

constexpr char kTask[] = R"("Type":"Task","Resource":"queue:step")";

// Tasks one after the other.
std::string Sequence(int steps) {
  std::string states;
  for (int step = 1; step <= steps; ++step) {
    absl::StrAppend(&states, step == 1 ? "" : ",", "\"Step", step, "\":{", kTask, ",",
                    step == steps ? std::string("\"End\":true}")
                                  : absl::StrCat("\"Next\":\"Step", step + 1, "\"}"));
  }
  return absl::StrCat(R"({"StartAt":"Step1","States":{)", states, "}}");
}

// Tasks at once, and a join.
std::string FanOut(int tasks) {
  std::string branches;
  for (int task = 0; task < tasks; ++task) {
    absl::StrAppend(&branches, task == 0 ? "" : ",", R"({"StartAt":"Step","States":{"Step":{)",
                    kTask, R"(,"End":true}}})");
  }
  return absl::StrCat(R"({"StartAt":"All","States":{"All":{"Type":"Parallel","Branches":[)",
                      branches, R"(],"End":true}}})");
}

std::string DefinitionOf(const std::string& workload) {
  if (workload == "w1") return Sequence(10);
  if (workload == "w2") return FanOut(20);
  return Sequence(1);
}

absl::Status CreateWorkflow(const std::string& address, const std::string& workload) {
  const auto stub = v1::WorkflowService::NewStub(
      grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  v1::CreateWorkflowRequest request;
  request.set_parent("projects/default");
  request.set_workflow_id(workload);
  request.mutable_workflow()->set_definition(DefinitionOf(workload));
  grpc::ClientContext context;
  v1::Workflow workflow;
  const grpc::Status status = stub->CreateWorkflow(&context, request, &workflow);
  if (status.ok() || status.error_code() == grpc::ALREADY_EXISTS) return absl::OkStatus();
  return absl::UnavailableError(status.error_message());
}

absl::Status Run(LoopOptions options) {
  MILLRACE_RETURN_IF_ERROR(CreateWorkflow(options.address, options.workflow));
  MILLRACE_ASSIGN_OR_RETURN(const LoopFigures figures, RunClosedLoop(options));
  std::printf("millrace %s %d %.1f %.2f %.2f\n", options.workflow.c_str(), options.in_flight,
              figures.workflows_per_second, absl::ToDoubleMilliseconds(figures.p50),
              absl::ToDoubleMilliseconds(figures.p99));
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  CLI::App app(
      "Runs a workload against a server: prints its name, how many are in flight, "
      "workflows/s, p50 and p99 in ms");
  LoopOptions options{.address = "localhost:7070", .workflow = "w1"};
  double seconds = 5;
  double warm_up_seconds = 1;
  app.add_option("--address", options.address, "Of the server")->capture_default_str();
  app.add_option("--workload", options.workflow,
                 "w1: ten tasks in sequence; w2: twenty at once; w3: one")
      ->check(CLI::IsMember({"w1", "w2", "w3"}))
      ->capture_default_str();
  app.add_option("--in-flight", options.in_flight, "Workflows at once")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--seconds", seconds, "That are measured")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  app.add_option("--warm-up", warm_up_seconds, "Seconds before them")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  options.measured = absl::Seconds(seconds);
  options.warm_up = absl::Seconds(warm_up_seconds);
  CatchStopSignals();
  const absl::Status status = Run(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "load: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) { return millrace::bench::Main(argc, argv); }
