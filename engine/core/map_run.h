#pragma once

#include <cstdint>
#include <optional>

#include "engine/core/evaluation.h"
#include "engine/core/event.h"
#include "engine/core/snapshot.h"

namespace millrace {

// The terms of a distributed Map's run, as the journal keeps them: what its fields came to when the
// state was entered. An object with those of:
//   Read                        what its items are read from (engine/tasks/item_reader.h)
//   Write                       where its results go (engine/tasks/result_writer.h)
//   MaxItemsPerBatch, MaxInputBytesPerBatch
//   ToleratedFailureCount, ToleratedFailurePercentage
//   Flatten                     true: results that are arrays become one array
//   Refusal                     why nothing can be read: the run fails by States.ItemReaderFailed

AslResult<Json> MakeRunTerms(const MapState& map, Evaluation& evaluation);

bool IsBatched(const Json& run);

// Whether the Map goes on with the items that have failed so far.
bool IsTolerated(const Frame& frame);

// The error of a run in which more items have failed.
AslError ToleranceExceeded();

// What a frame that waits for it has asked for.
ReadItems ReadingOf(const Frame& frame);
WriteResults WritingOf(const Frame& frame);

// The results of all batches that have succeeded, in order.
Json ResultsOf(const Frame& frame);

}  // namespace millrace
