#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/json/json.h"

namespace millrace {

// What is wrong with `result` as an answer of the service that `resource` names, as in "Field
// 'StatusCode' must be a number". With `is_strict`, fields that the service always gives may not be
// missing. Nothing is wrong with answers of services that are not known.
std::optional<std::string> FindSchemaProblem(absl::string_view resource, const Json& result,
                                             bool is_strict);

}  // namespace millrace
