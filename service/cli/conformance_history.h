#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/core/history_event.h"
#include "engine/json/json.h"
#include "engine/program/program.h"
#include "service/cli/pattern.h"

namespace millrace::cli {

// The history in the form of a case's `expected_history`.
std::vector<Json> DescribeHistory(const Program& program, const std::vector<HistoryEvent>& history);

// Level 2: types, states and iterations in order, or as a multiset where branches run beside each
// other; and the second state.
std::optional<std::string> FindSequenceDifference(const Json& json,
                                                  const std::vector<Json>& events);

// Level 3 with kAnyString, which leaves out causes; with kEqual, level 4.
std::optional<std::string> FindEventDifference(const Json& json, const std::vector<Json>& events,
                                               SoftTexts soft_texts);

}  // namespace millrace::cli
