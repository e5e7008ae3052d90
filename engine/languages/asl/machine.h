#pragma once

#include <optional>

#include "engine/json/json.h"
#include "engine/languages/asl/compilation.h"
#include "engine/languages/place.h"

namespace millrace::asl {

// Gives the machine at `place`, its states and those of its Parallel and Map states their indexes.
// Reports names that are taken or too long, and nothing else: what is malformed is skipped here.
void DeclareMachine(const Json& json, const Place& place, std::optional<StateIndex> owner,
                    Compilation* compilation);

// Reads the StartAt and States of a declared machine, and reports states that cannot be reached.
// The caller reads the other fields.
void DefineMachine(ObjectReader& fields, MachineIndex machine, Compilation* compilation);

// Defines the machine of a Parallel's branch or a Map's processor. nullopt, reported, if `json` is
// no object.
std::optional<MachineIndex> DefineInnerMachine(const Json& json, const Place& place,
                                               absl::string_view what, Compilation* compilation);

}  // namespace millrace::asl
