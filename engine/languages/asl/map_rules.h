#pragma once

#include "engine/json/json.h"
#include "engine/languages/place.h"
#include "engine/languages/problem_list.h"

namespace millrace::asl {

// Checks what a Map state says of its distributed form: ItemReader, ItemBatcher, ResultWriter,
// Label, and how many failures it tolerates. It holds whether or not the form is run here.
void CheckMapRules(const Json& map, const Place& place, bool is_jsonata, ProblemList* problems);

}  // namespace millrace::asl
