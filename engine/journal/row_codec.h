#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/core/history_event.h"
#include "engine/core/snapshot.h"
#include "engine/program/program.h"

namespace millrace {

// The journal format that this binary writes; it reads all up to it.
constexpr int kJournalFormat = 1;
// What a row may hold, not packed.
constexpr size_t kPlainRowBytesMax = 256u << 20;

// The bytes of one journal row: one byte that says how the rest is kept (0 plain, 1 zstd), a
// checksum (CRC-32 of that byte and the rest), then a serialized millrace.journal.v1.Row. `last_id`
// is the history id before the first event. RESOURCE_EXHAUSTED for more than `bytes_max` before it
// is packed: what is larger could not be read again.
absl::StatusOr<std::string> EncodeRow(const std::vector<HistoryEvent>& events, int64_t last_id,
                                      size_t bytes_max = kPlainRowBytesMax);

using HistorySink = std::function<void(const HistoryEvent&)>;

// Applies the events of one row to `snapshot`, one by one, after giving each to `sink`, if there is
// one. Empty bytes are a row that only fences. DATA_LOSS for bytes that are no row, UNIMPLEMENTED
// for a newer format. Throws BrokenInvariant for events that do not fit the snapshot.
absl::Status FoldRow(const Program& program, int format, absl::string_view bytes,
                     Snapshot* snapshot, const HistorySink& sink = nullptr);

}  // namespace millrace
