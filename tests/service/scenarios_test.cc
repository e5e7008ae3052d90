// The scenarios, played by the service: over gRPC, on a real PostgreSQL.
#include <gtest/gtest.h>

#include "tests/service/service_stage.h"

namespace millrace::service {
namespace {

// One node and one database for all: a scenario deletes its workflow at its end.
class ServiceScenarioTest : public ::testing::TestWithParam<Scenario> {
 protected:
  static void SetUpTestSuite() { node = std::make_unique<StageNode>(); }
  static void TearDownTestSuite() { node = nullptr; }

  static void PlayParam(Crashes crashes) {
    const Scenario& scenario = GetParam();
    SCOPED_TRACE(scenario.title);
    ServiceStage stage(node.get(), scenario.lines[0].rest);
    if (!HasFailure()) Play(scenario, stage, crashes);
  }

  static std::unique_ptr<StageNode> node;
};

std::unique_ptr<StageNode> ServiceScenarioTest::node;

TEST_P(ServiceScenarioTest, GoesAsWritten) { PlayParam(Crashes::kNever); }

TEST_P(ServiceScenarioTest, GoesAsWrittenWithACrashAfterEveryLine) {
  PlayParam(Crashes::kAfterEveryLine);
}

INSTANTIATE_TEST_SUITE_P(All, ServiceScenarioTest, ::testing::ValuesIn(ReadScenarios()),
                         ScenarioTestName);

}  // namespace
}  // namespace millrace::service
