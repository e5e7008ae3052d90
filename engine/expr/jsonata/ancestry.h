#pragma once

#include "engine/expr/jsonata/syntax.h"

namespace millrace::jsonata_internal {

// How `%` finds its step. An ancestor that is not found inside a node is handed up: the node is
// "seeking" it. Within a path, the steps before the last one that seeks are asked from right to
// left; each name or wildcard among them is one level up.

// Hands what `child` is seeking on to `parent`.
void PushAncestry(Node* parent, const Node& child);
// Finds what the last step of the path is seeking among the steps before it.
void ResolveAncestry(Node* path);
// Finds the ancestors a predicate of `step` is seeking, which begin with the step itself.
void ResolvePredicateAncestry(Node* step, const Node& predicate);

}  // namespace millrace::jsonata_internal
