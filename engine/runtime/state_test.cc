#include "engine/runtime/state_test.h"

#include <algorithm>
#include <future>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "engine/core/evaluation.h"
#include "engine/errors.h"
#include "engine/languages/compile.h"
#include "engine/runtime/mock_schema.h"
#include "engine/tasks/item_reader.h"
#include "engine/tasks/object_store.h"

namespace millrace {
namespace {

// What a state is called that is given without a workflow, and what the context object calls it.
constexpr absl::string_view kStateName = "StateName";
constexpr absl::string_view kUnsupportedTypes =
    "TestState needs a mock for Map and Parallel states. Without one it supports: [Task, Wait, "
    "Pass, Succeed, Fail, Choice]";

void AddTarget(const Json* target, absl::flat_hash_set<std::string>* targets) {
  if (target != nullptr && target->is_string()) targets->insert(std::string(target->AsString()));
}

void AddTargetsOf(const Json* rules, absl::flat_hash_set<std::string>* targets) {
  if (rules == nullptr || !rules->is_array()) return;
  for (const Json& rule : rules->elements()) AddTarget(rule.Find("Next"), targets);
}

// The smallest workflow around a state: where it goes to are states that do nothing.
Json WorkflowAround(const Json& state) {
  absl::flat_hash_set<std::string> targets;
  AddTarget(state.Find("Next"), &targets);
  AddTarget(state.Find("Default"), &targets);
  AddTargetsOf(state.Find("Choices"), &targets);
  AddTargetsOf(state.Find("Catch"), &targets);
  targets.erase(std::string(kStateName));
  Json states = Json::Object().With(kStateName, state);
  for (const std::string& target : targets) {
    states = states.With(target, Json::Object({{"Type", Json("Succeed")}}));
  }
  return Json::Object({{"StartAt", Json(kStateName)}, {"States", std::move(states)}});
}

class Preparation {
 public:
  explicit Preparation(const StateTestRequest& request) : request_(request) {}

  absl::StatusOr<StateTest> Run();

 private:
  void Violate(std::string field, std::string description) {
    violations_.push_back({.field = std::move(field), .description = std::move(description)});
  }
  std::optional<Json> Parse(absl::string_view field, absl::string_view text,
                            absl::string_view refusal = "");
  std::optional<Json> ParseObject(absl::string_view field, const std::optional<std::string>& text);
  void ReadTexts();
  void CheckContext(const Json& context);
  void CheckContextPart(const Json& context, absl::string_view part,
                        std::initializer_list<absl::string_view> fields);
  // False where the definition has problems; `failure_` says which.
  bool CompileDefinition();
  void FindState();
  void CheckMock();
  void CheckMockedResult(const Json& result);
  void CheckConfiguration();
  Json MakeContext() const;

  const State& StateOf() const {
    return test_.program->states[static_cast<size_t>(test_.single.state)];
  }
  bool has_mock() const {
    return request_.mock_result.has_value() || request_.mock_error.has_value();
  }
  bool has_machines() const {
    return std::holds_alternative<MapState>(StateOf().body) ||
           std::holds_alternative<ParallelState>(StateOf().body);
  }

  const StateTestRequest& request_;
  StateTest test_;
  bool is_single_ = false;  // the definition is a state
  std::vector<errors::FieldViolation> violations_;
  absl::Status failure_;
};

absl::StatusOr<StateTest> Preparation::Run() {
  ReadTexts();
  if (request_.failed_iterations.has_value() && !has_mock()) {
    Violate("state_configuration.map_iteration_failure_count",
            "TestState does not support MapIterationFailureCount when a mock is not specified.");
  }
  if (!violations_.empty()) return errors::InvalidArgument(std::move(violations_));
  if (!CompileDefinition()) return failure_;
  FindState();
  if (!violations_.empty()) return errors::InvalidArgument(std::move(violations_));
  if (has_machines() && !has_mock()) {
    return errors::InvalidDefinition(
        {{.field = "definition", .description = std::string(kUnsupportedTypes)}});
  }
  CheckMock();
  CheckConfiguration();
  if (!violations_.empty()) return errors::InvalidArgument(std::move(violations_));
  test_.single.at = absl::Now();
  test_.single.seed = static_cast<uint64_t>(absl::ToUnixNanos(test_.single.at));
  if (!test_.single.context.has_value()) test_.single.context = MakeContext();
  return std::move(test_);
}

std::optional<Json> Preparation::Parse(absl::string_view field, absl::string_view text,
                                       absl::string_view refusal) {
  absl::StatusOr<Json> json = ParseJson(text);
  if (json.ok()) return *std::move(json);
  Violate(std::string(field), absl::StrCat(refusal.empty() ? "is not valid JSON" : refusal, ": ",
                                           json.status().message()));
  return std::nullopt;
}

std::optional<Json> Preparation::ParseObject(absl::string_view field,
                                             const std::optional<std::string>& text) {
  if (!text.has_value()) return std::nullopt;
  std::optional<Json> json = Parse(field, *text);
  if (!json.has_value() || json->is_object()) return json;
  Violate(std::string(field), "must be a JSON object");
  return std::nullopt;
}

void Preparation::ReadTexts() {
  if (std::optional<Json> input = Parse("input", request_.input)) test_.single.input = *input;
  if (const std::optional<Json> variables = ParseObject("variables", request_.variables)) {
    for (const JsonMember& member : variables->members()) {
      test_.single.variables[member.key.AsString()] = member.value;
    }
  }
  test_.single.context = ParseObject("context", request_.context);
  if (test_.single.context.has_value()) CheckContext(*test_.single.context);
  if (request_.mock_result.has_value() && request_.mock_error.has_value()) {
    Violate("mock", "has a result or an error, not both");
  }
  if (request_.mock_result.has_value()) {
    std::optional<Json> result =
        Parse("mock.result", *request_.mock_result, "Mocked result must be valid JSON");
    if (result.has_value()) test_.single.answer = *std::move(result);
  } else if (request_.mock_error.has_value()) {
    test_.single.answer = *request_.mock_error;
  }
}

void Preparation::CheckContextPart(const Json& context, absl::string_view part,
                                   std::initializer_list<absl::string_view> fields) {
  const Json* members = context.Find(part);
  if (members == nullptr) return;
  if (!members->is_object()) {
    return Violate("context", absl::StrCat("Invalid Context object provided: Field '", part,
                                           "' must be an object"));
  }
  for (const JsonMember& member : members->members()) {
    if (std::find(fields.begin(), fields.end(), member.key.AsString()) != fields.end()) continue;
    Violate("context", absl::StrCat("Invalid Context object provided: Field '",
                                    member.key.AsString(), "' is not allowed"));
  }
}

void Preparation::CheckContext(const Json& context) {
  for (const JsonMember& member : context.members()) {
    const absl::string_view part = member.key.AsString();
    if (part == "Map") {
      Violate("context",
              "Invalid Context object provided: 'Map' field is not supported when mocking a "
              "Context object");
    } else if (part != "Execution" && part != "State" && part != "StateMachine" && part != "Task") {
      Violate("context",
              absl::StrCat("Invalid Context object provided: Field '", part, "' is not allowed"));
    }
  }
  CheckContextPart(context, "Execution",
                   {"Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount", "RedriveTime"});
  CheckContextPart(context, "State", {"EnteredTime", "Name", "RetryCount"});
  CheckContextPart(context, "StateMachine", {"Id", "Name"});
  CheckContextPart(context, "Task", {"Token"});
}

// A context object with what the real service puts into it, its placeholders included.
Json Preparation::MakeContext() const {
  const Json now(FormatInstant(test_.single.at));
  Json state = Json::Object({{"Name", Json(kStateName)}, {"EnteredTime", now}});
  if (has_machines() || std::holds_alternative<TaskState>(StateOf().body)) {
    state = state.With("RetryCount", Json(test_.single.retry_count));
  }
  return Json::Object(
      {{"Execution",
        Json::Object({{"Id", Json("projects/-/workflows/WorkflowName/executions/ExecutionName")},
                      {"Input", test_.single.input},
                      {"Name", Json("ExecutionName")},
                      {"RoleArn", Json("")},
                      {"StartTime", now}})},
       {"StateMachine", Json::Object({{"Id", Json("projects/-/workflows/WorkflowName")},
                                      {"Name", Json("WorkflowName")}})},
       {"State", std::move(state)}});
}

bool Preparation::CompileDefinition() {
  std::string text = request_.definition;
  const absl::StatusOr<Json> json = ParseJson(text);
  is_single_ = json.ok() && json->is_object() && json->Find("States") == nullptr &&
               json->Find("Type") != nullptr;
  if (is_single_) text = WorkflowAround(*json).ToText();
  const CompileResult compiled = Compile(request_.language, text, {});
  test_.program = compiled.program;
  if (test_.program != nullptr) return true;
  const std::string around = absl::StrCat("/States/", kStateName);
  std::vector<errors::FieldViolation> violations;
  for (const Problem& problem : compiled.problems) {
    absl::string_view pointer = problem.pointer;
    if (is_single_) absl::ConsumePrefix(&pointer, around);
    violations.push_back(
        {.field = "definition",
         .description = absl::StrCat(pointer.empty() ? "the whole definition" : pointer, ": ",
                                     problem.message, " (", problem.code, ")")});
  }
  failure_ = errors::InvalidDefinition(std::move(violations));
  return false;
}

void Preparation::FindState() {
  if (is_single_) {
    if (!request_.state.empty()) Violate("state_name", "goes with a workflow, not with a state");
    test_.single.state = test_.program->index.at(kStateName);
    return;
  }
  if (request_.state.empty()) {
    return Violate("state_name", "is required: the definition is a workflow");
  }
  const auto found = test_.program->index.find(request_.state);
  if (found == test_.program->index.end()) {
    return Violate("state_name",
                   absl::StrCat("the definition has no state '", request_.state, "'"));
  }
  test_.single.state = found->second;
}

void Preparation::CheckMock() {
  const bool is_task = std::holds_alternative<TaskState>(StateOf().body);
  if (!has_mock()) {
    if (is_task && !request_.calls_functions) {
      Violate("mock", "is required for a Task, unless `call_functions` has its function called");
    }
    return;
  }
  if (!is_task && !has_machines()) {
    return Violate("mock", absl::StrCat("State type '", StateTypeName(StateOf()),
                                        "' is not supported when a mock is specified"));
  }
  if (is_task) {
    Program mocked = *test_.program;
    State& state = mocked.states[static_cast<size_t>(test_.single.state)];
    std::get<TaskState>(state.body).is_mocked = true;
    test_.program = std::make_shared<const Program>(std::move(mocked));
  }
  if (const Json* result = std::get_if<Json>(&*test_.single.answer)) CheckMockedResult(*result);
}

void Preparation::CheckMockedResult(const Json& result) {
  if (const auto* task = std::get_if<TaskState>(&StateOf().body)) {
    if (request_.mock_validation == MockValidation::kNone) return;
    const std::optional<std::string> problem = FindSchemaProblem(
        task->resource, result, request_.mock_validation == MockValidation::kStrict);
    if (problem.has_value()) {
      Violate("mock.result", absl::StrCat("Mock result schema validation error: ", *problem));
    }
    return;
  }
  if (!result.is_array()) return Violate("mock.result", "Mocked result must be an array.");
  const auto* parallel = std::get_if<ParallelState>(&StateOf().body);
  if (parallel != nullptr && result.size() != parallel->branches.size()) {
    Violate("mock.result",
            "Mocked result must contain the same number of items as number of Parallel branches.");
  }
}

void Preparation::CheckConfiguration() {
  const bool is_map = std::holds_alternative<MapState>(StateOf().body);
  if (request_.retry_count.has_value()) {
    if (*request_.retry_count < 0) {
      Violate("state_configuration.retrier_retry_count", "must not be negative");
    }
    test_.single.retry_count = *request_.retry_count;
  }
  if (request_.failed_iterations.has_value()) {
    const std::string field = "state_configuration.map_iteration_failure_count";
    test_.single.failed_iterations = *request_.failed_iterations;
    const auto* result = std::get_if<Json>(&*test_.single.answer);
    if (!is_map) Violate(field, "is for Map states");
    if (*request_.failed_iterations < 0) Violate(field, "must not be negative");
    if (result != nullptr && *request_.failed_iterations > static_cast<int64_t>(result->size())) {
      Violate(field,
              "Map iteration failure count must be less than or equal to the number of Map "
              "iterations");
    }
  }
  if (request_.error_caused_by.has_value()) {
    const std::string field = "state_configuration.error_caused_by_state";
    if (!has_machines()) Violate(field, "is for Map and Parallel states");
    if (!request_.mock_error.has_value()) Violate(field, "goes with a mocked error");
    if (!test_.program->index.contains(*request_.error_caused_by)) {
      Violate(field, absl::StrCat("the definition has no state '", *request_.error_caused_by, "'"));
    }
  }
  if (request_.reader_data.has_value()) {
    const std::string field = "state_configuration.map_item_reader_data";
    test_.reader_data = *request_.reader_data;
    test_.single.reads_items = true;
    const auto* map = std::get_if<MapState>(&StateOf().body);
    if (map == nullptr || !map->reader.has_value()) {
      Violate(field, "is for Map states with an ItemReader");
    }
  }
}

}  // namespace

absl::StatusOr<StateTest> PrepareStateTest(const StateTestRequest& request) {
  return Preparation(request).Run();
}

std::variant<SingleStateRun, InvokeFunction> AdvanceStateTest(StateTest* test) {
  auto run = RunSingleState(*test->program, test->single);
  if (const auto* reading = std::get_if<ReadItems>(&run)) {
    MemoryObjectStore store;
    const Json* bucket = reading->request.Find("Bucket");
    const Json* key = reading->request.Find("Key");
    if (bucket != nullptr && key != nullptr && bucket->is_string() && key->is_string()) {
      store.Put(std::string(bucket->AsString()), std::string(key->AsString()), test->reader_data)
          .IgnoreError();
    }
    AslResult<Json> items = ReadMapItems(store, reading->request);
    if (!items.ok()) test->single.answer = items.error();
    test->single.read_items = items.ok() ? *std::move(items) : Json::Array();
    run = RunSingleState(*test->program, test->single);
  }
  if (const auto* call = std::get_if<InvokeFunction>(&run)) return *call;
  return std::get<SingleStateRun>(std::move(run));
}

void AnswerStateTest(const InvocationResult& result, StateTest* test) {
  test->single.is_functions_answer = result.ok();
  if (result.ok()) {
    test->single.answer = *result;
  } else {
    test->single.answer = result.error();
  }
}

SingleStateRun RunStateTest(StateTest test, const LocalInvoke& invoke) {
  auto run = AdvanceStateTest(&test);
  const auto* call = std::get_if<InvokeFunction>(&run);
  if (call == nullptr) return std::get<SingleStateRun>(std::move(run));
  const auto answer = std::make_shared<std::promise<InvocationResult>>();
  invoke(*call, [answer](InvocationResult result) { answer->set_value(std::move(result)); });
  AnswerStateTest(answer->get_future().get(), &test);
  return std::get<SingleStateRun>(AdvanceStateTest(&test));
}

}  // namespace millrace
