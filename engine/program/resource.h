#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/program/program.h"

namespace millrace {

// What a Task's Resource says.
struct Resource {
  FunctionTarget target;  // without a name where Parameters have it: wraps_invocation
  bool wraps_invocation = false;
  std::string resource_type;  // "function", or "lambda" for "arn:aws:states:::lambda:invoke"
};

// Reads a Resource in one of the forms that name a function:
//   review
//   arn:aws:lambda:{region}:{account}:function:{name}[:{qualifier}]
//   arn:aws:states:::lambda:invoke        with the name in Parameters
//   qrn:qcs:asw:{region}:{appid}:sdk:json:qcloud:scf:Invoke/{name}[/{version}[/{namespace}]]
//   urn:fss:{region}:{project}:function:{package}:{name}[:{version}]
// Region, account, package and namespace say where a function was in the cloud that a workflow
// comes from; here its name alone finds it. INVALID_ARGUMENT says which forms there are, or what is
// wrong with the name.
absl::StatusOr<Resource> ParseResource(absl::string_view text);

// Reads Parameters.FunctionName: a name, `name:qualifier`, `{account}:function:name[:qualifier]`,
// or a function's whole ARN.
absl::StatusOr<FunctionTarget> ParseFunctionName(absl::string_view text);

// Whether a function may have this name: a letter, then at most 62 of letters, digits, '_' and '-'.
bool IsFunctionName(absl::string_view text);

}  // namespace millrace
