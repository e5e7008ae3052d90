#include "engine/program/program.h"

#include <utility>

#include "absl/container/flat_hash_set.h"

namespace millrace {
namespace {

// In the order of State::body's alternatives.
constexpr absl::string_view kTypeNames[] = {"Pass",    "Task", "Choice",   "Wait",
                                            "Succeed", "Fail", "Parallel", "Map"};
static_assert(std::size(kTypeNames) == std::variant_size_v<decltype(State::body)>);

}  // namespace

absl::string_view StateTypeName(const State& state) { return kTypeNames[state.body.index()]; }

const State* Program::FindState(absl::string_view name) const {
  const auto found = index.find(name);
  return found == index.end() ? nullptr : &states[static_cast<size_t>(found->second)];
}

std::string Program::CheckInput(const Json& input) const {
  if (dialect != Dialect::kAsw || input.is_object()) return "";
  return "is a JSON object in workflows of ASW";
}

std::vector<std::string> Program::FunctionNames() const {
  std::vector<std::string> names;
  absl::flat_hash_set<absl::string_view> seen;
  for (const State& state : states) {
    const auto* task = std::get_if<TaskState>(&state.body);
    if (task == nullptr) continue;
    const auto* target = std::get_if<FunctionTarget>(&task->target);
    if (target == nullptr || target->name_from_parameters) continue;
    if (seen.insert(target->function).second) names.push_back(target->function);
  }
  return names;
}

}  // namespace millrace
