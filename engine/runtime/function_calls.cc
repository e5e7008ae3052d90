#include "engine/runtime/function_calls.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/program/resource.h"
#include "engine/runtime/resource_names.h"

namespace millrace {
namespace {

// `object`'s text of this name; "" if it has none.
absl::string_view TextOf(const Json& object, absl::string_view name) {
  const Json* const value = object.Find(name);
  return value != nullptr && value->is_string() ? value->AsString() : absl::string_view();
}

std::string At(absl::string_view pointer, absl::string_view key) {
  return absl::StrCat(pointer, "/", absl::StrReplaceAll(key, {{"~", "~0"}, {"/", "~1"}}));
}

void AddCall(const Json& task, absl::string_view state, const std::string& pointer,
             std::vector<FunctionCall>* calls) {
  const absl::StatusOr<Resource> resource = ParseResource(TextOf(task, "Resource"));
  if (!resource.ok()) return;
  const auto* const function = std::get_if<FunctionTarget>(&resource->target);
  if (function == nullptr) return;
  if (!resource->wraps_invocation) {
    calls->push_back({.function = function->function,
                      .state = std::string(state),
                      .pointer = At(pointer, "Resource")});
    return;
  }
  const absl::string_view field = task.Find("Arguments") == nullptr ? "Parameters" : "Arguments";
  const Json* const parameters = task.Find(field);
  if (parameters == nullptr || !parameters->is_object()) return;
  const absl::StatusOr<FunctionTarget> target =
      ParseFunctionName(TextOf(*parameters, "FunctionName"));
  if (!target.ok()) return;
  calls->push_back({.function = target->function,
                    .state = std::string(state),
                    .pointer = At(At(pointer, field), "FunctionName")});
}

// Of what has States: the definition, a branch, an iteration.
void AddCalls(const Json& machine, const std::string& pointer, std::vector<FunctionCall>* calls) {
  const Json* const states = machine.is_object() ? machine.Find("States") : nullptr;
  if (states == nullptr || !states->is_object()) return;
  for (const JsonMember& member : states->members()) {
    const Json& state = member.value;
    if (!state.is_object()) continue;
    const std::string place = At(At(pointer, "States"), member.key.AsString());
    if (TextOf(state, "Type") == "Task") AddCall(state, member.key.AsString(), place, calls);
    for (const absl::string_view name : {"Iterator", "ItemProcessor"}) {
      const Json* const iteration = state.Find(name);
      if (iteration != nullptr) AddCalls(*iteration, At(place, name), calls);
    }
    const Json* const branches = state.Find("Branches");
    if (branches == nullptr || !branches->is_array()) continue;
    size_t index = 0;
    for (const Json& branch : branches->elements()) {
      AddCalls(branch, At(At(place, "Branches"), absl::StrCat(index++)), calls);
    }
  }
}

}  // namespace

std::vector<FunctionCall> FindFunctionCalls(const Json& definition) {
  std::vector<FunctionCall> calls;
  AddCalls(definition, "", &calls);
  return calls;
}

Problem UnknownFunction(const std::vector<FunctionCall>& calls, const std::string& project,
                        const std::string& function) {
  const FunctionId id{.project = project, .function = function};
  Problem problem{.code = "FUNCTION_NOT_FOUND",
                  .message = absl::StrCat("function '", NameOf(id), "' does not exist")};
  const auto call = std::find_if(calls.begin(), calls.end(), [&](const FunctionCall& candidate) {
    return candidate.function == function;
  });
  if (call == calls.end()) return problem;
  absl::StrAppend(&problem.message, ", which state '", call->state, "' calls");
  problem.pointer = call->pointer;
  return problem;
}

}  // namespace millrace
