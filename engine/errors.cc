#include "engine/errors.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"

namespace millrace::errors {
namespace {

constexpr absl::string_view kTypePrefix = "type.googleapis.com/";

template <typename Message>
void Attach(const Message& message, absl::Status* status) {
  status->SetPayload(absl::StrCat(kTypePrefix, Message::descriptor()->full_name()),
                     absl::Cord(message.SerializeAsString()));
}

absl::Status Make(absl::StatusCode code, absl::string_view reason, absl::string_view message,
                  std::vector<std::pair<std::string, std::string>> metadata = {}) {
  absl::Status status(code, message);
  google::rpc::ErrorInfo info;
  info.set_domain("millrace");
  info.set_reason(std::string(reason));
  for (auto& [key, value] : metadata) (*info.mutable_metadata())[key] = value;
  Attach(info, &status);
  return status;
}

absl::Status WithViolations(absl::StatusCode code, absl::string_view reason,
                            const std::vector<FieldViolation>& violations) {
  std::string message = violations.empty()
                            ? std::string("the request is invalid")
                            : absl::StrCat(violations[0].field, ": ", violations[0].description);
  if (violations.size() > 1) {
    absl::StrAppend(&message, " (and ", violations.size() - 1, " more)");
  }
  absl::Status status = Make(code, reason, message);
  google::rpc::BadRequest bad_request;
  for (const FieldViolation& violation : violations) {
    auto* field = bad_request.add_field_violations();
    field->set_field(violation.field);
    field->set_description(violation.description);
  }
  Attach(bad_request, &status);
  return status;
}

absl::Status WithRetry(absl::Status status, int64_t seconds) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(seconds);
  Attach(retry, &status);
  return status;
}

absl::Status NotFound(absl::string_view kind, absl::string_view reason, absl::string_view name) {
  return Make(absl::StatusCode::kNotFound, reason,
              absl::StrCat(kind, " '", name, "' does not exist"),
              {{"resource", std::string(name)}});
}

absl::Status Exists(absl::string_view reason, absl::string_view name, absl::string_view message) {
  return Make(absl::StatusCode::kAlreadyExists, reason, message, {{"resource", std::string(name)}});
}

}  // namespace

absl::Status InvalidArgument(std::vector<FieldViolation> violations) {
  return WithViolations(absl::StatusCode::kInvalidArgument, "INVALID_FIELD", violations);
}

absl::Status InvalidDefinition(std::vector<FieldViolation> violations) {
  return WithViolations(absl::StatusCode::kInvalidArgument, "INVALID_DEFINITION", violations);
}

absl::Status WorkflowNotFound(absl::string_view name) {
  return NotFound("workflow", "WORKFLOW_NOT_FOUND", name);
}

absl::Status WorkflowAlreadyExists(absl::string_view name) {
  return Exists("WORKFLOW_ALREADY_EXISTS", name,
                absl::StrCat("workflow '", name, "' exists already"));
}

absl::Status RevisionNotFound(absl::string_view name, int64_t revision) {
  return Make(absl::StatusCode::kNotFound, "REVISION_NOT_FOUND",
              absl::StrCat("workflow '", name, "' has no revision ", revision),
              {{"resource", std::string(name)}, {"revision", absl::StrCat(revision)}});
}

absl::Status RevisionNotRunnable(absl::string_view name, int64_t revision,
                                 absl::string_view problem) {
  return Make(
      absl::StatusCode::kFailedPrecondition, "REVISION_NOT_RUNNABLE",
      absl::StrCat("revision ", revision, " of workflow '", name,
                   "' was accepted, and cannot be run by this version of the server: ", problem),
      {{"resource", std::string(name)}, {"revision", absl::StrCat(revision)}});
}

absl::Status ExecutionNotFound(absl::string_view name) {
  return NotFound("execution", "EXECUTION_NOT_FOUND", name);
}

absl::Status MapItemNotFound(absl::string_view name) {
  return NotFound("item of a distributed Map", "MAP_ITEM_NOT_FOUND", name);
}

absl::Status ExecutionAlreadyExists(absl::string_view name) {
  return Exists("EXECUTION_ALREADY_EXISTS", name,
                absl::StrCat("execution '", name,
                             "' exists already, with another input or another revision"));
}

absl::Status ExecutionEnded(absl::string_view name) {
  return Make(absl::StatusCode::kFailedPrecondition, "EXECUTION_ENDED",
              absl::StrCat("execution '", name, "' has ended"), {{"resource", std::string(name)}});
}

absl::Status ExecutionQuarantined(absl::string_view name) {
  return Make(absl::StatusCode::kFailedPrecondition, "EXECUTION_QUARANTINED",
              absl::StrCat("execution '", name,
                           "' is quarantined: an operator has to release it, by ReleaseExecution"),
              {{"resource", std::string(name)}});
}

absl::Status ExecutionNotQuarantined(absl::string_view name) {
  return Make(
      absl::StatusCode::kFailedPrecondition, "EXECUTION_NOT_QUARANTINED",
      absl::StrCat("execution '", name, "' is not quarantined: there is nothing to release"),
      {{"resource", std::string(name)}});
}

absl::Status FunctionNotFound(absl::string_view name) {
  return NotFound("function", "FUNCTION_NOT_FOUND", name);
}

absl::Status FunctionAlreadyExists(absl::string_view name) {
  return Exists("FUNCTION_ALREADY_EXISTS", name,
                absl::StrCat("function '", name, "' exists already"));
}

absl::Status FunctionsNotFound(std::vector<FieldViolation> violations) {
  return WithViolations(absl::StatusCode::kInvalidArgument, "FUNCTION_NOT_FOUND", violations);
}

absl::Status EtagMismatch(absl::string_view name) {
  return Make(absl::StatusCode::kAborted, "ETAG_MISMATCH",
              absl::StrCat("'", name, "' has changed since this etag was read"),
              {{"resource", std::string(name)}});
}

absl::Status RequestIdReused(absl::string_view request_id) {
  return WithViolations(
      absl::StatusCode::kInvalidArgument, "REQUEST_ID_REUSED",
      {{"request_id",
        absl::StrCat("'", request_id, "' was used for another call in the last 24 hours")}});
}

absl::Status TooManyRequests(absl::string_view what) {
  return WithRetry(Make(absl::StatusCode::kResourceExhausted, "TOO_MANY_REQUESTS",
                        absl::StrCat("too many ", what, " are under way")),
                   1);
}

absl::Status DatabaseUnavailable() {
  return WithRetry(Make(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE",
                        "the database cannot be reached"),
                   1);
}

absl::Status ShuttingDown() {
  return WithRetry(
      Make(absl::StatusCode::kUnavailable, "SHUTTING_DOWN", "the server is shutting down"), 1);
}

absl::Status Internal() {
  return Make(absl::StatusCode::kInternal, "INTERNAL",
              "the server failed to handle the request: its log says why");
}

std::string ReasonOf(const absl::Status& status) {
  const auto payload = status.GetPayload(
      absl::StrCat(kTypePrefix, google::rpc::ErrorInfo::descriptor()->full_name()));
  google::rpc::ErrorInfo info;
  if (!payload.has_value() || !info.ParseFromString(std::string(*payload))) return "";
  return info.reason();
}

}  // namespace millrace::errors
