#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// Every error that a caller of the API can get: one function per reason. Each carries
// google.rpc.ErrorInfo (domain "millrace", a stable reason, the values its message names) and,
// when fields are at fault, google.rpc.BadRequest with all of them, as payloads of the status.
// docs/errors.md lists reason, code, cause and remedy.
namespace millrace::errors {

struct FieldViolation {
  std::string field;        // as in "workflow.definition" or "page_token"
  std::string description;  // the rule, and what was given where that helps
};

absl::Status InvalidArgument(std::vector<FieldViolation> violations);    // INVALID_FIELD
absl::Status InvalidDefinition(std::vector<FieldViolation> violations);  // INVALID_DEFINITION
absl::Status WorkflowNotFound(absl::string_view name);
absl::Status WorkflowAlreadyExists(absl::string_view name);
absl::Status RevisionNotFound(absl::string_view name, int64_t revision);
// It was accepted before, and this version of the server cannot compile it: FAILED_PRECONDITION.
absl::Status RevisionNotRunnable(absl::string_view name, int64_t revision,
                                 absl::string_view problem);
absl::Status ExecutionNotFound(absl::string_view name);
absl::Status MapItemNotFound(absl::string_view name);
// The id belongs to an execution with another input or another revision.
absl::Status ExecutionAlreadyExists(absl::string_view name);
absl::Status ExecutionEnded(absl::string_view name);           // FAILED_PRECONDITION
absl::Status ExecutionQuarantined(absl::string_view name);     // FAILED_PRECONDITION
absl::Status ExecutionNotQuarantined(absl::string_view name);  // FAILED_PRECONDITION
absl::Status FunctionNotFound(absl::string_view name);
absl::Status FunctionAlreadyExists(absl::string_view name);
absl::Status FunctionsNotFound(std::vector<FieldViolation> violations);  // a definition's Resources
absl::Status EtagMismatch(absl::string_view name);                       // ABORTED
absl::Status RequestIdReused(absl::string_view request_id);  // for another call: INVALID_ARGUMENT
absl::Status TooManyRequests(absl::string_view what);        // RESOURCE_EXHAUSTED with RetryInfo
absl::Status DatabaseUnavailable();                          // UNAVAILABLE with RetryInfo
absl::Status ShuttingDown();                                 // UNAVAILABLE with RetryInfo
absl::Status Internal();  // INTERNAL: our own logic failed, and the log says how

// The reason of a status made here; empty for any other.
std::string ReasonOf(const absl::Status& status);

}  // namespace millrace::errors
