#pragma once

#include <optional>

#include "engine/program/program.h"
#include "engine/runtime/catalog_storage.h"
#include "engine/runtime/workflows.h"
#include "millrace/v1/workflow.pb.h"
#include "service/checks.h"

namespace millrace::service {

v1::Workflow ToProto(const WorkflowRow& row);  // without its definition
v1::Workflow ToProto(const WorkflowRow& row, const RevisionRow& revision);
v1::WorkflowRevision ToProto(const WorkflowId& id, const RevisionRow& row);
v1::DefinitionProblem ToProto(const Problem& problem);
v1::Workflow::Type ToProto(WorkflowType type);

// TYPE_UNSPECIFIED is STANDARD. A number that is none of the enum's adds a violation.
WorkflowType FromProto(absl::string_view field, v1::Workflow::Type type, FieldChecks* checks);

// Each adds a violation for every field that is wrong. A definition's own problems are the
// engine's.
Workflows::CreateRequest FromProto(const v1::CreateWorkflowRequest& request, FieldChecks* checks);
Workflows::UpdateRequest FromProto(const v1::UpdateWorkflowRequest& request, FieldChecks* checks);

}  // namespace millrace::service
