#pragma once

#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/base/asl_error.h"
#include "engine/expr/intrinsics.h"
#include "engine/expr/jsonpath.h"
#include "engine/expr/scope.h"
#include "engine/json/json.h"

namespace millrace {

// What a field whose name ends in `.$` or `Path` may hold: a JSONPath or an intrinsic function
// call.
class Expression {
 public:
  // INVALID_ARGUMENT for what is neither.
  static absl::StatusOr<Expression> Parse(absl::string_view text);

  // `field` is for the error's text only.
  AslResult<Json> Evaluate(const Scope& scope, absl::string_view field) const;
  const JsonPath* path() const { return std::get_if<JsonPath>(&value_); }

 private:
  explicit Expression(JsonPath path) : value_(std::move(path)) {}
  explicit Expression(IntrinsicCall call) : value_(std::move(call)) {}
  std::variant<JsonPath, IntrinsicCall> value_;
};

// What an evaluation gives that has run out of what its scope's may look at: of no meaning to
// anybody, as that scope says.
AslError LooksAtTooMuch();
AslError MakesTooMuch();

// The value, or {States.Runtime, "The JSONPath '$.x' specified for the field 'value.$' could not be
// found in the input '{...}'"}.
AslResult<Json> EvaluatePath(const JsonPath& path, const Scope& scope, absl::string_view field);

}  // namespace millrace
