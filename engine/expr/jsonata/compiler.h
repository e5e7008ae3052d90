#pragma once

#include "engine/expr/jsonata/syntax.h"

namespace millrace::jsonata_internal {

// Turns the tree that Parse() made into the one that is evaluated, in place:
//   - chains of `.`, predicates, order-by and bindings become paths, which are lists of steps;
//   - each `%` is told to the step whose context it means;
//   - calls that a lambda ends with are marked, so that they need no stack;
//   - variables that nothing binds are told from those that something may.
// Throws Failure.
void Compile(Program* program);

}  // namespace millrace::jsonata_internal
