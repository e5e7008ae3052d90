#include "tests/service/service_stage.h"

#include <google/protobuf/util/message_differencer.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/runtime/history_view.h"
#include "service/convert/execution.h"
#include "tests/service/test_server.h"
#include "tests/support/patience.h"
#include "tests/support/scenario.h"

namespace millrace::service {
namespace {

// The names that scenarios see in the context object.
constexpr char kProject[] = "projects/p";
constexpr char kWorkflow[] = "projects/p/workflows/w";

std::vector<HistoryEvent> ShownOf(const CorePlayer& core) {
  std::vector<HistoryEvent> shown;
  for (const HistoryEvent& event : core.history()) {
    if (IsShown(event)) shown.push_back(event);
  }
  return shown;
}

}  // namespace

void StageNode::Begin() {
  storage_ = std::make_unique<WatchedStorage>(&pg_storage_);
  node_ = std::make_unique<TestNode>(
      database_, TestNodeOptions{.storage = storage_.get(),
                                 .invoke =
                                     [this](const FunctionId& function, Json payload,
                                            const InvocationContext& context, InvocationDone done) {
                                       functions_.Invoke(function, std::move(payload), context,
                                                         std::move(done));
                                     },
                                 .clock = &clock_,
                                 .objects = &objects_});
}

void StageNode::Crash() {
  storage_->CutOff();
  node_ = nullptr;
  Begin();
}

ServiceStage::ServiceStage(StageNode* node, const std::string& text) : node_(*node), core_(text) {
  node_.clock().Set(core_.now());
  for (const std::string& function : core_.program().FunctionNames()) CreateFunction(function);
  v1::CreateWorkflowRequest request;
  request.set_parent(kProject);
  request.set_workflow_id("w");
  const ScenarioWorkflow parsed = ParseWorkflow(text);
  request.mutable_workflow()->set_language(parsed.language);
  request.mutable_workflow()->set_definition(parsed.definition);
  v1::Workflow workflow;
  const grpc::Status status = Call(*node_.node().workflow_stub,
                                   &v1::WorkflowService::Stub::CreateWorkflow, request, &workflow);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

ServiceStage::~ServiceStage() {
  CloseWatch();
  v1::DeleteWorkflowRequest request;
  request.set_name(kWorkflow);
  google::protobuf::Empty empty;
  const grpc::Status status = Call(*node_.node().workflow_stub,
                                   &v1::WorkflowService::Stub::DeleteWorkflow, request, &empty);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

void ServiceStage::CreateFunction(const std::string& id) {
  v1::CreateFunctionRequest request;
  request.set_parent(kProject);
  request.set_function_id(id);
  request.mutable_function()->set_handler("never.run");
  request.mutable_function()->set_source("# The test answers its calls.\n");
  v1::Function function;
  const grpc::Status status = Call(*node_.node().function_stub,
                                   &v1::FunctionService::Stub::CreateFunction, request, &function);
  if (status.error_code() == grpc::StatusCode::ALREADY_EXISTS) return;  // another scenario's
  EXPECT_TRUE(status.ok()) << status.error_message();
}

void ServiceStage::Put(const std::string& bucket, const std::string& key, const std::string& body) {
  EXPECT_TRUE(core_.objects().Put(bucket, key, body).ok());
  EXPECT_TRUE(node_.objects().Put(bucket, key, body).ok());
}

absl::StatusOr<std::string> ServiceStage::Get(const std::string& bucket, const std::string& key) {
  return node_.objects().Get(bucket, key, 1 << 20);
}

void ServiceStage::Start(const Json& input) {
  EXPECT_EQ(core_.Take(Started{.input = input, .seed = 7}), StepRefusal::kNone);
  v1::StartExecutionRequest request;
  request.set_parent(kWorkflow);
  request.set_execution_id("e");
  request.set_input(input.ToText());
  v1::Execution execution;
  const grpc::Status status =
      Call(*node_.node().execution_stub, &v1::ExecutionService::Stub::StartExecution, request,
           &execution);
  ASSERT_TRUE(status.ok()) << status.error_message();
  name_ = execution.name();
  uid_ = execution.uid();
  Settle();
}

void ServiceStage::Answer(int64_t event_id, const AslResult<Json>& answer) {
  if (answer.ok()) {
    core_.Take(TaskSucceeded{.event_id = event_id, .output = *answer});
  } else {
    core_.Take(TaskFailed{.event_id = event_id, .error = answer.error()});
  }
  const std::string key = history_[static_cast<size_t>(event_id) - 1].idempotency_key();
  EXPECT_TRUE(node_.functions().Answer(key, answer)) << key << " is not under way";
  Settle();
}

void ServiceStage::Advance(absl::Duration duration) {
  const absl::Time until = core_.now() + duration;
  for (std::optional<absl::Time> alarm = core_.next_alarm(); alarm.has_value() && *alarm <= until;
       alarm = core_.next_alarm()) {
    AdvanceTo(std::max(*alarm, core_.now()));
    if (::testing::Test::HasFailure()) return;
  }
  AdvanceTo(until);
}

void ServiceStage::AdvanceTo(absl::Time at) {
  const size_t events = core_.history().size();
  const int64_t last_id = core_.snapshot().last_id;
  const int appends = node_.storage().AppendsOf(uid_);
  core_.Advance(at - core_.now());
  node_.clock().Set(at);
  node_.node().runtime().RingDueAlarms();
  // A try that fails before it calls anything plans the next one, and no caller sees that. The
  // clock must not go on before it is done.
  if (core_.history().size() > events && core_.snapshot().last_id == last_id) {
    EXPECT_TRUE(node_.storage().AwaitMoreAppends(uid_, appends)) << "an alarm has not rung";
  }
  Settle();
}

void ServiceStage::Stop(const AslError& error) {
  const StepRefusal refusal = core_.Take(StopRequested{.error = error});
  v1::StopExecutionRequest request;
  request.set_name(name_);
  request.set_error(error.name.value_or(""));
  request.set_cause(error.cause.value_or(""));
  v1::Execution execution;
  const grpc::Status status = Call(*node_.node().execution_stub,
                                   &v1::ExecutionService::Stub::StopExecution, request, &execution);
  EXPECT_EQ(status.ok(), refusal == StepRefusal::kNone) << status.error_message();
  Settle();
}

void ServiceStage::Crash() {
  for (const v1::HistoryEvent& event : history_) {
    if (IsOpen(event.event_id())) ++times_[event.idempotency_key()];
  }
  CloseWatch();
  has_watched_end_ = false;
  node_.Crash();
  const bool is_open = !uid_.empty() && !core_.snapshot().ended;
  // Taking up ends with a row that says nothing, which no caller sees either.
  if (is_open) {
    EXPECT_TRUE(node_.storage().AwaitMoreAppends(uid_, 0)) << "not taken up";
  }
  Settle();
}

void ServiceStage::Settle() {
  if (uid_.empty() || ::testing::Test::HasFailure()) return;
  ReadHistory();
  CheckCalls();
}

void ServiceStage::ReadHistory() {
  const std::vector<HistoryEvent> expected = ShownOf(core_);
  if (watch_ == nullptr && !has_watched_end_) {
    v1::WatchExecutionRequest request;
    request.set_name(name_);
    request.set_after_event_id(static_cast<int32_t>(history_.size()));
    watch_context_ = std::make_unique<grpc::ClientContext>();
    watch_context_->set_deadline(std::chrono::system_clock::now() + kPatience);
    watch_ = node_.node().execution_stub->WatchExecution(watch_context_.get(), request);
  }
  v1::WatchExecutionResponse response;
  while (history_.size() < expected.size()) {
    ASSERT_TRUE(watch_ != nullptr && watch_->Read(&response))
        << "only " << history_.size() << " of " << expected.size() << " events: "
        << (watch_ == nullptr ? "the watch has ended" : watch_->Finish().error_message());
    for (const v1::HistoryEvent& event : response.events()) {
      ASSERT_LT(history_.size(), expected.size()) << "one too many: " << event.ShortDebugString();
      CheckEvent(event, expected[history_.size()]);
      history_.push_back(event);
    }
  }
  if (!core_.snapshot().ended || watch_ == nullptr) return;
  EXPECT_FALSE(watch_->Read(&response)) << "an event after the last";
  const grpc::Status status = watch_->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  watch_ = nullptr;
  has_watched_end_ = true;
}

void ServiceStage::CheckEvent(const v1::HistoryEvent& event, const HistoryEvent& expected) {
  v1::HistoryEvent actual = event;
  actual.clear_idempotency_key();
  const v1::HistoryEvent proto = ToProto(MakeHistoryEventView(core_.program(), expected));
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(actual, proto))
      << "the service: " << actual.ShortDebugString()
      << "\nthe core:    " << proto.ShortDebugString();
  EXPECT_EQ(event.idempotency_key().empty(), expected.type != EventType::kTaskScheduled);
}

void ServiceStage::CheckCalls() {
  std::set<std::string> keys;
  for (const v1::HistoryEvent& event : history_) {
    if (event.idempotency_key().empty()) continue;
    keys.insert(event.idempotency_key());
    if (!IsOpen(event.event_id())) continue;
    const int times = times_.try_emplace(event.idempotency_key(), 1).first->second;
    const auto call = node_.functions().Await(event.idempotency_key(), times);
    ASSERT_TRUE(call.has_value()) << "not called: " << event.ShortDebugString();
    EXPECT_EQ(call->times, times) << event.ShortDebugString();
    EXPECT_EQ(call->event_id, event.event_id());
  }
  for (const auto& [key, call] : node_.functions().CallsOf(uid_)) {
    EXPECT_TRUE(keys.contains(key)) << "no event has this call's key: " << key;
  }
}

void ServiceStage::CloseWatch() {
  if (watch_ == nullptr) return;
  watch_context_->TryCancel();
  watch_->Finish();
  watch_ = nullptr;
}

std::vector<StagedCall> ServiceStage::Calls() {
  const std::map<std::string, HandFunctions::Call> made = node_.functions().CallsOf(uid_);
  std::vector<StagedCall> calls;
  for (const v1::HistoryEvent& event : history_) {
    const auto call = made.find(event.idempotency_key());
    if (call == made.end()) continue;
    calls.push_back({.event_id = event.event_id(),
                     .function = call->second.function.function,
                     .payload = call->second.payload});
  }
  return calls;
}

// A task's TaskStarted comes right after its TaskScheduled; once something follows that, the task
// is over.
bool ServiceStage::IsOpen(int64_t event_id) {
  const auto index = static_cast<size_t>(event_id) - 1;
  if (core_.snapshot().ended || history_[index].idempotency_key().empty()) return false;
  return std::none_of(history_.begin(), history_.end(), [&](const v1::HistoryEvent& event) {
    return event.previous_event_id() == event_id + 1;
  });
}

StagedState ServiceStage::State() {
  v1::GetExecutionRequest request;
  request.set_name(name_);
  v1::Execution execution;
  const grpc::Status status = Call(*node_.node().execution_stub,
                                   &v1::ExecutionService::Stub::GetExecution, request, &execution);
  EXPECT_TRUE(status.ok()) << status.error_message();
  StagedState state;
  switch (execution.state()) {
    case v1::Execution::RUNNING:
      state.status = ExecutionStatus::kRunning;
      break;
    case v1::Execution::SUCCEEDED:
      state.status = ExecutionStatus::kSucceeded;
      break;
    case v1::Execution::FAILED:
      state.status = ExecutionStatus::kFailed;
      break;
    case v1::Execution::TIMED_OUT:
      state.status = ExecutionStatus::kTimedOut;
      break;
    case v1::Execution::ABORTED:
      state.status = ExecutionStatus::kAborted;
      break;
    default:
      ADD_FAILURE() << execution.ShortDebugString();
  }
  if (execution.has_output()) {
    const absl::StatusOr<Json> output = ParseJson(execution.output());
    EXPECT_TRUE(output.ok()) << output.status();
    if (output.ok()) state.output = *output;
  }
  // The API shows no difference between an empty error or cause and none; nor can a scenario.
  if (!execution.error().empty()) state.error.name = execution.error();
  if (!execution.cause().empty()) state.error.cause = execution.cause();
  return state;
}

std::vector<StagedEvent> ServiceStage::History() {
  v1::GetExecutionHistoryRequest request;
  request.set_name(name_);
  request.set_page_size(7);
  std::vector<StagedEvent> events;
  do {
    v1::GetExecutionHistoryResponse response;
    const grpc::Status status =
        Call(*node_.node().execution_stub, &v1::ExecutionService::Stub::GetExecutionHistory,
             request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    for (const v1::HistoryEvent& event : response.events()) {
      events.push_back(
          {.id = event.event_id(), .previous_id = event.previous_event_id(), .type = event.type()});
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return events;
}

}  // namespace millrace::service
