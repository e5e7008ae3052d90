#include "service/convert/execution.h"

#include "absl/strings/str_cat.h"
#include "service/convert/times.h"
#include "service/convert/workflow.h"
#include "service/names.h"

namespace millrace::service {
namespace {

v1::Execution::State ToProto(ExecutionStatus status) {
  switch (status) {
    case ExecutionStatus::kRunning:
      return v1::Execution::RUNNING;
    case ExecutionStatus::kSucceeded:
      return v1::Execution::SUCCEEDED;
    case ExecutionStatus::kFailed:
      return v1::Execution::FAILED;
    case ExecutionStatus::kTimedOut:
      return v1::Execution::TIMED_OUT;
    case ExecutionStatus::kAborted:
      return v1::Execution::ABORTED;
    case ExecutionStatus::kQuarantined:
      return v1::Execution::QUARANTINED;
  }
  return v1::Execution::STATE_UNSPECIFIED;
}

std::optional<ExecutionStatus> FromProto(v1::Execution::State state, FieldChecks* checks) {
  switch (state) {
    case v1::Execution::STATE_UNSPECIFIED:
      return std::nullopt;
    case v1::Execution::RUNNING:
      return ExecutionStatus::kRunning;
    case v1::Execution::SUCCEEDED:
      return ExecutionStatus::kSucceeded;
    case v1::Execution::FAILED:
      return ExecutionStatus::kFailed;
    case v1::Execution::TIMED_OUT:
      return ExecutionStatus::kTimedOut;
    case v1::Execution::ABORTED:
      return ExecutionStatus::kAborted;
    case v1::Execution::QUARANTINED:
      return ExecutionStatus::kQuarantined;
    default:
      checks->Add("state", absl::StrCat("is a State, and ", static_cast<int>(state), " is none"));
      return std::nullopt;
  }
}

// StartExecution and RunExecution ask for the same.
template <typename Request>
Executions::StartRequest StartFromProto(const Request& request, FieldChecks* checks) {
  if (!request.execution_id().empty()) {
    CheckExecutionId("execution_id", request.execution_id(), checks);
  }
  checks->NotNegative("revision", request.revision());
  checks->OptionalJson("input", request.input());
  checks->OptionalRequestId("request_id", request.request_id());
  return {.workflow = ParseWorkflowName("parent", request.parent(), checks),
          .revision = request.revision(),
          .execution_id = request.execution_id(),
          .input = request.input(),
          .request_id = request.request_id()};
}

}  // namespace

v1::Execution ToProto(const ExecutionView& view) {
  v1::Execution proto;
  proto.set_name(NameOf(view.id));
  proto.set_uid(view.key.uuid.ToString());
  proto.set_state(ToProto(view.status));
  proto.set_revision(static_cast<int32_t>(view.revision));
  proto.set_type(ToProto(view.type));
  *proto.mutable_start_time() = ToProto(view.started_at);
  if (view.ended_at.has_value()) *proto.mutable_end_time() = ToProto(*view.ended_at);
  proto.set_input(view.input);
  if (view.output.has_value()) proto.set_output(*view.output);
  proto.set_error(view.error);
  proto.set_cause(view.cause);
  for (const std::string& warning : view.warnings) proto.add_warnings(warning);
  return proto;
}

v1::MapItem ToProto(const ExecutionId& id, const MapItemView& view) {
  v1::MapItem proto;
  proto.set_name(MapItemName(id, view.item));
  proto.set_state_name(view.state_name);
  proto.set_parent(MapItemName(id, view.parent_item));
  proto.set_map_run_event_id(static_cast<int32_t>(view.map_run_event_id));
  proto.set_index(static_cast<int32_t>(view.index));
  proto.set_state(ToProto(view.status));
  *proto.mutable_start_time() = ToProto(view.started_at);
  if (view.ended_at.has_value()) *proto.mutable_end_time() = ToProto(*view.ended_at);
  proto.set_error(view.error);
  proto.set_cause(view.cause);
  return proto;
}

v1::HistoryEvent ToProto(const HistoryEventView& view) {
  v1::HistoryEvent proto;
  proto.set_event_id(static_cast<int32_t>(view.id));
  proto.set_previous_event_id(static_cast<int32_t>(view.previous_id));
  proto.set_type(view.type);
  *proto.mutable_event_time() = ToProto(view.at);
  proto.set_state_name(view.state_name);
  if (view.input.has_value()) proto.set_input(*view.input);
  if (view.output.has_value()) proto.set_output(*view.output);
  if (view.parameters.has_value()) proto.set_parameters(*view.parameters);
  if (view.error.has_value()) proto.set_error(*view.error);
  if (view.cause.has_value()) proto.set_cause(*view.cause);
  if (view.index.has_value()) proto.set_index(static_cast<int32_t>(*view.index));
  if (view.length.has_value()) proto.set_length(static_cast<int32_t>(*view.length));
  proto.set_resource(view.resource);
  proto.set_resource_type(view.resource_type);
  if (view.timeout_seconds.has_value()) {
    proto.set_timeout_seconds(static_cast<int32_t>(*view.timeout_seconds));
  }
  if (view.heartbeat_seconds.has_value()) {
    proto.set_heartbeat_seconds(static_cast<int32_t>(*view.heartbeat_seconds));
  }
  for (const auto& [name, value] : view.assigned_variables) {
    (*proto.mutable_assigned_variables())[name] = value;
  }
  if (view.location.has_value()) proto.set_location(*view.location);
  proto.set_idempotency_key(view.idempotency_key);
  return proto;
}

Executions::StartRequest FromProto(const v1::StartExecutionRequest& request, FieldChecks* checks) {
  return StartFromProto(request, checks);
}

Executions::StartRequest FromProto(const v1::RunExecutionRequest& request, FieldChecks* checks) {
  return StartFromProto(request, checks);
}

ExecutionsFilter FromProto(const v1::ListExecutionsRequest& request, FieldChecks* checks) {
  ExecutionsFilter filter{.workflow = ParseWorkflowName("parent", request.parent(), checks),
                          .status = FromProto(request.state(), checks),
                          .execution_id_prefix = request.execution_id_prefix()};
  if (!request.execution_id_prefix().empty() &&
      !IsExecutionIdPrefix(request.execution_id_prefix())) {
    checks->Add("execution_id_prefix", absl::StrCat("is the beginning of an execution's id, not ",
                                                    Quote(request.execution_id_prefix())));
  }
  if (request.has_started_after()) {
    filter.started_after = FromProto("started_after", request.started_after(), checks);
  }
  if (request.has_started_before()) {
    filter.started_before = FromProto("started_before", request.started_before(), checks);
  }
  if (filter.started_after.has_value() && filter.started_before.has_value() &&
      *filter.started_before <= *filter.started_after) {
    checks->Add("started_before", "is later than started_after");
  }
  return filter;
}

}  // namespace millrace::service
