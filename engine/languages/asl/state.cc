#include "engine/languages/asl/state.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/suggest.h"
#include "engine/languages/asl/asw.h"
#include "engine/languages/asl/choice_state.h"
#include "engine/languages/asl/expressions.h"
#include "engine/languages/asl/fail_state.h"
#include "engine/languages/asl/field_rules.h"
#include "engine/languages/asl/jsonata_states.h"
#include "engine/languages/asl/map_rules.h"
#include "engine/languages/asl/map_state.h"
#include "engine/languages/asl/parallel_state.h"
#include "engine/languages/asl/pass_state.h"
#include "engine/languages/asl/query_language.h"
#include "engine/languages/asl/succeed_state.h"
#include "engine/languages/asl/task_state.h"
#include "engine/languages/asl/wait_state.h"

namespace millrace::asl {
namespace {

struct StateType {
  absl::string_view name;
  absl::string_view what;  // begins messages
  void (*read)(const StateSource& source, State* state);
  void (*read_jsonata)(const StateSource& source, State* state);
};

constexpr StateType kTypes[] = {
    {"Task", "A Task state", ReadTaskState, ReadJsonataTask},
    {"Wait", "A Wait state", ReadWaitState, ReadJsonataWait},
    {"Pass", "A Pass state", ReadPassState, ReadJsonataPass},
    {"Succeed", "A Succeed state", ReadSucceedState, ReadJsonataSucceed},
    {"Fail", "A Fail state", ReadFailState, ReadJsonataFail},
    {"Choice", "A Choice state", ReadChoiceState, ReadJsonataChoice},
    {"Parallel", "A Parallel state", ReadParallelState, ReadJsonataParallel},
    {"Map", "A Map state", ReadMapState, ReadJsonataMap},
};

const StateType* FindType(absl::string_view name) {
  for (const StateType& type : kTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

// nullptr, reported, if there is no Type, or none that is known.
const StateType* ReadType(const Json& json, const Place& place, ProblemList* problems) {
  ObjectReader fields(json, place, "A state", problems);
  const std::optional<std::string> name = fields.RequireText("Type");
  if (!name) return nullptr;
  const StateType* type = FindType(*name);
  if (type != nullptr) return type;
  std::vector<absl::string_view> names;
  for (const StateType& known : kTypes) names.push_back(known.name);
  fields.Report(
      "Type", problem_code::kUnknownStateType,
      absl::StrCat(Quoted(*name), " is no type of state", DidYouMean(*name, names),
                   " There are Task, Wait, Pass, Succeed, Fail, Choice, Parallel and Map."));
  return nullptr;
}

}  // namespace

void DefineState(const Json& json, const Place& place, MachineIndex machine, StateIndex index,
                 Compilation* compilation) {
  bool& is_complete = compilation->machines[static_cast<size_t>(machine)].is_complete;
  ProblemList& problems = compilation->problems;
  const StateType* type = nullptr;
  if (ObjectReader::IsObject(json, place, "A state", &problems)) {
    type = ReadType(json, place, &problems);
  }
  if (type == nullptr) {
    is_complete = false;
    return;
  }
  ObjectReader fields(json, place, std::string(type->what), &problems);
  fields.Has("Type");
  fields.FindText("Comment");
  std::optional<QueryLanguage> language = compilation->language;
  if (compilation->program.dialect == Dialect::kAsw) {
    WarnOfTypeAbsentInAsw(fields, type->name);
  } else {
    language = ReadQueryLanguage(fields, compilation->language);
  }
  if (!language) {
    is_complete = false;
    return;
  }
  const bool is_jsonata = *language == QueryLanguage::kJsonata;
  ReportFieldsOfOtherLanguage(fields, is_jsonata);
  if (type->name == "Map") CheckMapRules(json, place, is_jsonata, &problems);
  State state = compilation->program.states[static_cast<size_t>(index)];
  state.flow.language = *language;
  state.flow.input_path.path = RootPath();
  state.flow.result_path.path = RootPath();
  state.flow.output_path.path = RootPath();
  const StateSource source{fields, machine, index, *compilation, *language};
  (source.is_jsonata() ? type->read_jsonata : type->read)(source, &state);
  fields.ReportUnknownFields();
  compilation->program.states[static_cast<size_t>(index)] = std::move(state);
}

}  // namespace millrace::asl
