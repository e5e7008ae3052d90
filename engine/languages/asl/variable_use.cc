#include "engine/languages/asl/variable_use.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/base/suggest.h"
#include "engine/languages/asl/variable_names.h"

namespace millrace::asl {
namespace {

using Names = absl::flat_hash_set<absl::string_view>;

constexpr int64_t kWorkMax = 4'000'000;  // names that are looked at in all
constexpr absl::string_view kMachineFields[] = {"ItemProcessor", "Iterator"};
constexpr absl::string_view kPlainFields[] = {"Result",   "ResultPath",    "Comment",
                                              "Branches", "ItemProcessor", "Iterator"};
constexpr absl::string_view kTemplateFields[] = {"Parameters", "ResultSelector", "ItemSelector",
                                                 "Assign",     "BatchInput",     "Credentials"};

template <size_t kSize>
bool IsOneOf(absl::string_view text, const absl::string_view (&list)[kSize]) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

absl::string_view TextOf(const Json& json, absl::string_view field) {
  const Json* value = json.Find(field);
  return value != nullptr && value->is_string() ? value->AsString() : absl::string_view();
}

// A way from one state to another, and what is assigned on it.
struct Edge {
  absl::string_view to;
  const Json* assign = nullptr;  // may be null
};

std::vector<Edge> EdgesOf(const Json& state) {
  std::vector<Edge> edges = {{TextOf(state, "Next"), state.Find("Assign")},
                             {TextOf(state, "Default"), state.Find("Assign")}};
  for (const absl::string_view field : {"Catch", "Choices"}) {
    const Json* list = state.Find(field);
    if (list == nullptr || !list->is_array()) continue;
    for (const Json& element : list->elements()) {
      edges.push_back({TextOf(element, "Next"), element.Find("Assign")});
    }
  }
  return edges;
}

class VariableWalk {
 public:
  explicit VariableWalk(ProblemList* problems) : problems_(problems) {}

  // `outer` is what is assigned where the machine is entered.
  void Machine(const Json& machine, const Place& place, const Names& outer, bool is_jsonata) {
    const Json* states = machine.Find("States");
    if (states == nullptr || !states->is_object()) return;
    absl::flat_hash_map<absl::string_view, Names> assigned = Flow(machine, *states);
    if (work_left_ <= 0) return;
    const Place list = place.At("States");
    for (const JsonMember& member : states->members()) {
      Names& here = assigned[member.key.AsString()];
      work_left_ -= static_cast<int64_t>(outer.size());
      if (work_left_ < 0) return;
      here.insert(outer.begin(), outer.end());
      State(member.value, list.At(member.key.AsString()), here,
            is_jsonata || TextOf(member.value, "QueryLanguage") == "JSONata", is_jsonata);
    }
  }

 private:
  // What any way may have assigned before each state of a machine.
  absl::flat_hash_map<absl::string_view, Names> Flow(const Json& machine, const Json& states) {
    absl::flat_hash_map<absl::string_view, Names> assigned;
    std::vector<absl::string_view> pending = {TextOf(machine, "StartAt")};
    assigned.try_emplace(pending[0]);
    while (!pending.empty() && work_left_ > 0) {
      const absl::string_view name = pending.back();
      pending.pop_back();
      const Json* state = states.Find(name);
      if (state == nullptr) continue;
      const Names before = assigned[name];
      for (const Edge& edge : EdgesOf(*state)) {
        if (edge.to.empty()) continue;
        const auto [there, is_new] = assigned.try_emplace(edge.to);
        if (Merge(before, edge.assign, &there->second) || is_new) pending.push_back(edge.to);
      }
    }
    return assigned;
  }

  // Whether `names` have grown.
  bool Merge(const Names& before, const Json* assign, Names* names) {
    const size_t size = names->size();
    work_left_ -= static_cast<int64_t>(before.size()) + 1;
    names->insert(before.begin(), before.end());
    if (assign != nullptr && assign->is_object()) {
      work_left_ -= static_cast<int64_t>(assign->size());
      for (const JsonMember& member : assign->members()) {
        names->insert(absl::StripSuffix(member.key.AsString(), ".$"));
      }
    }
    return names->size() > size;
  }

  void State(const Json& state, const Place& place, const Names& assigned, bool is_jsonata,
             bool machine_is_jsonata) {
    if (is_jsonata) {
      Expressions(state, place, assigned);
    } else {
      Paths(state, place, assigned, /*is_template=*/false);
    }
    for (const absl::string_view field : kMachineFields) {
      const Json* processor = state.Find(field);
      if (processor == nullptr) continue;
      // Executions of their own see none of this one's variables.
      const Json* config = processor->Find("ProcessorConfig");
      const bool is_apart = config != nullptr && TextOf(*config, "Mode") == "DISTRIBUTED";
      Machine(*processor, place.At(field), is_apart ? Names() : assigned, machine_is_jsonata);
    }
    const Json* branches = state.Find("Branches");
    if (branches == nullptr || !branches->is_array()) return;
    const Place list = place.At("Branches");
    for (size_t i = 0; i < branches->size(); ++i) {
      Machine(branches->elements()[i], list.At(i), assigned, machine_is_jsonata);
    }
  }

  // The paths in a part of a JSONPath state.
  void Paths(const Json& json, const Place& place, const Names& assigned, bool is_template) {
    if (json.is_array()) {
      for (size_t i = 0; i < json.size(); ++i) {
        Paths(json.elements()[i], place.At(i), assigned, is_template);
      }
    }
    if (!json.is_object()) return;
    for (const JsonMember& member : json.members()) {
      const absl::string_view key = member.key.AsString();
      const Place field = place.At(key);
      if (!is_template && IsOneOf(key, kPlainFields)) continue;
      if (!member.value.is_string()) {
        Paths(member.value, field, assigned, is_template || IsOneOf(key, kTemplateFields));
      } else if (absl::EndsWith(key, ".$") ||
                 (!is_template && (absl::EndsWith(key, "Path") || key == "Variable"))) {
        Mentions(VariablesInPath(member.value.AsString()), field, assigned);
      }
    }
  }

  // The expressions in a part of a JSONata state.
  void Expressions(const Json& json, const Place& place, const Names& assigned) {
    if (json.is_string()) {
      absl::string_view text = json.AsString();
      if (absl::ConsumePrefix(&text, "{%") && absl::ConsumeSuffix(&text, "%}")) {
        Mentions(VariablesInExpression(text), place, assigned);
      }
    } else if (json.is_array()) {
      for (size_t i = 0; i < json.size(); ++i) {
        Expressions(json.elements()[i], place.At(i), assigned);
      }
    } else if (json.is_object()) {
      for (const JsonMember& member : json.members()) {
        const absl::string_view key = member.key.AsString();
        if (!IsOneOf(key, kPlainFields)) Expressions(member.value, place.At(key), assigned);
      }
    }
  }

  void Mentions(const std::vector<absl::string_view>& names, const Place& place,
                const Names& assigned) {
    Names reported;
    for (const absl::string_view name : names) {
      if (assigned.contains(name) || !reported.insert(name).second) continue;
      const std::vector<absl::string_view> candidates(assigned.begin(), assigned.end());
      problems_->Warn(place, problem_code::kUnassignedVariable,
                      absl::StrCat("No state before this one assigns the variable ", Quoted(name),
                                   DidYouMean(name, candidates)));
    }
  }

  ProblemList* problems_;
  int64_t work_left_ = kWorkMax;
};

}  // namespace

void WarnOfUnassignedVariables(const Json& root, ProblemList* problems) {
  VariableWalk(problems).Machine(root, Place(), {}, TextOf(root, "QueryLanguage") == "JSONata");
}

}  // namespace millrace::asl
