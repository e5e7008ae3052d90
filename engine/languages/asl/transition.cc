#include "engine/languages/asl/transition.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/suggest.h"

namespace millrace::asl {
namespace {

std::string UnknownState(absl::string_view name, const DeclaredMachine& machine,
                         const Program& program) {
  if (program.FindState(name) != nullptr) {
    return absl::StrCat("The state ", Quoted(name),
                        " belongs to another machine; a transition stays within its own.");
  }
  std::vector<absl::string_view> names;
  if (machine.states.size() <= kCandidatesMax) {
    for (const auto& [known, index] : machine.states) names.push_back(known);
  }
  return absl::StrCat("There is no state ", Quoted(name), DidYouMean(name, names));
}

}  // namespace

std::optional<StateIndex> ReadTarget(ObjectReader& fields, absl::string_view field,
                                     bool is_required, MachineIndex machine,
                                     Compilation* compilation) {
  const bool is_present = fields.Has(field);
  const std::optional<std::string> name =
      is_required ? fields.RequireText(field) : fields.FindText(field);
  DeclaredMachine& declared = compilation->machines[static_cast<size_t>(machine)];
  if (name) {
    const auto found = declared.states.find(*name);
    if (found != declared.states.end()) return found->second;
    fields.Report(field, problem_code::kUnknownState,
                  UnknownState(*name, declared, compilation->program));
  }
  if (is_present || is_required) declared.is_complete = false;
  return std::nullopt;
}

void MarkIncomplete(const StateSource& source) {
  source.compilation.machines[static_cast<size_t>(source.machine)].is_complete = false;
}

Transition ReadTransition(const StateSource& source) {
  ObjectReader& fields = source.fields;
  const std::optional<bool> end = fields.FindBool("End");
  const bool is_no_end = end && !*end;
  if (is_no_end && fields.Has("Next")) {
    fields.Warn("End", problem_code::kIgnoredField,
                "'End' is true, or absent; beside 'Next' it says nothing.");
  } else if (is_no_end) {
    fields.Report("End", problem_code::kInvalidValue,
                  "'End' is true, or absent; a state that is not the end has 'Next'.");
    MarkIncomplete(source);
  } else if (!fields.OneOf({"Next", "End"}, /*is_required=*/true)) {
    MarkIncomplete(source);
  }
  return {.next = ReadTarget(fields, "Next", /*is_required=*/false, source.machine,
                             &source.compilation)};
}

}  // namespace millrace::asl
