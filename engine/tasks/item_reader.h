#pragma once

#include "engine/base/asl_error.h"
#include "engine/json/json.h"
#include "engine/tasks/object_store.h"

namespace millrace {

// Reads the items of a distributed Map. `request` has:
//   Action             "getObject": the items in one object, or "listObjectsV2": the objects
//   Bucket             and Key, or Prefix
//   InputType          "JSON": an array; "JSONL": a JSON text in each line; "CSV"
//   CSVHeaderLocation  "FIRST_ROW", or "GIVEN" with CSVHeaders
//   CSVDelimiter       "COMMA", "PIPE", "SEMICOLON", "SPACE" or "TAB"
//   MaxItems           the first so many; absent: all
// The result is an array. Errors are States.ItemReaderFailed. May block, as the store may.
AslResult<Json> ReadMapItems(ObjectStore& store, const Json& request);

}  // namespace millrace
