#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace millrace {

// Whose words a workflow's errors have. Both are the Amazon States Language; ASW, Tencent's
// Application Service Workflow, writes the names of classes without a dot and has fewer of them.
enum class Dialect { kStates, kAsw };

// The names that the language itself gives to errors: "States.Timeout", in ASW "StatesTimeout".
absl::Span<const absl::string_view> LanguageErrors(Dialect dialect);

// The name that stands for every error.
absl::string_view CatchAll(Dialect dialect);

// Whether the language itself gives this name to an error, and not whoever wrote a function.
bool IsLanguageError(Dialect dialect, absl::string_view name);

// The first of `error_equals`, the names of a Retry or Catch, that stands for the error `name`,
// which is as the engine and functions give it.
//
// In the States Language, States.TaskFailed is whatever a task fails with but a time-out, and
// nothing stands for States.Runtime: the definition itself is wrong. In ASW, StatesRuntime does, a
// class stands for all codes of Tencent's services that belong to it (StatesPermissions for
// "AuthFailure.TokenFailure"), and "States.Timeout" may be written for "StatesTimeout".
std::optional<size_t> FindErrorName(Dialect dialect, const std::vector<std::string>& error_equals,
                                    absl::string_view name);

// The name by which a workflow sees the engine's error: in ASW, "StatesTimeout" for
// "States.Timeout". Other names stay as they are.
std::string ErrorNameIn(Dialect dialect, absl::string_view name);

}  // namespace millrace
