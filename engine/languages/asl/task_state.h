#pragma once

#include "engine/languages/asl/compilation.h"

namespace millrace::asl {

void ReadTaskState(const StateSource& source, State* state);

inline constexpr NumberRule kTimeoutRule{.min = 1, .max = 99999999};

// What every language's Task has: Resource with the name of what it calls, and Credentials.
TaskState ReadTask(const StateSource& source);
void CheckTimeouts(ObjectReader& fields, const TaskState& task);

}  // namespace millrace::asl
