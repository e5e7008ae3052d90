#pragma once

#include "engine/core/history_event.h"
#include "engine/program/program.h"
#include "engine/runtime/views.h"

namespace millrace {

// `event`, one that the history shows, as a caller sees it: the same for the API, the command line
// and whoever compares histories. The idempotency key is left to the caller, who knows the journal
// row that the event stands in.
HistoryEventView MakeHistoryEventView(const Program& program, const HistoryEvent& event);

}  // namespace millrace
