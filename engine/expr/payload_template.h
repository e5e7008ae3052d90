#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/base/asl_error.h"
#include "engine/expr/jsonpath.h"
#include "engine/expr/scope.h"
#include "engine/json/json.h"

namespace millrace {

// A place in a definition where something is wrong.
struct TemplateProblem {
  std::string pointer;  // JSON pointer below the template's root, as in "/items/0/name.$"
  std::string message;
};

namespace template_internal {
struct Part;
}

// A payload template of JSONPath mode (Parameters, ResultSelector, ItemSelector, Assign): JSON in
// which a member `"key.$": "$.path"` is replaced by `"key": value`. A member's text may also be an
// intrinsic function call, "States.Format(...)". Parts without such members are shared, not copied.
class PayloadTemplate {
 public:
  // Adds what is wrong to `problems`; the result is then not to be evaluated.
  static PayloadTemplate Parse(const Json& json, std::vector<TemplateProblem>* problems);

  // States.ParameterPathFailure is not used by the real service: a path that selects nothing is
  // {States.Runtime, "The JSONPath '$.x' specified for the field 'value.$' could not be found in
  // the input '{...}'"}. A missing name below an indefinite path gives [].
  AslResult<Json> Evaluate(const Scope& scope) const;

 private:
  std::shared_ptr<const template_internal::Part> root_;
};

}  // namespace millrace
