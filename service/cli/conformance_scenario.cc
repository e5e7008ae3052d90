#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/languages/compile.h"
#include "engine/program/resource.h"
#include "engine/runtime/local_runner.h"
#include "service/cli/conformance_case.h"
#include "service/cli/conformance_functions.h"
#include "service/cli/conformance_history.h"
#include "service/cli/event_json.h"
#include "service/cli/files.h"
#include "service/cli/pattern.h"

namespace millrace::cli {
namespace {

void FillStore(const Json& json, ObjectStore* objects) {
  const Json* listed = json.Find("objects");
  if (listed == nullptr) return;
  for (const Json& object : listed->elements()) {
    const absl::Status status =
        objects->Put(TextOf(object, "bucket"), TextOf(object, "key"), TextOf(object, "body"));
    MILLRACE_CHECK(status.ok());
  }
}

// A machine of the case's beside the one that it is about.
std::shared_ptr<const Program> CompileAuxiliary(const Json& json, const std::string& name) {
  const Json* machines = json.Find("aux_state_machines");
  if (machines == nullptr) return nullptr;
  for (const Json& machine : machines->elements()) {
    if (TextOf(machine, "name") != name) continue;
    return Compile("ASL", machine.Find("definition")->ToText(),
                   {.is_express = TextOf(machine, "type") == "EXPRESS"})
        .program;
  }
  return nullptr;
}

absl::StatusOr<LocalRun> Run(const Json& json, const Program& program, FunctionHost& host) {
  MemoryObjectStore objects;
  FillStore(json, &objects);
  const std::string account = "arn:aws:states:us-east-1:111111111111:";
  const std::string name = absl::StrCat(account, "execution:workflow:execution");
  LocalRunOptions options;
  options.info = {.execution_name = name,
                  .execution_id = "execution",
                  .workflow_name = absl::StrCat(account, "stateMachine:workflow"),
                  .workflow_id = "workflow"};
  options.virtual_time = true;
  options.objects = &objects;
  options.find_workflow = [&json](const std::string& name) { return CompileAuxiliary(json, name); };
  options.cancel = CancelThrough(host, name);
  return RunLocally(program, *json.Find("input"), options,
                    InvokeThrough(host, LoaderOf(json), name));
}

// How the execution ended, in the form of `expected`.
Json DescribeEnd(const Snapshot& snapshot, bool with_cause) {
  std::vector<JsonMember> members = {{Json("status"), Json(StatusName(snapshot.end))}};
  if (snapshot.output.has_value()) members.push_back({Json("output"), *snapshot.output});
  if (snapshot.error.has_value()) {
    const std::optional<std::string>& name = snapshot.error->name;
    const std::optional<std::string>& cause = snapshot.error->cause;
    if (name.has_value()) members.push_back({Json("error"), Json(*name)});
    if (with_cause && cause.has_value()) members.push_back({Json("cause"), Json(*cause)});
  }
  return Json::Object(std::move(members));
}

// `expected` as far as the case says anything: the corpus leaves out what was not recorded.
Json Recorded(const Json& expected, bool with_cause) {
  std::vector<JsonMember> members;
  for (const JsonMember& member : expected.members()) {
    if (with_cause || member.key != Json("cause")) members.push_back(member);
  }
  return Json::Object(std::move(members));
}

void Compare(const Json& json, const Program& program, const LocalRun& run, CaseReport* report) {
  const Json& expected = *json.Find("expected");
  const auto end = [&](bool with_cause, SoftTexts soft) {
    return FindDifference(Json::Object({{"$has", Recorded(expected, with_cause)}}),
                          DescribeEnd(run.snapshot, with_cause), soft);
  };
  const std::vector<Json> events = DescribeHistory(program, run.history);
  const std::vector<std::pair<int, std::optional<std::string>>> levels = {
      {1, end(false, SoftTexts::kAnyString)},
      {2, FindSequenceDifference(json, events)},
      {3, FindEventDifference(json, events, SoftTexts::kAnyString)},
      {4, end(true, SoftTexts::kEqual)},
      {4, FindEventDifference(json, events, SoftTexts::kEqual)}};
  for (const auto& [level, difference] : levels) {
    if (!difference.has_value()) continue;
    std::string text = *difference;
    if (level == 1) absl::StrAppend(&text, " | ", DescribeEnd(run.snapshot, true).ToText());
    return Fail(level, text.substr(0, 1000), report);
  }
}

}  // namespace

void RunScenarioCase(const Json& json, FunctionHost& host, CaseReport* report) {
  const CompileResult compiled = Compile("ASL", json.Find("definition")->ToText(),
                                         {.is_express = TextOf(json, "type") == "EXPRESS"});
  if (compiled.program == nullptr) {
    return Fail(1, absl::StrCat("the definition is refused: ", DescribeProblems(compiled.problems)),
                report);
  }
  const absl::StatusOr<LocalRun> run = Run(json, *compiled.program, host);
  if (!run.ok()) return Fail(1, std::string(run.status().message()), report);
  Compare(json, *compiled.program, *run, report);
}

}  // namespace millrace::cli
