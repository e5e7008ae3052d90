#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/expr/jsonata/value.h"

namespace millrace::jsonata_internal {

class Evaluation;

using Arguments = absl::InlinedVector<Value, 4>;

// What a function takes, as in `<s-nn?:s>`: a string, which is the context where it is left out, a
// number, and perhaps another one. The type of its result, behind the colon, is not checked.
class Signature {
 public:
  // `position` is where the text begins in the expression. Throws S0401 and S0402.
  static std::shared_ptr<const Signature> Parse(absl::string_view text, size_t position);

  // Whether the arguments are exactly as the signature has them, so that Fit() would not change
  // them: the quick way for most calls.
  bool Matches(absl::Span<const Value> arguments) const;
  // Completes arguments by the context, and wraps those that should be arrays. Throws T0410, T0411
  // and T0412.
  void Fit(Evaluation& evaluation, const Value& context, Arguments* arguments) const;

 private:
  struct Parameter {
    std::string types;      // one letter each, `m` for a missing one among them
    char type = 'x';        // 'a' is an array, '(' a choice
    std::string subtype;    // of an array: what its elements are; empty: anything
    char quantifier = ' ';  // '?', '+'
    bool uses_context = false;
  };

  class Matcher;

  size_t ParseParameter(absl::string_view text, size_t at, size_t position);
  [[noreturn]] void FailMatch(absl::string_view letters) const;
  Value FitArray(Evaluation& evaluation, const Parameter& parameter, char letter,
                 absl::string_view match, const Value& argument, size_t index) const;

  std::vector<Parameter> parameters_;
  bool is_plain_ = true;  // no parameter is optional or an array
};

}  // namespace millrace::jsonata_internal
