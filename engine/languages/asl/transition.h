#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "engine/languages/asl/compilation.h"

namespace millrace::asl {

// The state of `machine` that `field` names. nullopt if the field is absent, or wrong: that is
// reported, and the machine's flow is then not complete.
std::optional<StateIndex> ReadTarget(ObjectReader& fields, absl::string_view field,
                                     bool is_required, MachineIndex machine,
                                     Compilation* compilation);

// Says that not all transitions of the state are known.
void MarkIncomplete(const StateSource& source);

// Reads Next or End.
Transition ReadTransition(const StateSource& source);

}  // namespace millrace::asl
