// Executions over gRPC, on the real runtime and a real PostgreSQL.
#include <gmock/gmock.h>

#include "tests/service/test_node.h"
#include "tests/service/test_server.h"

namespace millrace::service {
namespace {

constexpr char kSleeper[] =
    R"({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 86400, "End": true}}})";
constexpr char kNap[] =
    R"({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "Next": "P"},
        "P": {"Type": "Pass", "Result": {"done": true}, "End": true}}})";
constexpr char kEcho[] =
    R"({"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "echo", "End": true}}})";

class ExecutionServiceTest : public ::testing::Test {
 protected:
  void SetUp() override { node_ = std::make_unique<TestNode>(database_); }

  void Create(const std::string& id, const std::string& definition,
              v1::Workflow::Type type = v1::Workflow::STANDARD, const std::string& language = "") {
    v1::CreateWorkflowRequest request;
    request.set_parent("projects/p");
    request.set_workflow_id(id);
    request.mutable_workflow()->set_definition(definition);
    request.mutable_workflow()->set_type(type);
    request.mutable_workflow()->set_language(language);
    v1::Workflow workflow;
    const grpc::Status status =
        Call(*node_->workflow_stub, &v1::WorkflowService::Stub::CreateWorkflow, request, &workflow);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  void CreateEcho() {
    v1::CreateFunctionRequest request;
    request.set_parent("projects/p");
    request.set_function_id("echo");
    request.mutable_function()->set_handler("echo.main_handler");
    request.mutable_function()->set_source("def main_handler(event, context):\n    return event\n");
    v1::Function function;
    const grpc::Status status =
        Call(*node_->function_stub, &v1::FunctionService::Stub::CreateFunction, request, &function);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  static v1::StartExecutionRequest StartOf(const std::string& workflow, const std::string& id,
                                           const std::string& input) {
    v1::StartExecutionRequest request;
    request.set_parent("projects/p/workflows/" + workflow);
    request.set_execution_id(id);
    request.set_input(input);
    return request;
  }

  grpc::Status Start(const v1::StartExecutionRequest& request, v1::Execution* execution) {
    return Call(*node_->execution_stub, &v1::ExecutionService::Stub::StartExecution, request,
                execution);
  }

  grpc::Status Run(const std::string& workflow, const std::string& input,
                   v1::Execution* execution) {
    v1::RunExecutionRequest request;
    request.set_parent("projects/p/workflows/" + workflow);
    request.set_input(input);
    return Call(*node_->execution_stub, &v1::ExecutionService::Stub::RunExecution, request,
                execution);
  }

  v1::Execution Get(const std::string& name) {
    v1::GetExecutionRequest request;
    request.set_name(name);
    v1::Execution execution;
    const grpc::Status status = Call(
        *node_->execution_stub, &v1::ExecutionService::Stub::GetExecution, request, &execution);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return execution;
  }

  // The types of all events until the history's end, as they are committed.
  std::vector<std::string> Watch(const std::string& name, int after_event_id = 0) {
    v1::WatchExecutionRequest request;
    request.set_name(name);
    request.set_after_event_id(after_event_id);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    auto stream = node_->execution_stub->WatchExecution(&context, request);
    std::vector<std::string> types;
    v1::WatchExecutionResponse response;
    while (stream->Read(&response)) {
      for (const v1::HistoryEvent& event : response.events()) {
        EXPECT_EQ(event.event_id(), after_event_id + static_cast<int>(types.size()) + 1);
        types.push_back(event.type());
      }
    }
    const grpc::Status status = stream->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return types;
  }

  testing::TestDatabase database_;
  std::unique_ptr<TestNode> node_;
};

// As much as would not fit into one journal row.
TEST_F(ExecutionServiceTest, RunsAMapWhoseIterationsAllGetALargeInput) {
  Create("map", R"({"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items",
      "ItemSelector": {"text.$": "$.text", "i.$": "$$.Map.Item.Index"}, "End": true,
      "ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Pass", "OutputPath": "$.i",
                                                         "End": true}}}}}})");
  constexpr int kItems = 1500;
  std::string items = "0";
  for (int i = 1; i < kItems; ++i) absl::StrAppend(&items, ",0");
  v1::Execution execution;
  const grpc::Status status =
      Run("map",
          absl::StrCat(R"({"items":[)", items, R"(],"text":")", std::string(200'000, 'x'), R"("})"),
          &execution);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(execution.state(), v1::Execution::SUCCEEDED) << execution.cause();
  const Json output = *ParseJson(execution.output());
  ASSERT_EQ(output.size(), static_cast<size_t>(kItems));
  EXPECT_EQ(output.elements()[kItems - 1], Json(kItems - 1));
}

TEST_F(ExecutionServiceTest, WarnsWhereALimitIsNear) {
  Create("pass", R"({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}})");
  v1::Execution execution;
  ASSERT_TRUE(Run("pass", "\"" + std::string(209'713, 'x') + "\"", &execution).ok());
  EXPECT_THAT(execution.warnings(), ::testing::IsEmpty()) << "below four fifths";
  ASSERT_TRUE(Run("pass", "\"" + std::string(209'714, 'x') + "\"", &execution).ok());
  const std::string warning = "The largest data of a state has 209716 of at most 262144 bytes.";
  EXPECT_THAT(execution.warnings(), ::testing::ElementsAre(warning));
  const std::string name = execution.name();
  node_ = nullptr;
  node_ = std::make_unique<TestNode>(database_);
  EXPECT_THAT(Get(name).warnings(), ::testing::ElementsAre(warning));
}

TEST_F(ExecutionServiceTest, RunsAWorkflowToItsEnd) {
  CreateEcho();
  Create("echo", kEcho);
  v1::Execution execution;
  const grpc::Status status = Run("echo", R"({"n": 9223372036854775807})", &execution);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(execution.state(), v1::Execution::SUCCEEDED);
  EXPECT_EQ(execution.output(), R"({"n":9223372036854775807})");
  EXPECT_THAT(
      Watch(execution.name()),
      ::testing::ElementsAre("ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted",
                             "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"));
}

TEST_F(ExecutionServiceTest, StartingTwiceWithOneIdGivesOneExecution) {
  Create("sleeper", kSleeper);
  v1::Execution first, second;
  ASSERT_TRUE(Start(StartOf("sleeper", "e", R"({"a": 1})"), &first).ok());
  ASSERT_TRUE(Start(StartOf("sleeper", "e", R"({"a":1})"), &second).ok());
  EXPECT_EQ(first.uid(), second.uid());
  const grpc::Status other = Start(StartOf("sleeper", "e", R"({"a": 2})"), &second);
  EXPECT_EQ(other.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(ReasonOf(other), "EXECUTION_ALREADY_EXISTS");
  EXPECT_EQ(database_.Query("SELECT count(*) FROM executions"), "1");
}

TEST_F(ExecutionServiceTest, ARequestIdNamesTheExecutionThatHasNoOtherName) {
  Create("sleeper", kSleeper);
  v1::StartExecutionRequest request = StartOf("sleeper", "", "{}");
  request.set_request_id("r-1");
  v1::Execution first, second;
  ASSERT_TRUE(Start(request, &first).ok());
  ASSERT_TRUE(Start(request, &second).ok());
  EXPECT_EQ(first.uid(), second.uid());
  request.set_input("[]");
  EXPECT_EQ(ReasonOf(Start(request, &second)), "EXECUTION_ALREADY_EXISTS");
}

TEST_F(ExecutionServiceTest, StopEndsWhatWaits) {
  Create("sleeper", kSleeper);
  v1::Execution execution;
  ASSERT_TRUE(Start(StartOf("sleeper", "e", "{}"), &execution).ok());
  v1::StopExecutionRequest request;
  request.set_name(execution.name());
  request.set_error("Tired");
  request.set_cause("enough of it");
  const auto stop = &v1::ExecutionService::Stub::StopExecution;
  ASSERT_TRUE(Call(*node_->execution_stub, stop, request, &execution).ok());
  EXPECT_EQ(execution.state(), v1::Execution::ABORTED);
  EXPECT_EQ(Get(execution.name()).error(), "Tired");
  EXPECT_THAT(Watch(execution.name(), 2),
              ::testing::ElementsAre("WaitStateAborted", "ExecutionAborted"));
  const grpc::Status again = Call(*node_->execution_stub, stop, request, &execution);
  EXPECT_EQ(ReasonOf(again), "EXECUTION_ENDED");
}

TEST_F(ExecutionServiceTest, AWatchSeesEventsAsTheyAreCommitted) {
  Create("nap", kNap);
  v1::Execution execution;
  ASSERT_TRUE(Start(StartOf("nap", "e", "{}"), &execution).ok());
  EXPECT_THAT(Watch(execution.name()),
              ::testing::ElementsAre("ExecutionStarted", "WaitStateEntered", "WaitStateExited",
                                     "PassStateEntered", "PassStateExited", "ExecutionSucceeded"));
}

TEST_F(ExecutionServiceTest, ListsPageByPageAndByState) {
  Create("sleeper", kSleeper);
  for (int i = 0; i < 5; ++i) {
    v1::Execution execution;
    ASSERT_TRUE(Start(StartOf("sleeper", absl::StrCat("e-", i), "{}"), &execution).ok());
  }
  v1::ListExecutionsRequest request;
  request.set_parent("projects/p/workflows/sleeper");
  request.set_page_size(2);
  request.set_state(v1::Execution::RUNNING);
  std::vector<std::string> names;
  do {
    v1::ListExecutionsResponse response;
    ASSERT_TRUE(Call(*node_->execution_stub, &v1::ExecutionService::Stub::ListExecutions, request,
                     &response)
                    .ok());
    for (const v1::Execution& execution : response.executions()) names.push_back(execution.name());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(names.size(), 5u);
  EXPECT_TRUE(names.front().ends_with("e-4")) << names.front();
}

TEST_F(ExecutionServiceTest, ARunningExecutionKeepsItsRevision) {
  Create("w", kSleeper);
  v1::Execution execution;
  ASSERT_TRUE(Start(StartOf("w", "e", "{}"), &execution).ok());
  v1::UpdateWorkflowRequest update;
  update.mutable_workflow()->set_name("projects/p/workflows/w");
  update.mutable_workflow()->set_definition(kNap);
  update.mutable_update_mask()->add_paths("definition");
  v1::Workflow workflow;
  ASSERT_TRUE(
      Call(*node_->workflow_stub, &v1::WorkflowService::Stub::UpdateWorkflow, update, &workflow)
          .ok());
  EXPECT_EQ(workflow.revision(), 2);
  v1::GetExecutionWorkflowRequest request;
  request.set_name(execution.name());
  v1::WorkflowRevision revision;
  ASSERT_TRUE(Call(*node_->execution_stub, &v1::ExecutionService::Stub::GetExecutionWorkflow,
                   request, &revision)
                  .ok());
  EXPECT_EQ(revision.definition(), kSleeper);
}

TEST_F(ExecutionServiceTest, DeletingAWorkflowStopsItsExecutionsUnlessTheyAreKept) {
  for (const bool keep : {false, true}) {
    const std::string id = keep ? "kept" : "gone";
    Create(id, kSleeper);
    v1::Execution execution;
    ASSERT_TRUE(Start(StartOf(id, "e", "{}"), &execution).ok());
    v1::DeleteWorkflowRequest request;
    request.set_name("projects/p/workflows/" + id);
    request.set_keep_executions(keep);
    google::protobuf::Empty empty;
    ASSERT_TRUE(
        Call(*node_->workflow_stub, &v1::WorkflowService::Stub::DeleteWorkflow, request, &empty)
            .ok());
    const grpc::Status late = Start(StartOf(id, "late", "{}"), &execution);
    EXPECT_EQ(ReasonOf(late), "WORKFLOW_NOT_FOUND");
  }
  const std::string open =
      "SELECT string_agg(workflow_id, ',') FROM executions"
      " JOIN workflows USING (workflow_key) WHERE ended_at IS NULL";
  const absl::Time give_up = absl::Now() + absl::Seconds(30);
  while (database_.Query(open) != "kept") ASSERT_LT(absl::Now(), give_up);
}

TEST_F(ExecutionServiceTest, KeptExecutionsAreListedAndGot) {
  Create("w", kSleeper);
  v1::Execution kept, found;
  ASSERT_TRUE(Start(StartOf("w", "e", "{}"), &kept).ok());
  v1::ListExecutionsRequest list;
  list.set_parent("projects/p/workflows/w");
  v1::ListExecutionsResponse page;
  const auto list_method = &v1::ExecutionService::Stub::ListExecutions;
  for (const bool again : {false, true}) {
    v1::DeleteWorkflowRequest request;
    request.set_name(list.parent());
    request.set_keep_executions(!again);
    google::protobuf::Empty empty;
    ASSERT_TRUE(
        Call(*node_->workflow_stub, &v1::WorkflowService::Stub::DeleteWorkflow, request, &empty)
            .ok());
    ASSERT_TRUE(Call(*node_->execution_stub, list_method, list, &page).ok());
    ASSERT_EQ(page.executions_size(), 1);
    EXPECT_EQ(page.executions(0).uid(), kept.uid());
    EXPECT_EQ(Get(kept.name()).uid(), kept.uid());
    v1::GetExecutionHistoryRequest history;
    history.set_name(kept.name());
    v1::GetExecutionHistoryResponse events;
    EXPECT_TRUE(Call(*node_->execution_stub, &v1::ExecutionService::Stub::GetExecutionHistory,
                     history, &events)
                    .ok());
    EXPECT_GT(events.events_size(), 0);
    v1::GetExecutionWorkflowRequest which;
    which.set_name(kept.name());
    v1::WorkflowRevision revision;
    EXPECT_TRUE(Call(*node_->execution_stub, &v1::ExecutionService::Stub::GetExecutionWorkflow,
                     which, &revision)
                    .ok());
    EXPECT_EQ(revision.definition(), kSleeper);
    if (again) break;
    Create("w", kSleeper);  // the name's new owner has none
    ASSERT_TRUE(Call(*node_->execution_stub, list_method, list, &page).ok());
    EXPECT_EQ(page.executions_size(), 0);
    EXPECT_EQ(Get(kept.name()).uid(), kept.uid());
  }
}

TEST_F(ExecutionServiceTest, AReleasedExecutionGoesOn) {
  Create("nap", kNap);
  v1::Execution execution;
  ASSERT_TRUE(Start(StartOf("nap", "e", "{}"), &execution).ok());
  v1::ReleaseExecutionRequest request;
  request.set_name(execution.name());
  const auto release = &v1::ExecutionService::Stub::ReleaseExecution;
  const grpc::Status early = Call(*node_->execution_stub, release, request, &execution);
  EXPECT_EQ(early.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(early), "EXECUTION_NOT_QUARANTINED");

  node_.reset();  // so that nobody holds it
  database_.Query(
      "UPDATE executions SET status = 'quarantined', wake_at = NULL, losses = 3, error = 'why'");
  node_ = std::make_unique<TestNode>(database_);
  EXPECT_EQ(Get(request.name()).state(), v1::Execution::QUARANTINED);
  v1::StopExecutionRequest stop;
  stop.set_name(request.name());
  const grpc::Status stopped =
      Call(*node_->execution_stub, &v1::ExecutionService::Stub::StopExecution, stop, &execution);
  EXPECT_EQ(ReasonOf(stopped), "EXECUTION_QUARANTINED");
  EXPECT_THAT(stopped.error_message(), ::testing::HasSubstr("ReleaseExecution"));

  request.set_request_id("r");
  const grpc::Status status = Call(*node_->execution_stub, release, request, &execution);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(execution.uid(), Get(request.name()).uid());
  EXPECT_EQ(Watch(request.name()).back(), "ExecutionSucceeded");
  EXPECT_TRUE(Call(*node_->execution_stub, release, request, &execution).ok()) << "repeated";
  EXPECT_EQ(execution.state(), v1::Execution::SUCCEEDED);
}

TEST_F(ExecutionServiceTest, RefusesToReleaseWhatIsNoExecution) {
  Create("sleeper", kSleeper);
  v1::Execution execution;
  const auto release = &v1::ExecutionService::Stub::ReleaseExecution;
  v1::ReleaseExecutionRequest request;
  request.set_name("projects/p/workflows/sleeper/executions/..");
  request.set_request_id("a b");
  EXPECT_EQ(FieldsOf(Call(*node_->execution_stub, release, request, &execution)),
            "name,request_id");
  request.set_name("projects/p/workflows/sleeper/executions/none");
  request.set_request_id("r");
  const grpc::Status status = Call(*node_->execution_stub, release, request, &execution);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(status), "EXECUTION_NOT_FOUND");

  // One that has ended is no more quarantined than one that runs, and an id belongs to one call.
  ASSERT_TRUE(Start(StartOf("sleeper", "e", "{}"), &execution).ok());
  request.set_name(execution.name());
  v1::StopExecutionRequest stop;
  stop.set_name(request.name());
  ASSERT_TRUE(
      Call(*node_->execution_stub, &v1::ExecutionService::Stub::StopExecution, stop, &execution)
          .ok());
  EXPECT_EQ(ReasonOf(Call(*node_->execution_stub, release, request, &execution)),
            "EXECUTION_NOT_QUARANTINED");
  v1::DeleteWorkflowRequest remove;
  remove.set_name("projects/p/workflows/sleeper");
  remove.set_request_id("r");
  remove.set_keep_executions(true);
  google::protobuf::Empty empty;
  ASSERT_TRUE(
      Call(*node_->workflow_stub, &v1::WorkflowService::Stub::DeleteWorkflow, remove, &empty).ok());
  EXPECT_EQ(ReasonOf(Call(*node_->execution_stub, release, request, &execution)),
            "REQUEST_ID_REUSED");
}

TEST_F(ExecutionServiceTest, AQuarantinedExecutionIsSeenWhereItsJournalCannotBeRead) {
  Create("sleeper", kSleeper);
  v1::Execution execution;
  ASSERT_TRUE(Start(StartOf("sleeper", "e", "{}"), &execution).ok());
  node_.reset();
  database_.Query("UPDATE journal SET events = 'garbage'");
  database_.Query("UPDATE executions SET status = 'quarantined', wake_at = NULL, error = 'why'");
  node_ = std::make_unique<TestNode>(database_);
  const v1::Execution found = Get(execution.name());
  EXPECT_EQ(found.state(), v1::Execution::QUARANTINED);
  EXPECT_EQ(found.error(), "why");
}

TEST_F(ExecutionServiceTest, OneRequestIdAndTwoIdsAreTwoExecutions) {
  Create("sleeper", kSleeper);
  v1::Execution first, second;
  for (v1::Execution* execution : {&first, &second}) {
    v1::StartExecutionRequest request =
        StartOf("sleeper", execution == &first ? "a" : "b", R"({"n":1})");
    request.set_request_id("r-1");
    ASSERT_TRUE(Start(request, execution).ok());
  }
  EXPECT_NE(first.uid(), second.uid());
}

TEST_F(ExecutionServiceTest, AnExpressRunWritesNothing) {
  CreateEcho();
  Create("echo", kEcho, v1::Workflow::EXPRESS);
  v1::Execution execution;
  ASSERT_TRUE(Run("echo", R"({"a":1})", &execution).ok());
  EXPECT_EQ(execution.output(), R"({"a":1})");
  EXPECT_EQ(database_.Query("SELECT count(*) FROM executions"), "0");
}

// What is not written must not count against what a lane writes at once.
TEST_F(ExecutionServiceTest, ExpressRunsWithMuchDataGoOn) {
  Create("pass", R"({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}})",
         v1::Workflow::EXPRESS);
  const std::string input = absl::StrCat("{\"a\":\"", std::string(200'000, 'x'), "\"}");
  for (int i = 0; i < 10; ++i) {
    v1::Execution execution;
    const grpc::Status status = Run("pass", input, &execution);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(execution.output(), input);
  }
}

TEST_F(ExecutionServiceTest, AnExpressStartIsDurableAndRunsAgainAfterARestart) {
  Create("nap", kNap, v1::Workflow::EXPRESS);
  v1::Execution execution;
  ASSERT_TRUE(Start(StartOf("nap", "e", "{}"), &execution).ok());
  node_.reset();
  EXPECT_EQ(database_.Query("SELECT count(*) FROM journal"), "1");
  node_ = std::make_unique<TestNode>(database_);
  EXPECT_EQ(Watch(execution.name()).back(), "ExecutionSucceeded");
  EXPECT_EQ(Get(execution.name()).output(), R"({"done":true})");
}

TEST_F(ExecutionServiceTest, ANodeThatStopsLeavesItsExecutionsToTheNext) {
  Create("nap", kNap);
  std::vector<v1::Execution> executions(20);
  for (size_t i = 0; i < executions.size(); ++i) {
    ASSERT_TRUE(Start(StartOf("nap", absl::StrCat("e-", i), "{}"), &executions[i]).ok());
  }
  node_.reset();
  node_ = std::make_unique<TestNode>(database_);
  for (const v1::Execution& execution : executions) {
    EXPECT_EQ(Watch(execution.name()).back(), "ExecutionSucceeded");
  }
}

TEST_F(ExecutionServiceTest, ALongStepLeavesTheOthersTheirTurn) {
  Create("loop", R"({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"},
      "B": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsPresent": true, "Next": "E"}],
            "Default": "A"}, "E": {"Type": "Succeed"}}})");
  v1::Execution execution;
  ASSERT_TRUE(Run("loop", "{}", &execution).ok());
  EXPECT_EQ(execution.state(), v1::Execution::FAILED);
  EXPECT_EQ(execution.error(), "States.Runtime");
  EXPECT_THAT(execution.cause(), ::testing::HasSubstr("25000"));
}

TEST_F(ExecutionServiceTest, RefusesBadInputAndStoresNothing) {
  Create("sleeper", kSleeper);
  Create("asw-sleeper", kSleeper, v1::Workflow::STANDARD, "ASW");
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  const struct {
    const char* what;
    v1::StartExecutionRequest request;
    const char* field;
  } cases[] = {
      {"malformed JSON", StartOf("sleeper", "e", "{"), "input"},
      {"too deep", StartOf("sleeper", "e", deep), "input"},
      {"too large", StartOf("sleeper", "e", "\"" + std::string(262'143, 'x') + "\""), "input"},
      {"no object, which ASW takes only", StartOf("asw-sleeper", "e", "[1]"), "input"},
      {"no name", StartOf("sleeper", "no/name", "{}"), "execution_id"},
  };
  for (const auto& bad : cases) {
    SCOPED_TRACE(bad.what);
    v1::Execution execution;
    const grpc::Status status = Start(bad.request, &execution);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(FieldsOf(status), bad.field);
  }
  EXPECT_EQ(database_.Query("SELECT count(*) FROM executions"), "0");
}

}  // namespace
}  // namespace millrace::service
