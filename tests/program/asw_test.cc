// ASW, Tencent's dialect: what a definition says, and what it leaves unsaid.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "engine/program/error_names.h"
#include "tests/program/asl_support.h"

namespace millrace {
namespace {

std::shared_ptr<const Program> CompileAsw(absl::string_view definition, bool is_express = false) {
  const CompileResult result = Compile("ASW", definition, {.is_express = is_express});
  EXPECT_NE(result.program, nullptr) << Messages(result);
  return result.program;
}

std::string WithTimes(absl::string_view times) {
  return absl::StrCat("{", times,
                      R"("StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}})");
}

TEST(Asw, HasATimeoutInSecondsOrMilliseconds) {
  const struct {
    absl::string_view times;
    bool is_express;
    double seconds;
  } cases[] = {
      {"", false, 86400},
      {"", true, 60},
      {R"("TimeoutSeconds": 31536000, )", false, 31536000},
      {R"("TimeoutSeconds": 300, )", true, 300},
      {R"("TimeoutMilliseconds": 1, )", true, 0.001},
      {R"("TimeoutSeconds": 10, "TimeoutMilliseconds": 1500, )", false, 1.5},
  };
  for (const auto& expected : cases) {
    SCOPED_TRACE(std::string(expected.times));
    EXPECT_EQ(CompileAsw(WithTimes(expected.times), expected.is_express)->timeout_seconds,
              expected.seconds);
  }
  ExpectFindings(
      {{WithTimes(R"("TimeoutSeconds": 31536001, )"), {{"/TimeoutSeconds", "INVALID_VALUE"}}},
       {WithTimes(R"("TimeoutMilliseconds": 0, )"), {{"/TimeoutMilliseconds", "INVALID_VALUE"}}}},
      "ASW");
  const CompileResult express =
      Compile("ASW", WithTimes(R"("TimeoutMilliseconds": 300001, )"), {.is_express = true});
  EXPECT_THAT(Findings(express),
              ::testing::ElementsAre(Finding("/TimeoutMilliseconds", "INVALID_VALUE")));
}

TEST(Asw, HasDefaultsOfItsOwn) {
  constexpr absl::string_view kDefinition = R"({"StartAt": "M", "States": {"M": {"Type": "Map",
      "End": true, "Iterator": {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}},
      "Retry": [{"ErrorEquals": ["A", "B"]}, {"ErrorEquals": ["StatesALL"]}]}}})";
  const auto program = CompileAsw(kDefinition);
  const State& state = *program->FindState("M");
  EXPECT_EQ(std::get<MapState>(state.body).max_concurrency.value, 1);
  ASSERT_EQ(state.retry.size(), 2u);
  EXPECT_EQ(state.retry[0].attempts_max, 2);
  EXPECT_EQ(state.retry[0].counters, 2);
  EXPECT_EQ(state.retry[1].first_counter, 2);
  const auto plain = Compile("ASL", kDefinition, {}).program;
  ASSERT_NE(plain, nullptr);
  EXPECT_EQ(std::get<MapState>(plain->FindState("M")->body).max_concurrency.value, 0);
  EXPECT_EQ(plain->FindState("M")->retry[0].attempts_max, 3);
  EXPECT_EQ(plain->FindState("M")->retry[1].first_counter, 1);
}

TEST(Asw, IsCheckedByItsOwnRules) {
  const std::string rules =
      R"("Choices": [{"Variable": "$.a", "NumericEquals": "$.b", "Next": "T"}])";
  const std::string target = R"(}, "T": {"Type": "Pass", "End": true}}})";
  const std::string start = R"({"StartAt": "S", "States": {"S": {)";
  ExpectFindings(
      {
          {start + R"("Type": "Choice", "ResultSelector": {"a.$": "$.b"}, "ResultPath": "$.c", )" +
               rules + target,
           {}},
          {start + R"("Type": "Choice", "Choices": [{"Variable": "$.a", "Next": "T",
                      "NumericEquals": "$b c"}])" +
               target,
           {{"/States/S/Choices/0/NumericEquals", "INVALID_CONDITION"}}},
          {start + R"("Type": "Task", "Resource": "f", "Next": "T",
                      "Retry": [{"ErrorEquals": ["StatesALL"]}, {"ErrorEquals": ["A"]}],
                      "Catch": [{"ErrorEquals": ["A", "StatesALL"], "Next": "T"}])" +
               target,
           {{"/States/S/Retry/0/ErrorEquals", "INVALID_VALUE"},
            {"/States/S/Catch/0/ErrorEquals", "INVALID_VALUE"}}},
          {start + R"("Type": "Task", "Resource": "f", "Next": "T",
                      "Retry": [{"ErrorEquals": ["States.ALL"]}])" +
               target,
           {{"/States/S/Retry/0/ErrorEquals/0", "UNKNOWN_ERROR"}}},
          {start + R"("Type": "Pass", "QueryLanguage": "JSONata", "Next": "T")" + target,
           {{"/States/S/QueryLanguage", "UNKNOWN_FIELD"}}},
          {R"({"Version": "1.0", "QueryLanguage": "JSONPath", "StartAt": "A",
               "States": {"A": {"Type": "Wait", "Seconds": 1, "End": true}}})",
           {{"/Version", "UNKNOWN_FIELD"},
            {"/QueryLanguage", "UNKNOWN_FIELD"},
            {"/States/A/Type", "NOT_IN_ASW"}}},
      },
      "ASW");
  // The States Language has none of this.
  ExpectFindings({
      {start + R"("Type": "Choice", "ResultPath": "$.c", )" + rules + target,
       {{"/States/S/ResultPath", "UNKNOWN_FIELD"},
        {"/States/S/Choices/0/NumericEquals", "INVALID_CONDITION"}}},
      {WithTimes(R"("TimeoutMilliseconds": 5, )"), {{"/TimeoutMilliseconds", "UNKNOWN_FIELD"}}},
  });
}

TEST(Asw, TakesObjectsAsInput) {
  const std::string definition = WithTimes("");
  EXPECT_EQ(CompileAsw(definition)->CheckInput(Json::Object()), "");
  EXPECT_NE(CompileAsw(definition)->CheckInput(Json(15)), "");
  EXPECT_EQ(Compile("ASL", definition, {}).program->CheckInput(Json(15)), "");
}

struct NameCase {
  absl::string_view given;  // in ErrorEquals
  absl::string_view name;
  bool in_states;
  bool in_asw;
};

constexpr NameCase kNames[] = {
    {"Boom", "Boom", true, true},
    {"Boom", "boom", false, false},
    {"States.ALL", "Boom", true, true},
    {"States.ALL", "", true, true},
    {"States.ALL", "States.Timeout", true, true},
    {"States.ALL", "States.Runtime", false, true},
    {"States.Runtime", "States.Runtime", false, true},
    {"States.TaskFailed", "Boom", true, true},
    {"States.TaskFailed", "", true, true},
    {"States.TaskFailed", "States.TaskFailed", true, true},
    {"States.TaskFailed", "States.Timeout", false, false},
    {"States.TaskFailed", "States.HeartbeatTimeout", false, false},
    {"States.TaskFailed", "NoSuchVersion", true, false},
    {"States.Timeout", "States.Timeout", true, true},
    {"States.Timeout", "States.HeartbeatTimeout", false, true},
    {"StatesTimeout", "States.Timeout", false, true},
    {"StatesALL", "Boom", false, true},
    {"StatesALL", "NoSuchVersion", false, true},
    {"StatesTaskFailed", "ResourceNotFound", false, true},
    {"StatesTaskFailed", "InternalError", false, true},
    {"StatesTaskFailed", "AuthFailure.SignatureFailure", false, true},
    {"StatesTaskFailed", "ResourceUnavailable", false, false},
    {"StatesPermissions", "AuthFailure.MFAFailure", false, true},
    {"StatesPermissions", "UnauthorizedOperation", false, true},
    {"StatesPermissions", "States.Permissions", false, true},
    {"StatesPermissions", "Boom", false, false},
    {"StatesRuntime", "InternalError", false, true},
    {"StatesRuntime", "States.NoChoiceMatched", false, true},
    {"StatesRuntime", "States.TaskFailed", false, false},
    {"StatesDataLimitExceeded", "LimitExceeded", false, true},
    {"StatesDataLimitExceeded", "States.DataLimitExceeded", false, true},
    {"StatesDataLimitExceeded", "InternalError", false, false},
    {"StatesOther", "Boom", false, false},
};

TEST(ErrorNames, StandForOthersByTheDialect) {
  for (const NameCase& expected : kNames) {
    SCOPED_TRACE(absl::StrCat(expected.given, " for ", expected.name));
    const std::vector<std::string> names = {"Another", std::string(expected.given)};
    const auto place = [](bool stands) { return stands ? std::optional<size_t>(1) : std::nullopt; };
    EXPECT_EQ(FindErrorName(Dialect::kStates, names, expected.name), place(expected.in_states));
    EXPECT_EQ(FindErrorName(Dialect::kAsw, names, expected.name), place(expected.in_asw));
  }
}

TEST(ErrorNames, AreSeenInTheDialectsWords) {
  const struct {
    absl::string_view name;
    absl::string_view in_asw;
  } cases[] = {{"States.Timeout", "StatesTimeout"},
               {"States.HeartbeatTimeout", "StatesTimeout"},
               {"States.TaskFailed", "StatesTaskFailed"},
               {"States.Permissions", "StatesPermissions"},
               {"States.DataLimitExceeded", "StatesDataLimitExceeded"},
               {"States.Runtime", "StatesRuntime"},
               {"States.NoChoiceMatched", "StatesRuntime"},
               {"ValueError", "ValueError"},
               {"InternalError", "InternalError"}};
  for (const auto& expected : cases) {
    EXPECT_EQ(ErrorNameIn(Dialect::kAsw, expected.name), expected.in_asw);
    EXPECT_EQ(ErrorNameIn(Dialect::kStates, expected.name), expected.name);
  }
}

}  // namespace
}  // namespace millrace
