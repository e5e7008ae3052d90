#pragma once

#include "engine/base/asl_error.h"
#include "engine/json/json.h"
#include "engine/tasks/object_store.h"

namespace millrace {

// Writes the results of a distributed Map below Prefix/{map run}/ of a bucket: SUCCEEDED_0 and
// FAILED_0 with what became of each batch, and manifest.json, which names them. `request` has:
//   MapRun           the run's name, which is the same when it is written again
//   Bucket, Prefix
//   OutputType       "JSON" or "JSONL"
//   Transformation   "NONE": each batch with what is known of it; "COMPACT": the outputs alone;
//                    "FLATTEN": the elements of outputs that are arrays
// `results` are the batches in order: {Index, Status, Output or Error and Cause}. The answer is the
// Map's result: {MapRunArn, ResultWriterDetails: {Bucket, Key}}. Errors are
// States.ResultWriterFailed. May block, as the store may.
AslResult<Json> WriteMapResults(ObjectStore& store, const Json& request, const Json& results);

}  // namespace millrace
