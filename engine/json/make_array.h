#pragma once

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "engine/json/json.h"

namespace millrace {

// An array of what `make` gives for 0 to `count` - 1, in this order. Each is made where it stays,
// so it needs no second place. `make` may throw.
Json MakeJsonArray(size_t count, absl::FunctionRef<Json(size_t)> make);

}  // namespace millrace
