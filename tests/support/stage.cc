#include "tests/support/stage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace millrace {
namespace {

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
  explicit Playing(Stage* stage) : stage_(*stage) {}

  void PlayLine(const ScenarioLine& line);
  void ExpectNoMoreCalls() {
    for (const StagedCall& call : NewCalls()) {
      ADD_FAILURE() << "unexpected call of " << call.function << " with " << call.payload.ToText();
    }
  }

 private:
  std::vector<StagedCall> NewCalls();
  void ExpectCall(const std::string& name, const Json& payload);
  // The call that "NAME" or "NAME#2" means.
  std::optional<int64_t> FindCall(const std::string& which);
  void Answer(const std::string& which, const AslResult<Json>& answer);
  void ExpectEnd(ExecutionStatus status, const std::string& rest);
  void ExpectHistory(const std::string& rest);
  void Put(const std::string& name, const std::string& text);
  void ExpectObject(const std::string& name, const Json& expected);

  Stage& stage_;
  std::set<int64_t> expected_;  // the calls that lines have expected
};

std::vector<StagedCall> Playing::NewCalls() {
  std::vector<StagedCall> calls = stage_.Calls();
  std::erase_if(calls,
                [this](const StagedCall& call) { return expected_.contains(call.event_id); });
  return calls;
}

void Playing::ExpectCall(const std::string& name, const Json& payload) {
  const std::vector<StagedCall> calls = NewCalls();
  const auto found = std::find_if(calls.begin(), calls.end(), [&](const StagedCall& call) {
    return call.function == name && call.payload == payload;
  });
  if (found != calls.end()) {
    expected_.insert(found->event_id);
    return;
  }
  std::string there;
  for (const StagedCall& call : calls) {
    absl::StrAppend(&there, "\n  ", call.function, " ", call.payload.ToText());
  }
  ADD_FAILURE() << "no call of " << name << " with " << payload.ToText() << "; there are:" << there;
}

std::optional<int64_t> Playing::FindCall(const std::string& which) {
  const std::vector<std::string> parts = absl::StrSplit(which, '#');
  int skip = 0;
  if (parts.size() > 1 && absl::SimpleAtoi(parts[1], &skip)) --skip;
  for (const StagedCall& call : stage_.Calls()) {
    if (call.function != parts[0] || !stage_.IsOpen(call.event_id)) continue;
    if (skip-- == 0) return call.event_id;
  }
  return std::nullopt;
}

void Playing::Answer(const std::string& which, const AslResult<Json>& answer) {
  const std::optional<int64_t> event_id = FindCall(which);
  ASSERT_TRUE(event_id.has_value()) << "no open call of " << which;
  stage_.Answer(*event_id, answer);
}

void Playing::ExpectEnd(ExecutionStatus status, const std::string& rest) {
  const StagedState state = stage_.State();
  const std::string error =
      absl::StrCat(state.error.name.value_or("-"), ": ", state.error.cause.value_or("-"));
  ASSERT_EQ(static_cast<int>(state.status), static_cast<int>(status)) << error;
  if (status == ExecutionStatus::kSucceeded) {
    ASSERT_TRUE(state.output.has_value());
    EXPECT_EQ(state.output->ToText(), ParseOrFail(rest).ToText());
    return;
  }
  if (rest.empty()) return;
  const AslError expected = ParseError(rest);
  EXPECT_EQ(state.error.name, expected.name) << error;
  if (expected.cause.has_value()) {
    EXPECT_EQ(state.error.cause, expected.cause);
  }
}

void Playing::ExpectHistory(const std::string& rest) {
  const std::vector<std::string> expected = absl::StrSplit(rest, ' ', absl::SkipEmpty());
  std::vector<std::string> actual;
  for (const StagedEvent& event : stage_.History()) {
    EXPECT_EQ(event.id, static_cast<int64_t>(actual.size()) + 1);
    const size_t place = actual.size();
    const bool says_previous =
        place < expected.size() && expected[place].find('<') != std::string::npos;
    actual.push_back(says_previous ? absl::StrCat(event.type, "<", event.previous_id) : event.type);
  }
  EXPECT_EQ(absl::StrJoin(actual, "\n"), absl::StrJoin(expected, "\n"));
}

// "BUCKET/KEY" -> both.
std::pair<std::string, std::string> SplitName(const std::string& name) {
  const size_t end = name.find('/');
  return {name.substr(0, end), name.substr(end + 1)};
}

void Playing::Put(const std::string& name, const std::string& text) {
  const auto [bucket, key] = SplitName(name);
  const bool is_quoted = text.starts_with('"');
  stage_.Put(bucket, key, is_quoted ? std::string(ParseOrFail(text).AsString()) : text);
}

void Playing::ExpectObject(const std::string& name, const Json& expected) {
  const auto [bucket, key] = SplitName(name);
  const absl::StatusOr<std::string> body = stage_.Get(bucket, key);
  ASSERT_TRUE(body.ok()) << body.status();
  EXPECT_EQ(ParseOrFail(*body).ToText(), expected.ToText());
}

void Playing::PlayLine(const ScenarioLine& line) {
  const auto [word, rest] = SplitWord(line.rest);
  if (line.verb == "object") {
    Put(word, rest);
  } else if (line.verb == "holds") {
    ExpectObject(word, ParseOrFail(rest));
  } else if (line.verb == "start") {
    stage_.Start(ParseOrFail(line.rest));
  } else if (line.verb == "invokes") {
    ExpectCall(word, ParseOrFail(rest));
  } else if (line.verb == "answer") {
    Answer(word, ParseOrFail(rest));
  } else if (line.verb == "fails") {
    Answer(word, ParseError(rest));
  } else if (line.verb == "advance") {
    absl::Duration duration;
    ASSERT_TRUE(absl::ParseDuration(line.rest, &duration));
    stage_.Advance(duration);
  } else if (line.verb == "stop") {
    stage_.Stop(ParseError(line.rest));
  } else if (line.verb == "waits") {
    EXPECT_EQ(static_cast<int>(stage_.State().status), static_cast<int>(ExecutionStatus::kRunning));
  } else if (line.verb == "succeeds") {
    ExpectEnd(ExecutionStatus::kSucceeded, line.rest);
  } else if (line.verb == "fails-with") {
    ExpectEnd(ExecutionStatus::kFailed, line.rest);
  } else if (line.verb == "times-out") {
    ExpectEnd(ExecutionStatus::kTimedOut, line.rest);
  } else if (line.verb == "aborted") {
    ExpectEnd(ExecutionStatus::kAborted, line.rest);
  } else if (line.verb == "history") {
    ExpectHistory(line.rest);
  } else {
    ADD_FAILURE() << "unknown verb " << line.verb;
  }
}

}  // namespace

void Play(const Scenario& scenario, Stage& stage, Crashes crashes) {
  Playing playing(&stage);
  if (crashes == Crashes::kAfterEveryLine) stage.Crash();
  for (size_t i = 1; i < scenario.lines.size(); ++i) {
    const ScenarioLine& line = scenario.lines[i];
    SCOPED_TRACE(absl::StrCat(scenario.file, ".scenario:", line.number, ": ", line.verb));
    playing.PlayLine(line);
    if (::testing::Test::HasFailure()) return;
    if (crashes == Crashes::kNever) continue;
    stage.Crash();
    if (::testing::Test::HasFailure()) return;
  }
  playing.ExpectNoMoreCalls();
}

}  // namespace millrace
