#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/base/asl_error.h"
#include "engine/expr/jsonata/jsonata.h"
#include "engine/expr/payload_template.h"
#include "engine/json/json.h"

namespace millrace {

namespace jsonata_template_internal {
struct Part;
}

// What the expressions of a template see, and may take. All outlive the evaluation.
struct JsonataScope {
  absl::Span<const JsonataBinding> bindings;  // `$states` and the variables
  absl::Time now;
  uint64_t* random_state = nullptr;  // each evaluation draws its seed from it
  // The steps that all evaluations together may still take; below zero when one ran out of them.
  int64_t* steps_left = nullptr;
};

// Any JSON of JSONata mode (Arguments, Output, Assign, Items ...): a string from `{%` to `%}` is an
// expression, which its value replaces; all else stands for itself, and is shared, not copied.
class JsonataTemplate {
 public:
  // Whether the text is an expression, that is, between `{%` and `%}`.
  static bool IsExpression(absl::string_view text);

  // What is wrong with a text that begins as an expression or ends as one, and not both; "" for
  // any other text. Parse() reports it.
  static std::string HalfMarked(absl::string_view text);

  // Adds what is wrong to `problems`; the result is then not to be evaluated.
  static JsonataTemplate Parse(const Json& json, std::vector<TemplateProblem>* problems);

  // `field` is the template's own name: {States.QueryEvaluationError, "The JSONata expression '$x'
  // specified for the field 'Output/total' returned nothing (undefined)."}
  AslResult<Json> Evaluate(const JsonataScope& scope, absl::string_view field) const;

  // What the template says where it is a single expression, without `{% %}`; "" if it is not.
  const std::string& expression() const;
  bool is_constant() const;  // no expression in it
  // Whether an expression may look at $states.context, which costs something to make.
  bool may_use_context() const;

 private:
  std::shared_ptr<const jsonata_template_internal::Part> root_;
};

// "The JSONata expression 'E' specified for the field 'F' returned an unexpected result type.
// Expected 'array', but was 'number' for value: 1"
AslError UnexpectedType(const JsonataTemplate& written, absl::string_view field,
                        absl::string_view expected, const Json& value);

}  // namespace millrace
