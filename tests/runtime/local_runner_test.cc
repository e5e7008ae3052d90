#include "engine/runtime/local_runner.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/languages/compile.h"
#include "engine/runtime/history_view.h"

namespace millrace {
namespace {

std::shared_ptr<const Program> Compiled(absl::string_view definition) {
  const CompileResult compiled = Compile("ASL", definition, {});
  EXPECT_NE(compiled.program, nullptr);
  return compiled.program;
}

Json Parse(absl::string_view text) { return *ParseJson(text); }

const LocalInvoke kEcho = [](const InvokeFunction& call, const InvocationDone& done) {
  done(call.payload);
};
const LocalInvoke kNever = [](const InvokeFunction&, const InvocationDone&) {};

constexpr absl::string_view kYear = R"json(
  {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 31536000, "Next": "T"},
   "T": {"Type": "Task", "Resource": "f", "End": true}}})json";

TEST(LocalRunnerTest, WaitsAYearInNoTime) {
  const absl::StatusOr<LocalRun> run =
      RunLocally(*Compiled(kYear), Json(1), {.virtual_time = true}, kEcho);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->snapshot.output, Json(1));
  EXPECT_GE(run->history.back().at - run->history.front().at, absl::Hours(8760));
}

TEST(LocalRunnerTest, WaitsInRealTime) {
  const auto program = Compiled(R"json({"StartAt": "W", "States": {
      "W": {"Type": "Wait", "Seconds": 1, "End": true}}})json");
  const absl::Time begin = absl::Now();
  const absl::StatusOr<LocalRun> run = RunLocally(*program, Json(1), {}, kEcho);
  ASSERT_TRUE(run.ok());
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(990));
}

TEST(LocalRunnerTest, VirtualTimeDoesNotJumpWhileAFunctionIsUnderWay) {
  const auto program = Compiled(R"json({"StartAt": "T", "States": {
      "T": {"Type": "Task", "Resource": "f", "TimeoutSeconds": 3600, "End": true}}})json");
  std::vector<std::thread> threads;
  const auto run = RunLocally(*program, Json(1), {.virtual_time = true},
                              [&](const InvokeFunction& call, InvocationDone done) {
                                threads.emplace_back([payload = call.payload, done] {
                                  std::this_thread::sleep_for(std::chrono::milliseconds(20));
                                  done(payload);
                                });
                              });
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->snapshot.output, Json(1));
}

TEST(LocalRunnerTest, TimesOutWhatNeverAnswers) {
  const auto program = Compiled(R"json({"StartAt": "T", "States": {
      "T": {"Type": "Task", "Resource": "f", "TimeoutSeconds": 1, "Next": "W",
            "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "W"}]},
      "W": {"Type": "Wait", "Seconds": 86400, "End": true}}})json");
  const auto run = RunLocally(*program, Json(1), {.virtual_time = true}, kNever);
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->snapshot.output, Parse(R"({"Error":"States.Timeout","Cause":""})"));
}

TEST(LocalRunnerTest, CancelsWhatNobodyWaitsFor) {
  const auto program = Compiled(R"json({"StartAt": "P", "States": {
      "P": {"Type": "Parallel", "End": true, "Branches": [
        {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "slow", "End": true}}},
        {"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": "slow", "TimeoutSeconds": 1,
            "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "W"}], "End": true},
          "W": {"Type": "Wait", "Seconds": 1, "Next": "F"}, "F": {"Type": "Fail"}}}]}}})json");
  std::vector<int64_t> called;
  std::vector<int64_t> cancelled;
  std::vector<InvocationDone> unanswered;
  LocalRunOptions options;
  options.cancel = [&](int64_t event_id) { cancelled.push_back(event_id); };
  const auto run =
      RunLocally(*program, Json(1), options, [&](const InvokeFunction& call, InvocationDone done) {
        called.push_back(call.event_id);
        unanswered.push_back(std::move(done));
      });
  ASSERT_TRUE(run.ok());
  ASSERT_EQ(called.size(), 2u);
  EXPECT_EQ(cancelled, std::vector<int64_t>({called[1], called[0]}))
      << "the timeout's, and at the end the other branch's";
}

TEST(LocalRunnerTest, HearsManyThreads) {
  const auto program = Compiled(R"json({"StartAt": "M", "States": {"M": {"Type": "Map", "End": true,
      "ItemProcessor": {"StartAt": "T", "States": {
      "T": {"Type": "Task", "Resource": "f", "End": true}}}}}})json");
  std::vector<Json> items;
  for (int i = 0; i < 50; ++i) items.emplace_back(i);
  std::vector<std::thread> threads;
  const auto run =
      RunLocally(*program, Json::Array(items), {.virtual_time = true},
                 [&](const InvokeFunction& call, InvocationDone done) {
                   threads.emplace_back([payload = call.payload, done] { done(payload); });
                 });
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->snapshot.output, Json::Array(items));
}

TEST(HistoryViewTest, ShowsWhatBelongsToEachEvent) {
  const auto program = Compiled(R"json({"StartAt": "T", "States": {
      "T": {"Type": "Task", "Resource": "f", "TimeoutSeconds": 9, "Assign": {"v.$": "$"},
            "End": true}}})json");
  const auto run = RunLocally(*program, Json("in"), {.virtual_time = true}, kEcho);
  ASSERT_TRUE(run.ok());
  std::vector<HistoryEventView> views;
  for (const HistoryEvent& event : run->history) {
    views.push_back(MakeHistoryEventView(*program, event));
  }
  ASSERT_EQ(views.size(), 7u);
  EXPECT_EQ(views[0].input, "\"in\"");
  EXPECT_EQ(views[1].type, "TaskStateEntered");
  EXPECT_EQ(views[1].state_name, "T");
  EXPECT_EQ(views[2].parameters, "\"in\"");
  EXPECT_EQ(views[2].resource, "f");
  EXPECT_EQ(views[2].resource_type, "function");
  EXPECT_EQ(views[2].timeout_seconds, 9);
  EXPECT_EQ(views[4].output, "\"in\"");
  ASSERT_EQ(views[5].assigned_variables.size(), 1u);
  EXPECT_EQ(views[5].assigned_variables[0].second, "\"in\"");
  EXPECT_EQ(views[6].type, "ExecutionSucceeded");
}

}  // namespace
}  // namespace millrace
