#include "db/migrator.h"

#include <openssl/evp.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "db/rows.h"
#include "db/transaction.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"

namespace millrace::db {
namespace {

// Waiting for another node's migration takes as long as that needs; what a migration itself locks
// it must get at once, or else all who use the table queue up behind it.
constexpr Statement kLock{"migration.lock", R"sql(
  SELECT set_config('lock_timeout', '5min', true),
         set_config('statement_timeout', '0', true),
         pg_advisory_xact_lock(7102846193504),
         set_config('lock_timeout', '5s', true)
)sql"};

constexpr Statement kCreateTable{"migration.create_table", R"sql(
  CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer     NOT NULL,
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT schema_migrations_pkey PRIMARY KEY (version)
  )
)sql"};

constexpr Statement kReadApplied{"migration.read_applied", R"sql(
  SELECT version, name, checksum FROM schema_migrations ORDER BY version
)sql"};

constexpr Statement kFindTable{"migration.find_table", R"sql(
  SELECT to_regclass('schema_migrations') IS NOT NULL AS stands
)sql"};

constexpr Statement kRecord{"migration.record", R"sql(
  INSERT INTO schema_migrations (version, name, checksum) VALUES ($1::int4, $2::text, $3::text)
)sql"};

std::string Checksum(absl::string_view sql) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  MILLRACE_CHECK(EVP_Digest(sql.data(), sql.size(), digest, &size, EVP_sha256(), nullptr) == 1);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<char*>(digest), size));
}

absl::Status CheckApplied(const pqxx::result& applied, const std::vector<Migration>& migrations) {
  for (const pqxx::row& row : applied) {
    const int version = row["version"].as<int>();
    if (version < 1 || version > static_cast<int>(migrations.size())) {
      return absl::FailedPreconditionError(
          absl::StrCat("the database has migration ", version, " (", row["name"].c_str(),
                       "), but this binary knows only those up to ", migrations.size(),
                       ": run a newer millrace, or another database"));
    }
    const Migration& known = migrations[version - 1];
    if (row["checksum"].c_str() != Checksum(known.sql)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "migration ", known.name, " was applied to this database with another text (as ",
          row["name"].c_str(), "): a migration is never edited once it is released"));
    }
  }
  return absl::OkStatus();
}

// Applies the first migration that is missing, if there is one. True: one was.
absl::StatusOr<bool> ApplyNext(Session& session, const std::vector<Migration>& migrations) {
  session.Exec(kLock);
  session.Exec(kCreateTable);
  const pqxx::result applied = session.Exec(kReadApplied);
  MILLRACE_RETURN_IF_ERROR(CheckApplied(applied, migrations));
  const size_t done = applied.size();
  if (done == migrations.size()) return false;
  const Migration& next = migrations[done];
  Log(LogLevel::kInfo, "applying a migration", {{"migration", std::string(next.name)}});
  session.ExecScript(next.sql);
  session.Exec(kRecord, Params().Int4(next.version).Text(next.name).Text(Checksum(next.sql)));
  return true;
}

}  // namespace

absl::StatusOr<MigrationReport> Migrate(Pool& pool, const std::vector<Migration>& migrations) {
  for (size_t i = 0; i < migrations.size(); ++i) {
    MILLRACE_CHECK(migrations[i].version == static_cast<int>(i) + 1);
  }
  MigrationReport report{.version = static_cast<int>(migrations.size())};
  int retries_left = 5;
  for (;;) {
    const absl::StatusOr<bool> applied =
        RunTransaction(pool, [&](Session& session) { return ApplyNext(session, migrations); });
    if (absl::IsAborted(applied.status()) && retries_left-- > 0) continue;
    MILLRACE_RETURN_IF_ERROR(applied.status());
    if (!*applied) return report;
    ++report.applied;
  }
}

absl::Status CheckSchema(Pool& pool, const std::vector<Migration>& migrations) {
  return RunTransaction(pool,
                        [&](Session& session) -> absl::StatusOr<bool> {
                          const bool stands = BoolOf(session.Exec(kFindTable).at(0)["stands"]);
                          const pqxx::result applied =
                              stands ? session.Exec(kReadApplied) : pqxx::result();
                          MILLRACE_RETURN_IF_ERROR(CheckApplied(applied, migrations));
                          if (applied.size() == migrations.size()) return true;
                          return absl::FailedPreconditionError(absl::StrCat(
                              "the database has ", applied.size(), " of the ", migrations.size(),
                              " migrations that this binary needs: run 'millrace migrate'"));
                        })
      .status();
}

}  // namespace millrace::db
