#pragma once

#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/program/integrations.h"
#include "engine/program/program.h"

namespace millrace {

// What a Task's Resource says.
struct Resource {
  // A function's or workflow's name is "" if it is in Parameters.
  std::variant<FunctionTarget, ChildTarget, QueueTarget, UnservedTarget> target;
  bool wraps_invocation = false;
  std::string resource_type;  // "function"; of "arn:aws:states:::sns:publish", "sns"
  std::string action;         // "invoke", "startExecution.sync:2"
  CallPattern pattern = CallPattern::kRequestResponse;
  bool is_activity = false;
};

// Reads a Resource in one of the forms that name a function:
//   review
//   arn:aws:lambda:{region}:{account}:function:{name}[:{qualifier}]
//   arn:aws:states:::lambda:invoke        with the name in Parameters
//   qrn:qcs:asw:{region}:{appid}:sdk:json:qcloud:scf:Invoke/{name}[/{version}[/{namespace}]]
//   urn:fss:{region}:{project}:function:{package}:{name}[:{version}]
// and these that start a workflow:
//   arn:aws:states:::states:startExecution[.sync|.sync:2]   with the name in Parameters
//   qrn:qcs:asw:{region}:{appid}:http:json:flowmachine:{name}:{id}
// and these that name a queue of which workers take items:
//   queue:{name}
//   arn:aws:states:{region}:{account}:activity:{name}
// Region, account, package and namespace say where a function was in the cloud that a workflow
// comes from; here its name alone finds it.
//
// A Resource that only the cloud serves is read by its syntax, and gives an UnservedTarget:
//   arn:aws:states:::{service}:{action}[.sync|.sync:2|.waitForTaskToken]
//   arn:aws:states:::aws-sdk:{service}:{action}[.waitForTaskToken]
//   qrn:qcs:asw:{region}:{appid}:sdk:json:qcloud:{service}:{Action}
// and so does any other URI, and whatever holds a "${placeholder}" that is filled in when the
// definition is deployed. INVALID_ARGUMENT says which forms there are, or what is wrong with the
// name, the service's action or the way to wait for it.
absl::StatusOr<Resource> ParseResource(absl::string_view text);

// Reads Parameters.FunctionName: a name, `name:qualifier`, `{account}:function:name[:qualifier]`,
// or a function's whole ARN.
absl::StatusOr<FunctionTarget> ParseFunctionName(absl::string_view text);

// Whether a function may have this name: a letter, then at most 62 of letters, digits, '_' and '-'.
bool IsFunctionName(absl::string_view text);

// Whether a queue may have this name: 1 to 80 of A-Z a-z 0-9 _ . -
bool IsQueueName(absl::string_view text);

// Whether the text has a hole like "${Name}" or "<name>" that a tool fills in before it is used.
bool HasPlaceholder(absl::string_view text);

}  // namespace millrace
