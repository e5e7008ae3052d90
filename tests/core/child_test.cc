// Tasks that start child workflows.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "engine/core/step.h"
#include "tests/support/core_player.h"

namespace millrace {
namespace {

Json Parse(absl::string_view text) { return *ParseJson(text); }

std::string Starting(absl::string_view resource, absl::string_view parameters) {
  return absl::StrCat(R"({"StartAt": "T", "States": {"T": {"Type": "Task", "TimeoutSeconds": 60,
                          "End": true, "Resource": ")",
                      resource, R"(", "Parameters": )", parameters, "}}}");
}

constexpr absl::string_view kSync = "arn:aws:states:::states:startExecution.sync:2";

TEST(ChildTest, IsStartedAsItsParametersSay) {
  CorePlayer player(Starting(kSync, R"({"StateMachineArn.$": "$.arn", "Name": "n",
                                        "Input": {"a.$": "$.a"}})"));
  player.Take(Started{.input = Parse(R"({"arn": "arn:aws:states:r:1:stateMachine:pay", "a": 1})"),
                      .seed = 1});
  ASSERT_EQ(player.children().size(), 1u);
  const StartChild& child = player.children().begin()->second;
  EXPECT_EQ(child.event_id, 3);
  EXPECT_EQ(child.workflow, "pay");
  EXPECT_EQ(child.workflow_as_given, "arn:aws:states:r:1:stateMachine:pay");
  EXPECT_EQ(child.name, "n");
  EXPECT_EQ(child.input.ToText(), R"({"a":1})");
  EXPECT_EQ(child.answer, ChildAnswer::kParsedDescription);
  EXPECT_TRUE(player.calls().empty());
}

TEST(ChildTest, IsSubmittedOnce) {
  CorePlayer player(Starting(kSync, R"({"StateMachineArn": "pay"})"));
  player.Take(Started{.input = Parse("{}"), .seed = 1});
  EXPECT_EQ(player.Take(ChildStarted{.event_id = 3, .output = Json("x")}), StepRefusal::kNone);
  player.Crash();
  EXPECT_EQ(player.Take(ChildStarted{.event_id = 3, .output = Json("x")}), StepRefusal::kOutdated);
  EXPECT_EQ(player.Take(TaskSucceeded{.event_id = 3, .output = Json(1)}), StepRefusal::kNone);
  EXPECT_EQ(player.Take(ChildStarted{.event_id = 3, .output = Json("x")}), StepRefusal::kEnded);
  std::vector<std::string> types;
  for (const HistoryEvent& event : player.history()) {
    types.push_back(EventTypeName(event, player.program()));
  }
  EXPECT_EQ(types, (std::vector<std::string>{
                       "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted",
                       "TaskSubmitted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"}));
}

TEST(ChildTest, TimesOutAsAnyTask) {
  CorePlayer player(Starting(kSync, R"({"StateMachineArn": "pay"})"));
  player.Take(Started{.input = Parse("{}"), .seed = 1});
  player.Take(ChildStarted{.event_id = 3, .output = Json("x")});
  player.Advance(absl::Seconds(60));
  ASSERT_TRUE(player.snapshot().ended);
  EXPECT_EQ(player.snapshot().error->name, "States.Timeout");
  ASSERT_EQ(player.stopped().size(), 1u);
  EXPECT_EQ(player.stopped()[0], player.children().begin()->second);
}

TEST(ChildTest, IsStoppedWithItsParent) {
  const std::string task = R"({"Type": "Task", "End": true, "Parameters": {"StateMachineArn": "c"},
      "Resource": "arn:aws:states:::states:startExecution)";
  CorePlayer player(absl::StrCat(
      R"({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
          {"StartAt": "A", "States": {"A": )",
      task, R"(.sync"}}}, {"StartAt": "B", "States": {"B": )", task, R"("}}},
          {"StartAt": "D", "States": {"D": )",
      task, R"(.sync:2"}}}]}}})"));
  player.Take(Started{.input = Parse("{}"), .seed = 1});
  ASSERT_EQ(player.children().size(), 3u);
  const int64_t done = player.children().rbegin()->first;
  player.Take(TaskSucceeded{.event_id = done, .output = Json(1)});
  player.Take(StopRequested{.error = {.name = "Enough"}});
  ASSERT_TRUE(player.snapshot().ended);
  // Neither the one that has ended, nor the one that nobody waits for.
  ASSERT_EQ(player.stopped().size(), 1u);
  EXPECT_EQ(player.stopped()[0], player.children().begin()->second);
}

TEST(ChildTest, NeedsAWorkflow) {
  CorePlayer player(Starting(kSync, R"({"StateMachineArn.$": "$.arn"})"));
  player.Take(Started{.input = Parse(R"({"arn": 1})"), .seed = 1});
  ASSERT_TRUE(player.snapshot().ended);
  EXPECT_EQ(player.snapshot().error->name, "States.Runtime");
}

TEST(ChildTest, IsNamedByTheResourceInTencentsForm) {
  CorePlayer player(
      Starting("qrn:qcs:asw:ap-guangzhou:123:http:json:flowmachine:pay:svc-1", R"({"n": 1})"));
  player.Take(Started{.input = Parse("{}"), .seed = 1});
  ASSERT_EQ(player.children().size(), 1u);
  const StartChild& child = player.children().begin()->second;
  EXPECT_EQ(child.workflow, "pay");
  EXPECT_EQ(child.input.ToText(), R"({"n":1})");
  EXPECT_EQ(child.answer, ChildAnswer::kOutput);
}

}  // namespace
}  // namespace millrace
