// The scenarios, played by the bare core.
#include <gtest/gtest.h>

#include "engine/runtime/held.h"
#include "tests/support/core_player.h"
#include "tests/support/stage.h"

namespace millrace {
namespace {

class CoreStage : public Stage {
 public:
  explicit CoreStage(absl::string_view definition) : player_(definition) {}

  void Put(const std::string& bucket, const std::string& key, const std::string& body) override {
    EXPECT_TRUE(player_.objects().Put(bucket, key, body).ok());
  }
  absl::StatusOr<std::string> Get(const std::string& bucket, const std::string& key) override {
    return player_.objects().Get(bucket, key, 1 << 20);
  }
  void Start(const Json& input) override {
    EXPECT_EQ(player_.Take(Started{.input = input, .seed = 7}), StepRefusal::kNone);
  }
  void Answer(int64_t event_id, const AslResult<Json>& answer) override {
    if (answer.ok()) {
      player_.Take(TaskSucceeded{.event_id = event_id, .output = *answer});
    } else {
      player_.Take(TaskFailed{.event_id = event_id, .error = answer.error()});
    }
  }
  void Advance(absl::Duration duration) override { player_.Advance(duration); }
  void Stop(const AslError& error) override { player_.Take(StopRequested{.error = error}); }
  void Crash() override { player_.Crash(); }

  std::vector<StagedCall> Calls() override {
    std::vector<StagedCall> calls;
    for (const auto& [id, call] : player_.calls()) {
      calls.push_back({.event_id = id, .function = call.function, .payload = call.payload});
    }
    return calls;
  }
  bool IsOpen(int64_t event_id) override { return player_.snapshot().waits.contains(event_id); }
  StagedState State() override {
    const Snapshot& snapshot = player_.snapshot();
    return {.status = StatusOf(snapshot),
            .output = snapshot.output,
            .error = snapshot.error.value_or(AslError{})};
  }
  std::vector<StagedEvent> History() override {
    std::vector<StagedEvent> events;
    for (const HistoryEvent& event : player_.history()) {
      if (!IsShown(event)) continue;
      events.push_back({.id = event.id,
                        .previous_id = event.previous_id,
                        .type = EventTypeName(event, player_.program())});
    }
    return events;
  }

 private:
  CorePlayer player_;
};

class ScenarioTest : public testing::TestWithParam<Scenario> {
 protected:
  static void PlayParam(Crashes crashes) {
    const Scenario& scenario = GetParam();
    SCOPED_TRACE(scenario.title);
    CoreStage stage(scenario.lines[0].rest);
    if (!HasFailure()) Play(scenario, stage, crashes);
  }
};

TEST_P(ScenarioTest, GoesAsWritten) { PlayParam(Crashes::kNever); }

TEST_P(ScenarioTest, GoesAsWrittenWithACrashAfterEveryLine) { PlayParam(Crashes::kAfterEveryLine); }

INSTANTIATE_TEST_SUITE_P(All, ScenarioTest, testing::ValuesIn(ReadScenarios()), ScenarioTestName);

}  // namespace
}  // namespace millrace
