#include "service/names.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace millrace::service {
namespace {

constexpr size_t kIdLengthMax = 63;
constexpr size_t kExecutionIdLengthMax = 80;
// Names that could be right are far shorter; the rest is not worth splitting.
constexpr size_t kNameLengthMax = 512;

constexpr absl::string_view kProjectIdRule =
    "1 to 63 lower-case letters, digits and '-', a letter first";
constexpr absl::string_view kWorkflowIdRule =
    "1 to 63 letters, digits, '_' and '-', a letter first";
constexpr absl::string_view kExecutionIdRule =
    "1 to 80 of A-Z a-z 0-9 _ . -, and neither '.' nor '..'";

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

// One of a name's ids: what it is called, whether it may be this, and the rule.
struct IdRule {
  absl::string_view id;
  bool (*holds)(absl::string_view id);
  absl::string_view rule;
};
constexpr IdRule kProject{"project", IsProjectId, kProjectIdRule};
constexpr IdRule kWorkflow{"workflow", IsWorkflowId, kWorkflowIdRule};
constexpr IdRule kFunction{"function", IsFunctionId, kWorkflowIdRule};
constexpr IdRule kExecution{"execution", IsExecutionId, kExecutionIdRule};

// The ids of a name such as `projects/{project}/workflows/{workflow}`, which follow `rules` in
// turn. Empty, and a violation that names the rule which is broken, if it is no such name.
std::vector<std::string> ParseName(absl::string_view field, absl::string_view name,
                                   const std::vector<IdRule>& rules, FieldChecks* checks) {
  std::string pattern, form;
  for (const IdRule& rule : rules) {
    absl::StrAppend(&pattern, pattern.empty() ? "" : "/", rule.id, "s/*");
    absl::StrAppend(&form, form.empty() ? "" : "/", rule.id, "s/{", rule.id, "}");
  }
  std::vector<std::string> ids = Match(pattern, name);
  if (ids.empty()) {
    checks->Add(field, name.empty() ? absl::StrCat("is required: ", form)
                                    : absl::StrCat("is ", form, ", not ", Quote(name)));
    return {};
  }
  std::string broken;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].holds(ids[i])) continue;
    absl::StrAppend(&broken, broken.empty() ? "" : "; ", "{", rules[i].id, "} is ", rules[i].rule,
                    ", not ", Quote(ids[i]));
  }
  if (broken.empty()) return ids;
  checks->Add(field, absl::StrCat("is ", form, ": ", broken));
  return {};
}

void CheckId(absl::string_view field, const IdRule& rule, absl::string_view id,
             FieldChecks* checks) {
  if (rule.holds(id)) return;
  checks->Add(field, id.empty() ? absl::StrCat("is required, and is ", rule.rule)
                                : absl::StrCat("is ", rule.rule, "; not ", Quote(id)));
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
  std::vector<std::string> ids = ParseName(field, name, {kProject}, checks);
  return ids.empty() ? "" : std::move(ids[0]);
}

WorkflowId ParseWorkflowName(absl::string_view field, absl::string_view name, FieldChecks* checks) {
  std::vector<std::string> ids = ParseName(field, name, {kProject, kWorkflow}, checks);
  if (ids.empty()) return {};
  return {.project = std::move(ids[0]), .workflow = std::move(ids[1])};
}

ExecutionId ParseExecutionName(absl::string_view field, absl::string_view name,
                               FieldChecks* checks) {
  std::vector<std::string> ids = ParseName(field, name, {kProject, kWorkflow, kExecution}, checks);
  if (ids.empty()) return {};
  return {.workflow = {.project = std::move(ids[0]), .workflow = std::move(ids[1])},
          .execution = std::move(ids[2])};
}

ExecutionId ParseHistoryName(absl::string_view field, absl::string_view name, FrameId* item,
                             FieldChecks* checks) {
  constexpr absl::string_view kCollection = "/mapItems/";
  *item = 0;
  const size_t at = name.rfind(kCollection);
  if (at == absl::string_view::npos) return ParseExecutionName(field, name, checks);
  const absl::string_view number = name.substr(at + kCollection.size());
  if (!absl::SimpleAtoi(number, item) || *item < 1 || absl::StrCat(*item) != number) {
    checks->Add(field, absl::StrCat("is projects/{project}/workflows/{workflow}/executions/"
                                    "{execution}/mapItems/{map_item}, and {map_item} is a number "
                                    "from 1, not ",
                                    Quote(number)));
    return {};
  }
  return ParseExecutionName(field, name.substr(0, at), checks);
}

std::string MapItemName(const ExecutionId& id, FrameId item) {
  return item == 0 ? NameOf(id) : absl::StrCat(NameOf(id), "/mapItems/", item);
}

FunctionId ParseFunctionName(absl::string_view field, absl::string_view name, FieldChecks* checks) {
  std::vector<std::string> ids = ParseName(field, name, {kProject, kFunction}, checks);
  if (ids.empty()) return {};
  return {.project = std::move(ids[0]), .function = std::move(ids[1])};
}

void CheckWorkflowId(absl::string_view field, absl::string_view id, FieldChecks* checks) {
  CheckId(field, kWorkflow, id, checks);
}

void CheckFunctionId(absl::string_view field, absl::string_view id, FieldChecks* checks) {
  CheckId(field, kFunction, id, checks);
}

void CheckExecutionId(absl::string_view field, absl::string_view id, FieldChecks* checks) {
  CheckId(field, kExecution, id, checks);
}

std::string RevisionName(const WorkflowId& id, int64_t revision) {
  return absl::StrCat(NameOf(id), "/revisions/", revision);
}

}  // namespace millrace::service
