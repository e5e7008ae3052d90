#include "engine/languages/asl/machine.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "engine/languages/asl/map_state.h"
#include "engine/languages/asl/state.h"
#include "engine/languages/asl/transition.h"

namespace millrace::asl {
namespace {

constexpr size_t kNameCharactersMax = 80;

size_t CountCharacters(absl::string_view utf8) {
  size_t count = 0;
  for (const char c : utf8) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return count;
}

void CheckName(absl::string_view name, const Place& place, ProblemList* problems) {
  const size_t characters = CountCharacters(name);
  if (characters > 0 && characters <= kNameCharactersMax) return;
  problems->Forbid(place, problem_code::kInvalidValue,
                   absl::StrCat("A state's name has 1 to ", kNameCharactersMax, " characters, not ",
                                characters, "."));
}

StateIndex DeclareState(absl::string_view name, const Place& place, MachineIndex machine,
                        Compilation* compilation) {
  CheckName(name, place, &compilation->problems);
  Program& program = compilation->program;
  const auto index = static_cast<StateIndex>(program.states.size());
  program.states.push_back({.name = std::string(name), .machine = machine});
  compilation->machines[static_cast<size_t>(machine)].states.emplace(name, index);
  if (!program.index.emplace(name, index).second) {
    compilation->problems.Add(
        place, problem_code::kDuplicateState,
        absl::StrCat("Another machine of this workflow has a state ", Quoted(name),
                     " too; names are unique in the whole workflow."));
  }
  return index;
}

void DeclareInnerMachines(const Json& state, const Place& place, StateIndex index,
                          Compilation* compilation) {
  const Json* type = state.Find("Type");
  if (type == nullptr || !type->is_string()) return;
  if (type->AsString() == "Map") {
    for (const absl::string_view field : kProcessorFields) {
      const Json* processor = state.Find(field);
      if (processor != nullptr) DeclareMachine(*processor, place.At(field), index, compilation);
    }
  }
  const Json* branches = state.Find("Branches");
  if (type->AsString() != "Parallel" || branches == nullptr || !branches->is_array()) return;
  const Place list = place.At("Branches");
  for (size_t i = 0; i < branches->size(); ++i) {
    DeclareMachine(branches->elements()[i], list.At(i), index, compilation);
  }
}

std::vector<StateIndex> Successors(const State& state) {
  std::vector<StateIndex> successors;
  if (state.transition.next) successors.push_back(*state.transition.next);
  for (const Catcher& catcher : state.catches) successors.push_back(catcher.next);
  if (const auto* choice = std::get_if<ChoiceState>(&state.body)) {
    for (const ChoiceState::Rule& rule : choice->rules) successors.push_back(rule.next);
    if (choice->default_next) successors.push_back(*choice->default_next);
  }
  return successors;
}

bool IsTerminal(const State& state) {
  if (std::holds_alternative<SucceedState>(state.body)) return true;
  if (std::holds_alternative<FailState>(state.body)) return true;
  return !std::holds_alternative<ChoiceState>(state.body) && !state.transition.next;
}

absl::flat_hash_set<StateIndex> Reachable(StateIndex start, const Program& program) {
  absl::flat_hash_set<StateIndex> reached = {start};
  std::vector<StateIndex> pending = {start};
  while (!pending.empty()) {
    const State& state = program.states[static_cast<size_t>(pending.back())];
    pending.pop_back();
    for (const StateIndex next : Successors(state)) {
      if (reached.insert(next).second) pending.push_back(next);
    }
  }
  return reached;
}

// All transitions of the machine are known.
void CheckFlow(const Place& machine_place, const Place& states_place, MachineIndex machine,
               Compilation* compilation) {
  const Program& program = compilation->program;
  const auto reached = Reachable(program.machines[static_cast<size_t>(machine)].start, program);
  bool has_terminal = false;
  for (const auto& [name, index] : compilation->machines[static_cast<size_t>(machine)].states) {
    has_terminal = has_terminal || IsTerminal(program.states[static_cast<size_t>(index)]);
    if (reached.contains(index)) continue;
    compilation->problems.Forbid(states_place.At(name), problem_code::kUnreachableState,
                                 absl::StrCat("No transition leads to ", Quoted(name), "."));
  }
  if (has_terminal) return;
  compilation->problems.Forbid(
      machine_place, problem_code::kNoTerminalState,
      "No state ends this machine: one has '\"End\": true', or is a Succeed "
      "or Fail state.");
}

void DefineStates(const Json& states, const Place& place, MachineIndex machine,
                  Compilation* compilation) {
  for (const JsonMember& member : states.members()) {
    const absl::string_view name = member.key.AsString();
    const StateIndex index = compilation->machines[static_cast<size_t>(machine)].states.at(name);
    DefineState(member.value, place.At(name), machine, index, compilation);
  }
}

}  // namespace

void DeclareMachine(const Json& json, const Place& place, std::optional<StateIndex> owner,
                    Compilation* compilation) {
  const auto machine = static_cast<MachineIndex>(compilation->machines.size());
  compilation->machines.emplace_back();
  compilation->program.machines.push_back({.owner = owner});
  compilation->machine_of.emplace(&json, machine);
  const Json* states = json.Find("States");
  if (states == nullptr || !states->is_object()) return;
  const Place list = place.At("States");
  std::vector<std::pair<const JsonMember*, StateIndex>> declared;
  for (const JsonMember& member : states->members()) {
    const absl::string_view name = member.key.AsString();
    declared.emplace_back(&member, DeclareState(name, list.At(name), machine, compilation));
  }
  for (const auto& [member, index] : declared) {
    DeclareInnerMachines(member->value, list.At(member->key.AsString()), index, compilation);
  }
}

void DefineMachine(ObjectReader& fields, MachineIndex machine, Compilation* compilation) {
  const std::optional<StateIndex> start =
      ReadTarget(fields, "StartAt", /*is_required=*/true, machine, compilation);
  const Json* states = fields.RequireObject("States");
  if (states == nullptr) return;
  const Place states_place = fields.place().At("States");
  if (states->size() == 0) {
    fields.Report("States", problem_code::kInvalidValue, "'States' must not be empty.");
    return;
  }
  DefineStates(*states, states_place, machine, compilation);
  if (!start || !compilation->machines[static_cast<size_t>(machine)].is_complete) return;
  compilation->program.machines[static_cast<size_t>(machine)].start = *start;
  CheckFlow(fields.place(), states_place, machine, compilation);
}

std::optional<MachineIndex> DefineInnerMachine(const Json& json, const Place& place,
                                               absl::string_view what, Compilation* compilation) {
  if (!ObjectReader::IsObject(json, place, what, &compilation->problems)) return std::nullopt;
  const MachineIndex machine = compilation->machine_of.at(&json);
  ObjectReader fields(json, place, std::string(what), &compilation->problems);
  fields.FindText("Comment");
  if (const Json* config = fields.FindObject("ProcessorConfig")) {
    CheckProcessorConfig(*config, place.At("ProcessorConfig"), compilation);
  }
  DefineMachine(fields, machine, compilation);
  fields.ReportUnknownFields();
  return machine;
}

}  // namespace millrace::asl
