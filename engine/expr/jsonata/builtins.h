#pragma once

#include <cstddef>
#include <memory>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/expr/jsonata/signature.h"
#include "engine/expr/jsonata/value.h"

namespace millrace::jsonata_internal {

class Evaluation;
struct Frame;

// One call of a built-in function.
struct Call {
  Evaluation& evaluation;
  absl::Span<const Value> arguments;
  const Value& context;
  Frame* frame;

  // An argument that is not given is undefined.
  Value operator[](size_t i) const { return i < arguments.size() ? arguments[i] : Value(); }
};

using BuiltinCode = Value (*)(const Call& call);

enum class Availability { kAlways, kPlainOnly, kStatesLanguageOnly };

struct BuiltinEntry {
  absl::string_view name;
  BuiltinCode code;
  absl::string_view signature;
  size_t arity;
  Availability availability = Availability::kAlways;
};

struct Builtin {
  absl::string_view name;
  BuiltinCode code = nullptr;
  std::shared_ptr<const Signature> signature;
  size_t arity = 0;
};

// The function that `$name` means where nothing else is bound to it; nullptr where there is none.
const Function* FindBuiltin(absl::string_view name, bool is_states_language);

// What each file of functions has.
absl::Span<const BuiltinEntry> StringFunctions();
absl::Span<const BuiltinEntry> PatternFunctions();
absl::Span<const BuiltinEntry> EncodingFunctions();
absl::Span<const BuiltinEntry> NumberFunctions();
absl::Span<const BuiltinEntry> ArrayFunctions();
absl::Span<const BuiltinEntry> ObjectFunctions();
absl::Span<const BuiltinEntry> HigherOrderFunctions();
absl::Span<const BuiltinEntry> DateFunctions();
absl::Span<const BuiltinEntry> StatesFunctions();

}  // namespace millrace::jsonata_internal
