#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/core/core_player.h"
#include "tests/support/scenario.h"

namespace millrace {

static void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.title; }

namespace {

std::string ScenarioFolder() {
  const char* source = std::getenv("MILLRACE_SOURCE_DIR");
  return absl::StrCat(source == nullptr ? "." : source, "/tests/scenarios");
}

Json ParseOrFail(const std::string& text) {
  absl::StatusOr<Json> json = ParseJson(text);
  EXPECT_TRUE(json.ok()) << json.status() << " in " << text;
  return json.ok() ? *std::move(json) : Json();
}

// "NAME rest" -> both, either of which may be empty.
std::pair<std::string, std::string> SplitWord(const std::string& text) {
  const size_t end = text.find(' ');
  if (end == std::string::npos) return {text, ""};
  return {text.substr(0, end), std::string(absl::StripAsciiWhitespace(text.substr(end)))};
}

AslError ParseError(const std::string& text) {
  const auto [name, cause] = SplitWord(text);
  AslError error;
  if (!name.empty() && name != "-") error.name = name;
  if (!cause.empty()) error.cause = cause;
  return error;
}

class Playing {
 public:
  explicit Playing(const Scenario& scenario) : player_(scenario.lines[0].rest) {}

  void Play(const ScenarioLine& line);
  void ExpectNoMoreCalls() {
    for (const InvokeFunction& call : player_.new_calls()) {
      ADD_FAILURE() << "unexpected call of " << call.function << " with " << call.payload.ToText();
    }
  }

 private:
  void ExpectCall(const std::string& name, const Json& payload);
  // The call that "NAME" or "NAME#2" means; no longer open. 0: there is none.
  int64_t TakeCall(const std::string& which);
  void ExpectEnd(EventType type, const std::string& rest);
  void ExpectHistory(const std::string& rest);

  CorePlayer player_;
};

void Playing::ExpectCall(const std::string& name, const Json& payload) {
  auto& calls = player_.new_calls();
  const auto found = std::find_if(calls.begin(), calls.end(), [&](const InvokeFunction& call) {
    return call.function == name && call.payload == payload;
  });
  if (found != calls.end()) {
    calls.erase(found);
    return;
  }
  std::string there;
  for (const InvokeFunction& call : calls) {
    absl::StrAppend(&there, "\n  ", call.function, " ", call.payload.ToText());
  }
  ADD_FAILURE() << "no call of " << name << " with " << payload.ToText() << "; there are:" << there;
}

int64_t Playing::TakeCall(const std::string& which) {
  const std::vector<std::string> parts = absl::StrSplit(which, '#');
  int skip = 0;
  if (parts.size() > 1 && absl::SimpleAtoi(parts[1], &skip)) --skip;
  auto& calls = player_.open_calls();
  for (auto call = calls.begin(); call != calls.end(); ++call) {
    if (call->function != parts[0] || !player_.snapshot().waits.contains(call->event_id)) continue;
    if (skip-- > 0) continue;
    const int64_t event_id = call->event_id;
    calls.erase(call);
    return event_id;
  }
  ADD_FAILURE() << "no open call of " << which;
  return 0;
}

void Playing::ExpectEnd(EventType type, const std::string& rest) {
  const Snapshot& snapshot = player_.snapshot();
  ASSERT_TRUE(snapshot.ended) << DebugText(snapshot);
  const std::string error = snapshot.error.has_value()
                                ? absl::StrCat(snapshot.error->name.value_or("-"), ": ",
                                               snapshot.error->cause.value_or("-"))
                                : "";
  EXPECT_EQ(static_cast<int>(snapshot.end), static_cast<int>(type)) << error;
  if (type == EventType::kExecutionSucceeded) {
    ASSERT_TRUE(snapshot.output.has_value());
    EXPECT_EQ(snapshot.output->ToText(), ParseOrFail(rest).ToText());
    return;
  }
  if (rest.empty()) return;
  const AslError expected = ParseError(rest);
  ASSERT_TRUE(snapshot.error.has_value());
  EXPECT_EQ(snapshot.error->name, expected.name) << error;
  if (expected.cause.has_value()) {
    EXPECT_EQ(snapshot.error->cause, expected.cause);
  }
}

void Playing::ExpectHistory(const std::string& rest) {
  std::vector<std::string> expected = absl::StrSplit(rest, ' ', absl::SkipEmpty());
  std::vector<std::string> actual;
  for (const HistoryEvent& event : player_.history()) {
    if (!IsShown(event.type)) continue;
    EXPECT_EQ(event.id, static_cast<int64_t>(actual.size()) + 1);
    std::string text = EventTypeName(event, player_.program());
    const size_t place = actual.size();
    if (place < expected.size() && expected[place].find('<') != std::string::npos) {
      absl::StrAppend(&text, "<", event.previous_id);
    }
    actual.push_back(std::move(text));
  }
  EXPECT_EQ(absl::StrJoin(actual, "\n"), absl::StrJoin(expected, "\n"));
}

void Playing::Play(const ScenarioLine& line) {
  const auto [word, rest] = SplitWord(line.rest);
  if (line.verb == "start") {
    EXPECT_EQ(player_.Take(Started{.input = ParseOrFail(line.rest), .seed = 7}),
              StepRefusal::kNone);
  } else if (line.verb == "invokes") {
    ExpectCall(word, ParseOrFail(rest));
  } else if (line.verb == "answer") {
    player_.Take(TaskSucceeded{.event_id = TakeCall(word), .output = ParseOrFail(rest)});
  } else if (line.verb == "fails") {
    player_.Take(TaskFailed{.event_id = TakeCall(word), .error = ParseError(rest)});
  } else if (line.verb == "advance") {
    absl::Duration duration;
    ASSERT_TRUE(absl::ParseDuration(line.rest, &duration));
    player_.Advance(duration);
  } else if (line.verb == "stop") {
    player_.Take(StopRequested{.error = ParseError(line.rest)});
  } else if (line.verb == "waits") {
    EXPECT_FALSE(player_.snapshot().ended) << DebugText(player_.snapshot());
  } else if (line.verb == "succeeds") {
    ExpectEnd(EventType::kExecutionSucceeded, line.rest);
  } else if (line.verb == "fails-with") {
    ExpectEnd(EventType::kExecutionFailed, line.rest);
  } else if (line.verb == "times-out") {
    ExpectEnd(EventType::kExecutionTimedOut, line.rest);
  } else if (line.verb == "aborted") {
    ExpectEnd(EventType::kExecutionAborted, line.rest);
  } else if (line.verb == "history") {
    ExpectHistory(line.rest);
  } else {
    ADD_FAILURE() << "unknown verb " << line.verb;
  }
}

class ScenarioTest : public testing::TestWithParam<Scenario> {};

TEST_P(ScenarioTest, GoesAsWritten) {
  const Scenario& scenario = GetParam();
  SCOPED_TRACE(scenario.title);
  Playing playing(scenario);
  if (HasFailure()) return;
  for (size_t i = 1; i < scenario.lines.size(); ++i) {
    const ScenarioLine& line = scenario.lines[i];
    SCOPED_TRACE(absl::StrCat(scenario.file, ".scenario:", line.number, ": ", line.verb));
    playing.Play(line);
    if (HasFailure()) return;
  }
  playing.ExpectNoMoreCalls();
}

std::string TestName(const testing::TestParamInfo<Scenario>& info) {
  return absl::StrCat(info.param.file, "_line_", info.param.lines[0].number);
}

INSTANTIATE_TEST_SUITE_P(All, ScenarioTest, testing::ValuesIn(ReadScenarios(ScenarioFolder())),
                         TestName);

}  // namespace
}  // namespace millrace
