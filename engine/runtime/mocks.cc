#include "engine/runtime/mocks.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/base/status_macros.h"

namespace millrace {
namespace {

constexpr int64_t kAttemptsMax = 1'000'000'000;

absl::Status Wrong(absl::string_view pointer, absl::string_view rule) {
  return absl::InvalidArgumentError(
      absl::StrCat(pointer.empty() ? "the mock file" : pointer, ": ", rule));
}

absl::Status CheckMembers(const Json& object, absl::string_view pointer,
                          std::initializer_list<absl::string_view> known) {
  if (!object.is_object()) return Wrong(pointer, "must be an object");
  for (const JsonMember& member : object.members()) {
    const absl::string_view key = member.key.AsString();
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    return Wrong(absl::StrCat(pointer, "/", key), "is not known here");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> ReadText(const Json& object, absl::string_view key,
                                                    absl::string_view pointer) {
  const Json* value = object.Find(key);
  if (value == nullptr) return std::optional<std::string>();
  if (!value->is_string()) return Wrong(absl::StrCat(pointer, "/", key), "must be a string");
  return std::optional<std::string>(std::string(value->AsString()));
}

absl::StatusOr<MockAnswer> ReadAnswer(const Json& json, const std::string& pointer) {
  MILLRACE_RETURN_IF_ERROR(CheckMembers(
      json, pointer, {"Return", "Throw", "MapIterationFailureCount", "MapItemReaderData"}));
  const Json* result = json.Find("Return");
  const Json* error = json.Find("Throw");
  if ((result == nullptr) == (error == nullptr)) {
    return Wrong(pointer, "must have a Return or a Throw, and not both");
  }
  MockAnswer answer;
  if (result != nullptr) {
    answer.answer = *result;
  } else {
    const std::string thrown = absl::StrCat(pointer, "/Throw");
    MILLRACE_RETURN_IF_ERROR(CheckMembers(*error, thrown, {"Error", "Cause"}));
    AslError asl_error;
    MILLRACE_ASSIGN_OR_RETURN(asl_error.name, ReadText(*error, "Error", thrown));
    MILLRACE_ASSIGN_OR_RETURN(asl_error.cause, ReadText(*error, "Cause", thrown));
    if (!asl_error.name.has_value()) return Wrong(thrown, "must have an Error");
    answer.answer = std::move(asl_error);
  }
  if (const Json* count = json.Find("MapIterationFailureCount")) {
    answer.failed_iterations = count->ToInt64();
    if (!answer.failed_iterations.has_value()) {
      return Wrong(absl::StrCat(pointer, "/MapIterationFailureCount"), "must be an integer");
    }
  }
  if (const Json* data = json.Find("MapItemReaderData")) answer.reader_data = *data;
  return answer;
}

// "3", or "1-2" for both and all between.
absl::StatusOr<std::pair<int64_t, int64_t>> ReadAttempts(absl::string_view key,
                                                         const std::string& pointer) {
  const std::vector<absl::string_view> ends = absl::StrSplit(key, '-');
  const auto is_number = [](absl::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  };
  int64_t first = 0;
  int64_t last = 0;
  if (ends.size() <= 2 && is_number(ends.front()) && is_number(ends.back()) &&
      absl::SimpleAtoi(ends.front(), &first) && absl::SimpleAtoi(ends.back(), &last) &&
      first <= last && last < kAttemptsMax) {
    return std::pair(first, last);
  }
  return Wrong(pointer, "must be an attempt, as in \"0\", or a range of attempts, as in \"1-2\"");
}

absl::StatusOr<std::optional<Json>> ReadObject(const Json& json, absl::string_view key) {
  const Json* value = json.Find(key);
  if (value == nullptr) return std::optional<Json>();
  if (!value->is_object()) return Wrong(absl::StrCat("/", key), "must be an object");
  return std::optional<Json>(*value);
}

}  // namespace

absl::StatusOr<Mocks> Mocks::Parse(absl::string_view text) {
  const absl::StatusOr<Json> json = ParseJson(text);
  if (!json.ok()) return Wrong("", absl::StrCat("is not JSON: ", json.status().message()));
  MILLRACE_RETURN_IF_ERROR(CheckMembers(*json, "", {"States", "Variables", "Context", "Comment"}));
  Mocks mocks;
  MILLRACE_ASSIGN_OR_RETURN(mocks.variables_, ReadObject(*json, "Variables"));
  MILLRACE_ASSIGN_OR_RETURN(mocks.context_, ReadObject(*json, "Context"));
  MILLRACE_ASSIGN_OR_RETURN(const std::optional<Json> states, ReadObject(*json, "States"));
  if (!states.has_value()) return mocks;
  for (const JsonMember& state : states->members()) {
    const std::string name(state.key.AsString());
    const std::string pointer = absl::StrCat("/States/", name);
    std::vector<Attempts>& attempts = mocks.states_[name];
    if (!state.value.is_object()) return Wrong(pointer, "must be an object");
    if (state.value.Find("Return") != nullptr || state.value.Find("Throw") != nullptr) {
      MILLRACE_ASSIGN_OR_RETURN(MockAnswer answer, ReadAnswer(state.value, pointer));
      attempts.push_back({.first = 0, .last = kAttemptsMax, .answer = std::move(answer)});
      continue;
    }
    for (const JsonMember& member : state.value.members()) {
      const std::string place = absl::StrCat(pointer, "/", member.key.AsString());
      MILLRACE_ASSIGN_OR_RETURN(const auto range, ReadAttempts(member.key.AsString(), place));
      MILLRACE_ASSIGN_OR_RETURN(MockAnswer answer, ReadAnswer(member.value, place));
      for (const Attempts& other : attempts) {
        if (range.first <= other.last && other.first <= range.second) {
          return Wrong(place, "names an attempt that has an answer already");
        }
      }
      attempts.push_back({.first = range.first, .last = range.second, .answer = std::move(answer)});
    }
    if (attempts.empty()) return Wrong(pointer, "must have a Return, a Throw, or attempts");
  }
  return mocks;
}

const MockAnswer* Mocks::Find(absl::string_view state, int64_t attempt) const {
  const auto found = states_.find(state);
  if (found == states_.end()) return nullptr;
  for (const Attempts& attempts : found->second) {
    if (attempts.first <= attempt && attempt <= attempts.last) return &attempts.answer;
  }
  return nullptr;
}

std::vector<std::string> Mocks::states() const {
  std::vector<std::string> names;
  for (const auto& [name, attempts] : states_) names.push_back(name);
  return names;
}

absl::StatusOr<Program> MockTasks(const Program& program, const Mocks& mocks) {
  Program mocked = program;
  for (const std::string& name : mocks.states()) {
    const auto found = program.index.find(name);
    const std::string pointer = absl::StrCat("/States/", name);
    if (found == program.index.end()) return Wrong(pointer, "the workflow has no such state");
    State& state = mocked.states[static_cast<size_t>(found->second)];
    auto* task = std::get_if<TaskState>(&state.body);
    if (task == nullptr) {
      return Wrong(pointer, absl::StrCat("only Tasks can be mocked in a run of a whole workflow, "
                                         "and this is a ",
                                         StateTypeName(state)));
    }
    task->is_mocked = true;
  }
  return mocked;
}

LocalInvoke InvokeMocks(const Program& program, const Mocks& mocks, LocalInvoke others,
                        std::string* missing) {
  const auto attempts = std::make_shared<absl::flat_hash_map<StateIndex, int64_t>>();
  return [&program, &mocks, others = std::move(others), missing, attempts](
             const InvokeFunction& call, InvocationDone done) {
    const std::string& name = program.states[static_cast<size_t>(call.state)].name;
    if (!mocks.Has(name)) return others(call, std::move(done));
    const int64_t attempt = (*attempts)[call.state]++;
    const MockAnswer* mock = mocks.Find(name, attempt);
    if (mock == nullptr) {
      const std::string problem =
          absl::StrCat("/States/", name, ": has no answer for attempt ", attempt);
      if (missing->empty()) *missing = problem;
      return done(AslError{.name = "States.Runtime", .cause = problem});
    }
    if (const auto* error = std::get_if<AslError>(&mock->answer)) return done(*error);
    done(std::get<Json>(mock->answer));
  };
}

}  // namespace millrace
