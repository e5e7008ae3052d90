#pragma once

#include <cstdint>
#include <optional>

#include "engine/json/json.h"

namespace millrace {

// A state's data after each step of its data flow, for those who look into one state. What has not
// happened is absent. The names are those of the States Language's TestState.
struct Inspection {
  // JSONPath
  std::optional<Json> after_input_path;
  std::optional<Json> after_parameters;
  std::optional<Json> after_items_path;
  std::optional<Json> after_result_selector;
  std::optional<Json> after_result_path;
  // JSONata
  std::optional<Json> after_arguments;
  // both
  std::optional<Json> after_item_selector;  // of all items
  std::optional<Json> result;
  std::optional<int64_t> max_concurrency;
  std::optional<int64_t> tolerated_failure_count;
  std::optional<double> tolerated_failure_percentage;
};

}  // namespace millrace
