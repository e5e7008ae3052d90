#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/ids.h"

namespace millrace {

// Resource names, as the API and its errors have them.
inline std::string NameOf(const WorkflowId& id) {
  return absl::StrCat("projects/", id.project, "/workflows/", id.workflow);
}
inline std::string NameOf(const ExecutionId& id) {
  return absl::StrCat(NameOf(id.workflow), "/executions/", id.execution);
}
inline std::string NameOf(const FunctionId& id) {
  return absl::StrCat("projects/", id.project, "/functions/", id.function);
}

}  // namespace millrace
