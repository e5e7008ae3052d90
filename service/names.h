#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "engine/base/ids.h"
#include "engine/core/history_event.h"
#include "engine/runtime/resource_names.h"
#include "service/checks.h"

namespace millrace::service {

// Ids are the parts of resource names that callers choose:
//   project              [a-z][a-z0-9-]{0,62}
//   workflow, function   [A-Za-z][A-Za-z0-9_-]{0,62}
//   execution            [A-Za-z0-9_.-]{1,80}, but not `.` or `..`; so is a request_id
// The errors and the protos say so too.
bool IsProjectId(absl::string_view id);
bool IsWorkflowId(absl::string_view id);
bool IsFunctionId(absl::string_view id);
bool IsExecutionId(absl::string_view id);
// What a filter on ids may begin with: nothing more than an id's characters and length.
bool IsExecutionIdPrefix(absl::string_view prefix);
bool IsWorkflowIdPrefix(absl::string_view prefix);

// Each reads a resource name from the request's `field`. One that is no such name adds a violation,
// and what comes back is not to be used.
std::string ParseProjectName(absl::string_view field, absl::string_view name, FieldChecks* checks);
WorkflowId ParseWorkflowName(absl::string_view field, absl::string_view name, FieldChecks* checks);
ExecutionId ParseExecutionName(absl::string_view field, absl::string_view name,
                               FieldChecks* checks);
// An execution's name, or one of an item of its distributed Maps, ".../mapItems/{map_item}"; `item`
// is its number, and 0 for the execution's.
ExecutionId ParseHistoryName(absl::string_view field, absl::string_view name, FrameId* item,
                             FieldChecks* checks);
FunctionId ParseFunctionName(absl::string_view field, absl::string_view name, FieldChecks* checks);

// The last part of a name that is to be created.
void CheckWorkflowId(absl::string_view field, absl::string_view id, FieldChecks* checks);
void CheckFunctionId(absl::string_view field, absl::string_view id, FieldChecks* checks);
void CheckExecutionId(absl::string_view field, absl::string_view id, FieldChecks* checks);

// The execution's own name for item 0.
std::string MapItemName(const ExecutionId& id, FrameId item);
std::string RevisionName(const WorkflowId& id, int64_t revision);

}  // namespace millrace::service
