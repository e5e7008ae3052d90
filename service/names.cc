#include "service/names.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace millrace::service {
namespace {

constexpr size_t kIdLengthMax = 63;
constexpr size_t kExecutionIdLengthMax = 80;
// Names that could be right are far shorter; the rest is not worth splitting.
constexpr size_t kNameLengthMax = 512;

constexpr absl::string_view kWorkflowIdRule =
    "is 1 to 63 letters, digits, '_' and '-', a letter first";

// The parts of `name` if it has the form of `pattern`: literal parts are the same, and each `*` is
// an id. Empty if it has not.
std::vector<std::string> Match(absl::string_view pattern, absl::string_view name) {
  if (name.size() > kNameLengthMax) return {};
  const std::vector<absl::string_view> wanted = absl::StrSplit(pattern, '/');
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  if (parts.size() != wanted.size()) return {};
  std::vector<std::string> ids;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (wanted[i] == "*") {
      ids.emplace_back(parts[i]);
    } else if (wanted[i] != parts[i]) {
      return {};
    }
  }
  return ids;
}

void AddBadName(absl::string_view field, absl::string_view form, absl::string_view name,
                FieldChecks* checks) {
  checks->Add(field, name.empty() ? absl::StrCat("is required: ", form)
                                  : absl::StrCat("is ", form, ", not ", Quote(name)));
}

}  // namespace

bool IsProjectId(absl::string_view id) {
  if (id.empty() || id.size() > kIdLengthMax || !absl::ascii_islower(id[0])) return false;
  for (const char c : id) {
    if (!absl::ascii_islower(c) && !absl::ascii_isdigit(c) && c != '-') return false;
  }
  return true;
}

bool IsWorkflowId(absl::string_view id) {
  if (id.empty() || id.size() > kIdLengthMax || !absl::ascii_isalpha(id[0])) return false;
  for (const char c : id) {
    if (!absl::ascii_isalnum(c) && c != '_' && c != '-') return false;
  }
  return true;
}

bool IsFunctionId(absl::string_view id) { return IsWorkflowId(id); }

bool IsExecutionId(absl::string_view id) {
  return id != "." && id != ".." && IsExecutionIdPrefix(id);
}

bool IsWorkflowIdPrefix(absl::string_view prefix) { return IsWorkflowId(prefix); }

bool IsExecutionIdPrefix(absl::string_view id) {
  if (id.empty() || id.size() > kExecutionIdLengthMax) return false;
  for (const char c : id) {
    if (!absl::ascii_isalnum(c) && c != '_' && c != '.' && c != '-') return false;
  }
  return true;
}

std::string ParseProjectName(absl::string_view field, absl::string_view name, FieldChecks* checks) {
  std::vector<std::string> ids = Match("projects/*", name);
  if (!ids.empty() && IsProjectId(ids[0])) return std::move(ids[0]);
  AddBadName(field, "projects/{project}", name, checks);
  return "";
}

WorkflowId ParseWorkflowName(absl::string_view field, absl::string_view name, FieldChecks* checks) {
  std::vector<std::string> ids = Match("projects/*/workflows/*", name);
  if (!ids.empty() && IsProjectId(ids[0]) && IsWorkflowId(ids[1])) {
    return {.project = std::move(ids[0]), .workflow = std::move(ids[1])};
  }
  AddBadName(field, "projects/{project}/workflows/{workflow}", name, checks);
  return {};
}

ExecutionId ParseExecutionName(absl::string_view field, absl::string_view name,
                               FieldChecks* checks) {
  std::vector<std::string> ids = Match("projects/*/workflows/*/executions/*", name);
  if (!ids.empty() && IsProjectId(ids[0]) && IsWorkflowId(ids[1]) && IsExecutionId(ids[2])) {
    return {.workflow = {.project = std::move(ids[0]), .workflow = std::move(ids[1])},
            .execution = std::move(ids[2])};
  }
  AddBadName(field, "projects/{project}/workflows/{workflow}/executions/{execution}", name, checks);
  return {};
}

FunctionId ParseFunctionName(absl::string_view field, absl::string_view name, FieldChecks* checks) {
  std::vector<std::string> ids = Match("projects/*/functions/*", name);
  if (!ids.empty() && IsProjectId(ids[0]) && IsFunctionId(ids[1])) {
    return {.project = std::move(ids[0]), .function = std::move(ids[1])};
  }
  AddBadName(field, "projects/{project}/functions/{function}", name, checks);
  return {};
}

void CheckWorkflowId(absl::string_view field, absl::string_view id, FieldChecks* checks) {
  if (IsWorkflowId(id)) return;
  checks->Add(field, id.empty() ? absl::StrCat("is required, and ", kWorkflowIdRule)
                                : absl::StrCat(kWorkflowIdRule, ", not ", Quote(id)));
}

void CheckFunctionId(absl::string_view field, absl::string_view id, FieldChecks* checks) {
  CheckWorkflowId(field, id, checks);
}

std::string RevisionName(const WorkflowId& id, int64_t revision) {
  return absl::StrCat(NameOf(id), "/revisions/", revision);
}

}  // namespace millrace::service
