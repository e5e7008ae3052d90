#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "db/pool.h"

namespace millrace::bench {

// What durability costs without an engine: rows per second of a loop on one connection that inserts
// `batch_rows` rows a statement, each statement a transaction, into a table like the journal.
absl::StatusOr<double> MeasureInserts(db::Pool& pool, int batch_rows, absl::Duration duration);

// How often a second a page can be written and synced, as PostgreSQL does it with its log: in turn,
// into a file in `folder` that has its full size already.
absl::StatusOr<double> MeasureSyncs(const std::string& folder, absl::Duration duration);

}  // namespace millrace::bench
