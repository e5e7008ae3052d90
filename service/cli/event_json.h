#pragma once

#include "absl/strings/string_view.h"
#include "engine/core/history_event.h"
#include "engine/json/json.h"
#include "engine/runtime/history_view.h"

namespace millrace::cli {

// The event under the API's names; but inputs, outputs, parameters and variables are values here
// instead of texts.
Json EventToJson(const HistoryEventView& event);

// "SUCCEEDED", "FAILED", "TIMED_OUT" or "ABORTED": what the terminal event makes of an execution.
absl::string_view StatusName(EventType terminal);

}  // namespace millrace::cli
