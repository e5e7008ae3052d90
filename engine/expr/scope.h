#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "engine/json/json.h"

namespace millrace {

using Variables = absl::flat_hash_map<std::string, Json>;

// What an expression may refer to. All outlive the evaluation.
struct Scope {
  const Json* data = nullptr;            // `$`
  const Json* context = nullptr;         // `$$`, the context object
  const Variables* variables = nullptr;  // `$name`; nullptr where there are none
};

}  // namespace millrace
