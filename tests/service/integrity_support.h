#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "db/pg_catalog.h"
#include "db/pg_integrity.h"
#include "db/pg_storage.h"
#include "engine/runtime/integrity.h"
#include "tests/service/test_node.h"
#include "tests/service/test_server.h"

namespace millrace::service {

// A database that a real node has worked on, and has left: what a test does to its rows, no server
// mends. Its executions:
//   done     three tasks, and succeeded     failed   a Fail state
//   stopped  aborted while it waited        express  of an EXPRESS workflow, succeeded
//   open     waits for a day; a node that is not this process owns it, and beats
class LeftDatabase {
 public:
  LeftDatabase() {
    {
      TestNode node(database_, {.invoke = [](const FunctionId&, Json event, InvocationContext,
                                             InvocationDone done) { done(std::move(event)); }});
      Work(node);
    }
    Run("INSERT INTO nodes (node, address, beats, beat_at)"
        " VALUES ($keeper, 'elsewhere', 1, now() + interval '1 hour')");
    Run("UPDATE executions SET owner = $keeper, wake_at = NULL WHERE status = 'running'");
  }

  // $done is the key of that execution, $keeper the node that beats.
  void Run(const std::string& sql) { database_.Query(Expanded(sql)); }
  std::string Query(const std::string& sql) { return database_.Query(Expanded(sql)); }
  std::string KeyOf(const std::string& id) { return Query(absl::StrCat("SELECT $", id)); }

  // What a check finds: "CODE projects/p/workflows/... ", in order.
  std::vector<std::string> Check(const IntegrityOptions& options, IntegrityStorage& facts) {
    std::vector<std::string> found;
    findings.clear();
    Workflows workflows(&catalog_);  // with nothing cached
    const auto made =
        CheckIntegrity({.facts = &facts, .journals = &storage_, .workflows = &workflows}, options,
                       [&](const IntegrityFinding& finding) {
                         found.push_back(absl::StrCat(CodeOf(finding.rule), " ", finding.name));
                         findings.push_back(finding);
                       });
    EXPECT_TRUE(made.ok()) << made.status();
    if (made.ok()) report = *made;
    return found;
  }
  std::vector<std::string> Check(const IntegrityOptions& options = AtOnce()) {
    return Check(options, facts_);
  }
  absl::Status CheckStatus(const IntegrityOptions& options) {
    Workflows workflows(&catalog_);
    return CheckIntegrity({.facts = &facts_, .journals = &storage_, .workflows = &workflows},
                          options, [](const IntegrityFinding&) {})
        .status();
  }
  static IntegrityOptions AtOnce() {
    return {.fold = FoldScope::kAll, .look_again_after = absl::ZeroDuration()};
  }

  IntegrityStorage& facts() { return facts_; }

  IntegrityReport report;  // of the last check
  std::vector<IntegrityFinding> findings;

 private:
  static void Create(TestNode& node, const std::string& id, const std::string& definition,
                     v1::Workflow::Type type = v1::Workflow::STANDARD) {
    v1::CreateWorkflowRequest request;
    request.set_parent("projects/p");
    request.set_workflow_id(id);
    request.mutable_workflow()->set_definition(definition);
    request.mutable_workflow()->set_type(type);
    v1::Workflow workflow;
    const grpc::Status status =
        Call(*node.workflow_stub, &v1::WorkflowService::Stub::CreateWorkflow, request, &workflow);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }

  static void CreateFunction(TestNode& node) {
    v1::CreateFunctionRequest request;
    request.set_parent("projects/p");
    request.set_function_id("echo");
    request.mutable_function()->set_handler("echo.handler");
    request.mutable_function()->set_source("def handler(event, context):\n    return event\n");
    v1::Function function;
    const grpc::Status status =
        Call(*node.function_stub, &v1::FunctionService::Stub::CreateFunction, request, &function);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }

  static void RunToItsEnd(TestNode& node, const std::string& workflow, const std::string& id) {
    v1::RunExecutionRequest request;
    request.set_parent("projects/p/workflows/" + workflow);
    request.set_execution_id(id);
    v1::Execution execution;
    const grpc::Status status =
        Call(*node.execution_stub, &v1::ExecutionService::Stub::RunExecution, request, &execution);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }

  static void Start(TestNode& node, const std::string& workflow, const std::string& id) {
    v1::StartExecutionRequest request;
    request.set_parent("projects/p/workflows/" + workflow);
    request.set_execution_id(id);
    v1::Execution execution;
    const grpc::Status status = Call(
        *node.execution_stub, &v1::ExecutionService::Stub::StartExecution, request, &execution);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }

  // A started EXPRESS execution is waited for by watching it: its history comes with its end.
  static void AwaitEnd(TestNode& node, const std::string& name) {
    v1::WatchExecutionRequest request;
    request.set_name(name);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    auto stream = node.execution_stub->WatchExecution(&context, request);
    v1::WatchExecutionResponse response;
    while (stream->Read(&response)) {
    }
    const grpc::Status status = stream->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
  }

  static void Work(TestNode& node) {
    CreateFunction(node);
    Create(node, "tasks", R"({"StartAt": "A", "States": {
        "A": {"Type": "Task", "Resource": "echo", "Next": "B"},
        "B": {"Type": "Task", "Resource": "echo", "Next": "C"},
        "C": {"Type": "Task", "Resource": "echo", "End": true}}})");
    Create(node, "fails", R"({"StartAt": "F", "States": {
        "F": {"Type": "Fail", "Error": "A\u0000B", "Cause": "so"}}})");
    Create(node, "waits", R"({"StartAt": "W", "States": {
        "W": {"Type": "Wait", "Seconds": 86400, "End": true}}})");
    Create(node, "short", R"({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}})",
           v1::Workflow::EXPRESS);
    RunToItsEnd(node, "tasks", "done");
    RunToItsEnd(node, "fails", "failed");
    Start(node, "waits", "open");
    Start(node, "waits", "stopped");
    v1::StopExecutionRequest stop;
    stop.set_name("projects/p/workflows/waits/executions/stopped");
    stop.set_error("Stopped");
    v1::Execution execution;
    const grpc::Status status =
        Call(*node.execution_stub, &v1::ExecutionService::Stub::StopExecution, stop, &execution);
    EXPECT_TRUE(status.ok()) << status.error_message();
    Start(node, "short", "express");
    AwaitEnd(node, "projects/p/workflows/short/executions/express");
  }

  std::string Expanded(const std::string& sql) const {
    std::string expanded =
        absl::StrReplaceAll(sql, {{"$keeper", absl::StrCat("uuid '", keeper_.ToString(), "'")}});
    for (const char* id : {"done", "failed", "stopped", "express", "open"}) {
      expanded = absl::StrReplaceAll(
          expanded, {{absl::StrCat("$", id),
                      absl::StrCat("(SELECT execution_key FROM executions WHERE execution_id = '",
                                   id, "')")}});
    }
    return expanded;
  }

  testing::TestDatabase database_;
  const Uuid keeper_ = Uuid::Random();
  db::PgStorage storage_{&database_.pool()};
  db::PgCatalog catalog_{&database_.pool()};
  db::PgIntegrity facts_{&database_.pool()};
};

}  // namespace millrace::service
