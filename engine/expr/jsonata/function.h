#pragma once

#include <cstddef>

#include "engine/expr/jsonata/value.h"

namespace millrace::jsonata_internal {

struct Builtin;
struct Node;

// What can be called. Regular expressions are functions, too: from a text to its first match.
struct Function {
  enum class Kind { kBuiltin, kLambda, kPartial, kComposition, kRegex, kNextMatch, kTransform };
  Kind kind = Kind::kBuiltin;
  const Builtin* builtin = nullptr;
  const Node* node = nullptr;       // a lambda, regex or transform
  Frame* frame = nullptr;           // where it was made
  Value input;                      // the context there; of kNextMatch, the text
  const Function* inner = nullptr;  // what is applied partially, or first
  const Function* outer = nullptr;  // what is applied to that one's result
  const Value* bound = nullptr;     // the arguments of a partial application
  size_t bound_count = 0;
  size_t from = 0;  // of kNextMatch: the byte where to look on
};

}  // namespace millrace::jsonata_internal
