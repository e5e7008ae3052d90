#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/base/asl_error.h"
#include "engine/expr/payload_template.h"
#include "engine/expr/scope.h"
#include "engine/json/json.h"

namespace millrace {

namespace choice_internal {
struct Condition;
}

// One Choice rule's condition in JSONPath mode: a comparison of a Variable, or And, Or, Not of
// such.
class ChoiceCondition {
 public:
  // `json` is the rule as written; Next, Comment, Assign and Output are left to the caller.
  // Problems have pointers below the rule.
  static ChoiceCondition Parse(const Json& json, std::vector<TemplateProblem>* problems);

  // Whether a field of this name tests something: "And", "NumericEqualsPath".
  static bool IsOperator(absl::string_view name);

  // A comparison with a value of another type is false, never an error; `IsNumeric: false` and its
  // kin hold for any other type. A Variable that selects nothing is {States.Runtime, "Invalid path
  // '$.a': ..."}, but for IsPresent.
  AslResult<bool> Holds(const Scope& scope) const;

 private:
  std::shared_ptr<const choice_internal::Condition> root_;
};

}  // namespace millrace
