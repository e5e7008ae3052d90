#pragma once

#include "engine/runtime/executions.h"
#include "engine/runtime/views.h"
#include "millrace/v1/execution.pb.h"
#include "service/checks.h"

namespace millrace::service {

v1::Execution ToProto(const ExecutionView& view);
v1::MapItem ToProto(const ExecutionId& id, const MapItemView& view);
v1::HistoryEvent ToProto(const HistoryEventView& view);

// Each adds a violation for every field that is wrong.
Executions::StartRequest FromProto(const v1::StartExecutionRequest& request, FieldChecks* checks);
Executions::StartRequest FromProto(const v1::RunExecutionRequest& request, FieldChecks* checks);
ExecutionsFilter FromProto(const v1::ListExecutionsRequest& request, FieldChecks* checks);

}  // namespace millrace::service
