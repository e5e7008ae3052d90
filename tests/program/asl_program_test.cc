#include <string>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/program/asl_support.h"

namespace millrace {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::shared_ptr<const Program> CompileValid(absl::string_view definition) {
  const CompileResult result = CompileDefinition(definition);
  EXPECT_THAT(result.problems, IsEmpty()) << Messages(result);
  return result.program;
}

template <typename Body>
const Body& BodyOf(const Program& program, absl::string_view name) {
  return std::get<Body>(program.FindState(name)->body);
}

std::string NextOf(const Program& program, absl::string_view name) {
  const std::optional<StateIndex> next = program.FindState(name)->transition.next;
  return next ? program.states[static_cast<size_t>(*next)].name : "";
}

TEST(AslProgram, HasTheDefaultsOfTheLanguage) {
  const auto program = CompileValid(OnlyState(
      R"("Type": "Task", "Resource": "f", "End": true, "Retry": [{"ErrorEquals": ["A"]}])"));
  ASSERT_NE(program, nullptr);
  const State& state = program->states[0];
  EXPECT_TRUE(state.flow.input_path.path->is_root());
  EXPECT_TRUE(state.flow.result_path.path->is_root());
  EXPECT_TRUE(state.flow.output_path.path->is_root());
  EXPECT_FALSE(state.flow.parameters.has_value());
  EXPECT_FALSE(state.transition.next.has_value());
  ASSERT_EQ(state.retry.size(), 1u);
  EXPECT_EQ(state.retry[0].interval_seconds, 1);
  EXPECT_EQ(state.retry[0].attempts_max, 3);
  EXPECT_EQ(state.retry[0].backoff_rate, 2);
  EXPECT_FALSE(state.retry[0].delay_seconds_max.has_value());
  EXPECT_FALSE(state.retry[0].full_jitter);
  EXPECT_FALSE(std::get<TaskState>(state.body).timeout_seconds.has_value());
  EXPECT_FALSE(program->timeout_seconds.has_value());
}

TEST(AslProgram, GivesNothingForPathsThatAreNull) {
  const auto program = CompileValid(OnlyState(
      R"("Type": "Pass", "End": true, "InputPath": null, "ResultPath": null, "OutputPath": null)"));
  ASSERT_NE(program, nullptr);
  const DataFlow& flow = program->states[0].flow;
  EXPECT_FALSE(flow.input_path.path.has_value());
  EXPECT_FALSE(flow.result_path.path.has_value());
  EXPECT_FALSE(flow.output_path.path.has_value());
  EXPECT_FALSE(BodyOf<PassState>(*program, "S").result.has_value());
}

TEST(AslProgram, KeepsAResultOfNull) {
  const auto program = CompileValid(OnlyState(R"("Type": "Pass", "End": true, "Result": null)"));
  ASSERT_NE(program, nullptr);
  ASSERT_TRUE(BodyOf<PassState>(*program, "S").result.has_value());
  EXPECT_TRUE(BodyOf<PassState>(*program, "S").result->is_null());
}

TEST(AslProgram, KnowsWhichMachineEachStateBelongsTo) {
  const auto program = CompileValid(R"({"StartAt": "P", "TimeoutSeconds": 60, "States": {
      "E": {"Type": "Succeed"},
      "P": {"Type": "Parallel", "Next": "E", "Branches": [
        {"StartAt": "A2", "States": {
          "A1": {"Type": "Succeed"}, "A2": {"Type": "Pass", "Next": "A1"}}},
        {"StartAt": "M", "States": {
          "M": {"Type": "Map", "End": true, "Iterator": {
            "StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": true}}}}}}]}}})");
  ASSERT_NE(program, nullptr);
  EXPECT_EQ(program->timeout_seconds, 60);
  ASSERT_EQ(program->machines.size(), 4u);
  EXPECT_EQ(program->states[static_cast<size_t>(program->machines[0].start)].name, "P");
  EXPECT_FALSE(program->machines[0].owner.has_value());
  const auto& parallel = BodyOf<ParallelState>(*program, "P");
  ASSERT_EQ(parallel.branches.size(), 2u);
  const auto branch_start = [&](size_t i) {
    return program->machines[static_cast<size_t>(parallel.branches[i])].start;
  };
  EXPECT_EQ(branch_start(0), program->index.at("A2"));
  EXPECT_EQ(branch_start(1), program->index.at("M"));
  EXPECT_EQ(program->FindState("A1")->machine, parallel.branches[0]);
  const MachineIndex processor = BodyOf<MapState>(*program, "M").processor;
  EXPECT_EQ(program->FindState("W")->machine, processor);
  EXPECT_EQ(program->machines[static_cast<size_t>(processor)].owner, program->index.at("M"));
  EXPECT_EQ(NextOf(*program, "P"), "E");
  EXPECT_EQ(NextOf(*program, "A2"), "A1");
  EXPECT_EQ(NextOf(*program, "W"), "");
  EXPECT_EQ(program->FindState("Q"), nullptr);
}

TEST(AslProgram, NamesTheTypeOfEachState) {
  for (const absl::string_view type : {"Pass", "Task", "Choice", "Wait", "Succeed", "Fail"}) {
    SCOPED_TRACE(std::string(type));
    std::string fields = absl::StrCat(R"("Type": ")", type, "\"");
    if (type == "Task") fields += R"(, "Resource": "f")";
    if (type == "Wait") fields += R"(, "Seconds": 1)";
    if (type == "Choice") {
      fields += R"(, "Choices": [{"Variable": "$.a", "IsNull": true, "Next": "T"}])";
    }
    const bool has_next = type == "Pass" || type == "Task" || type == "Wait";
    if (has_next) fields += R"(, "Next": "T")";
    const bool is_end = type == "Succeed" || type == "Fail";
    const auto program = CompileValid(is_end ? OnlyState(fields) : WithState(fields));
    ASSERT_NE(program, nullptr);
    EXPECT_EQ(StateTypeName(*program->FindState("S")), type);
  }
}

TEST(AslProgram, ListsEachFunctionOnce) {
  const auto program = CompileValid(R"({"StartAt": "A", "States": {
      "A": {"Type": "Task", "Resource": "pay", "Next": "B"},
      "B": {"Type": "Task", "Resource": "arn:aws:lambda:r:1:function:ship:3", "Next": "C"},
      "C": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "pay", "Qualifier": "live"}, "Next": "D"},
      "D": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName.$": "$.f"}, "End": true}}})");
  ASSERT_NE(program, nullptr);
  EXPECT_THAT(program->FunctionNames(), ElementsAre("pay", "ship"));
  const auto& invocation = BodyOf<TaskState>(*program, "C");
  EXPECT_TRUE(invocation.wraps_invocation);
  EXPECT_EQ(std::get<FunctionTarget>(invocation.target).version, "live");
  EXPECT_EQ(std::get<FunctionTarget>(BodyOf<TaskState>(*program, "B").target).version, "3");
  EXPECT_TRUE(
      std::get<FunctionTarget>(BodyOf<TaskState>(*program, "D").target).name_from_parameters);
}

TEST(AslProgram, KeepsRetriersAndCatchersInTheirOrder) {
  const auto program = CompileValid(WithState(R"("Type": "Task", "Resource": "f", "End": true,
      "TimeoutSecondsPath": "$.t", "HeartbeatSeconds": 5,
      "Retry": [{"ErrorEquals": ["A", "B"], "IntervalSeconds": 2, "MaxAttempts": 0,
                 "BackoffRate": 1.5, "MaxDelaySeconds": 9, "JitterStrategy": "FULL"},
                {"ErrorEquals": ["States.ALL"]}],
      "Catch": [{"ErrorEquals": ["A"], "Next": "S", "ResultPath": "$.e"},
                {"ErrorEquals": ["States.ALL"], "Next": "T"}])"));
  ASSERT_NE(program, nullptr);
  const State& state = *program->FindState("S");
  ASSERT_EQ(state.retry.size(), 2u);
  EXPECT_THAT(state.retry[0].error_equals, ElementsAre("A", "B"));
  EXPECT_EQ(state.retry[0].interval_seconds, 2);
  EXPECT_EQ(state.retry[0].attempts_max, 0);
  EXPECT_EQ(state.retry[0].backoff_rate, 1.5);
  EXPECT_EQ(state.retry[0].delay_seconds_max, 9);
  EXPECT_TRUE(state.retry[0].full_jitter);
  ASSERT_EQ(state.catches.size(), 2u);
  EXPECT_EQ(state.catches[0].next, program->index.at("S"));
  EXPECT_EQ(state.catches[0].result_path.path->text(), "$.e");
  EXPECT_EQ(state.catches[1].next, program->index.at("T"));
  EXPECT_TRUE(state.catches[1].result_path.path->is_root());
  const auto& task = std::get<TaskState>(state.body);
  EXPECT_EQ(task.timeout_seconds->path->text(), "$.t");
  EXPECT_EQ(task.timeout_seconds->name, "TimeoutSecondsPath");
  EXPECT_EQ(task.heartbeat_seconds->value, 5);
}

TEST(AslProgram, KeepsWhatMapWaitAndFailAreToDo) {
  const auto program = CompileValid(R"json({"StartAt": "M", "States": {
      "M": {"Type": "Map", "ItemsPath": "$.items", "Parameters": {"a": 1}, "MaxConcurrency": 2,
            "Iterator": {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E",
                         "CausePath": "States.Format('{}', $.c)"}}}, "Next": "W"},
      "W": {"Type": "Wait", "Timestamp": "2026-03-14T01:59:00Z", "Next": "V"},
      "V": {"Type": "Wait", "SecondsPath": "$.s", "End": true}}})json");
  ASSERT_NE(program, nullptr);
  const auto& map = BodyOf<MapState>(*program, "M");
  EXPECT_EQ(map.items_path->text(), "$.items");
  EXPECT_TRUE(map.item_selector.has_value());
  EXPECT_EQ(map.max_concurrency.value, 2);
  EXPECT_FALSE(program->FindState("M")->flow.parameters.has_value());
  EXPECT_EQ(BodyOf<WaitState>(*program, "W").timestamp, absl::FromUnixSeconds(1773453540));
  EXPECT_EQ(BodyOf<WaitState>(*program, "V").seconds->path->text(), "$.s");
  EXPECT_EQ(BodyOf<FailState>(*program, "F").error->value, "E");
  EXPECT_TRUE(BodyOf<FailState>(*program, "F").cause->expression.has_value());
}

TEST(AslProgram, KeepsTheRulesOfAChoiceInTheirOrder) {
  const auto program = CompileValid(WithState(R"("Type": "Choice", "Default": "T", "Choices": [
      {"Variable": "$.a", "NumericEquals": 1, "Next": "T", "Assign": {"x": 1}, "Comment": "c"},
      {"Not": {"Variable": "$.a", "IsNull": true}, "Next": "S"}])"));
  ASSERT_NE(program, nullptr);
  const auto& choice = BodyOf<ChoiceState>(*program, "S");
  ASSERT_EQ(choice.rules.size(), 2u);
  EXPECT_EQ(choice.rules[0].next, program->index.at("T"));
  EXPECT_TRUE(choice.rules[0].assign.has_value());
  EXPECT_EQ(choice.rules[1].next, program->index.at("S"));
  EXPECT_EQ(choice.default_next, program->index.at("T"));
}

}  // namespace
}  // namespace millrace
