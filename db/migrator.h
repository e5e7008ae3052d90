#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "db/pool.h"

namespace millrace::db {

// One file of migrations/: NNNN_subject.sql.
struct Migration {
  int version;
  absl::string_view name;  // "0001_workflows"
  absl::string_view sql;
};

// Those that this binary was built with, by version, without gaps. Generated from migrations/.
const std::vector<Migration>& EmbeddedMigrations();

struct MigrationReport {
  int version = 0;  // the database's, now
  int applied = 0;  // by this call
};

// Brings the database up to the last of `migrations`, each in a transaction of its own that also
// records it in schema_migrations. Any number of nodes may do this at once: a transaction's
// advisory lock, which also works behind a pooler, lets one go on and the others find it done.
// Fails with FAILED_PRECONDITION, and changes nothing, when a migration that was applied is not the
// one that this binary knows by its number, or when the database is newer than the binary.
absl::StatusOr<MigrationReport> Migrate(
    Pool& pool, const std::vector<Migration>& migrations = EmbeddedMigrations());

// Whether the database has just those migrations, without changing it: FAILED_PRECONDITION says
// what to do.
absl::Status CheckSchema(Pool& pool,
                         const std::vector<Migration>& migrations = EmbeddedMigrations());

}  // namespace millrace::db
