#include "db/pg_storage.h"
#include "db/rows.h"
#include "db/transaction.h"

namespace millrace::db {
namespace {

// What every claim does to the rows that `claimed` has locked. A mark that still stands tells that
// whoever took the execution up died before its fence: a loss, unless it was this very node. Rows
// with losses wait in line, where a death says nothing of them: their mark comes with their turn.
#define TAKE_UP                                                                         \
  "UPDATE executions e\n"                                                               \
  "   SET owner    = $1::uuid,\n"                                                       \
  "       wake_at  = NULL,\n"                                                           \
  "       claims   = e.claims + 1,\n"                                                   \
  "       losses   = e.losses\n"                                                        \
  "                  + (e.unfenced AND e.owner IS DISTINCT FROM $1::uuid)::int4,\n"     \
  "       unfenced = CASE WHEN e.unfenced THEN e.owner IS NOT DISTINCT FROM $1::uuid\n" \
  "                       ELSE e.losses = 0 END\n"                                      \
  "  FROM claimed\n"                                                                    \
  " WHERE e.execution_key = claimed.execution_key\n"                                    \
  "RETURNING e.execution_key, e.claims, e.losses\n"

// SKIP LOCKED, so that nodes share the work instead of waiting for each other.
constexpr Statement kClaimDue{"execution.claim_due", R"sql(
  WITH claimed AS MATERIALIZED (
    SELECT execution_key
      FROM executions
     WHERE owner IS NULL AND wake_at <= now()
     ORDER BY wake_at
     LIMIT $2::int4
       FOR UPDATE SKIP LOCKED
  )
)sql" TAKE_UP};

// Owners are found by leaps through the index of owners, from each to the next greater one: a few
// steps however many rows the living hold.
constexpr Statement kClaimLost{"execution.claim_lost", R"sql(
  WITH RECURSIVE owners AS (
    (SELECT owner FROM executions WHERE owner IS NOT NULL ORDER BY owner LIMIT 1)
    UNION ALL
    SELECT (SELECT e.owner FROM executions e WHERE e.owner > o.owner ORDER BY e.owner LIMIT 1)
      FROM owners o
     WHERE o.owner IS NOT NULL
  ), claimed AS MATERIALIZED (
    SELECT execution_key
      FROM executions
     WHERE owner = ANY (ARRAY(
             SELECT o.owner FROM owners o
              WHERE o.owner IS NOT NULL AND o.owner <> ALL ($2::uuid[])))
     LIMIT $3::int4
       FOR UPDATE SKIP LOCKED
  )
)sql" TAKE_UP};

constexpr Statement kClaimKeys{"execution.claim_keys", R"sql(
  WITH claimed AS MATERIALIZED (
    SELECT execution_key
      FROM executions
     WHERE execution_key = ANY ($2::uuid[])
       AND (owner = $1::uuid
            OR (owner IS NULL AND (wake_at IS NOT NULL OR status = 'running')))
     ORDER BY execution_key
       FOR UPDATE SKIP LOCKED
  )
)sql" TAKE_UP};

#undef TAKE_UP

// One row at least, for the token.
constexpr Statement kReadOwned{"execution.read_owned", R"sql(
  SELECT t.token, unix_micros(clock_timestamp()) AS now, e.execution_key, e.claims, e.losses
    FROM (SELECT database_token() AS token) t
    LEFT JOIN executions e ON e.owner = $1::uuid
)sql"};

constexpr Statement kMarkTakenUp{"execution.mark_taken_up", R"sql(
  UPDATE executions
     SET unfenced = true
   WHERE execution_key = $2::uuid AND owner = $1::uuid AND claims = $3::int8
)sql"};

constexpr Statement kRelease{"execution.release", R"sql(
  WITH released AS MATERIALIZED (
    SELECT execution_key
      FROM executions
     WHERE execution_key = ANY ($2::uuid[]) AND owner = $1::uuid
     ORDER BY execution_key
       FOR UPDATE
  )
  UPDATE executions e
     SET owner = NULL, wake_at = now() + $3::int8 * interval '1 microsecond', unfenced = false
    FROM released
   WHERE e.execution_key = released.execution_key
)sql"};

constexpr Statement kQuarantine{"execution.quarantine", R"sql(
  UPDATE executions
     SET status = 'quarantined', owner = NULL, wake_at = NULL, unfenced = false, error = $3::text
   WHERE execution_key = $2::uuid AND owner = $1::uuid AND status = 'running'
)sql"};

Claim ClaimOf(const pqxx::row& row) {
  return {.key = {UuidOf(row["execution_key"])},
          .claims = row["claims"].as<int64_t>(),
          .losses = row["losses"].as<int>()};
}

absl::StatusOr<std::vector<Claim>> RunClaim(Pool& pool, const Statement& statement,
                                            const Params& params) {
  return RunStatement(pool, Effect::kCommits, [&](Session& session) {
    std::vector<Claim> claims;
    for (const pqxx::row& row : session.Exec(statement, params)) claims.push_back(ClaimOf(row));
    return claims;
  });
}

}  // namespace

absl::StatusOr<std::vector<Claim>> PgStorage::ClaimDue(const NodeIncarnation& me, int limit) {
  return RunClaim(pool_, kClaimDue, Params().Uuid(me.uuid).Int4(limit));
}

absl::StatusOr<std::vector<Claim>> PgStorage::ClaimLost(const NodeIncarnation& me,
                                                        const std::vector<NodeIncarnation>& alive,
                                                        int limit) {
  return RunClaim(pool_, kClaimLost, Params().Uuid(me.uuid).Array(UuidArray(alive)).Int4(limit));
}

absl::StatusOr<std::vector<Claim>> PgStorage::ClaimKeys(const NodeIncarnation& me,
                                                        const std::vector<ExecutionKey>& keys) {
  return RunClaim(pool_, kClaimKeys, Params().Uuid(me.uuid).Array(UuidArray(keys)));
}

absl::StatusOr<ExecutionStorage::Owned> PgStorage::ReadOwned(const NodeIncarnation& me) {
  return RunStatement(pool_, Effect::kNone, [&](Session& session) {
    const pqxx::result rows = session.Exec(kReadOwned, Params().Uuid(me.uuid));
    Owned owned{.token = rows.at(0)["token"].c_str(), .now = TimeOf(rows.at(0)["now"])};
    for (const pqxx::row& row : rows) {
      if (!row["execution_key"].is_null()) owned.claims.push_back(ClaimOf(row));
    }
    return owned;
  });
}

absl::StatusOr<bool> PgStorage::MarkTakenUp(const NodeIncarnation& me, const Claim& claim) {
  const Params params = Params().Uuid(me.uuid).Uuid(claim.key.uuid).Int8(claim.claims);
  return RunStatement(pool_, Effect::kCommits, [&](Session& session) {
    return session.Exec(kMarkTakenUp, params).affected_rows() > 0;
  });
}

absl::Status PgStorage::Release(const NodeIncarnation& me, const std::vector<ExecutionKey>& keys,
                                absl::Duration rest) {
  const Params params =
      Params().Uuid(me.uuid).Array(UuidArray(keys)).Int8(absl::ToInt64Microseconds(rest));
  return RunStatement(
             pool_, Effect::kCommits,
             [&](Session& session) { return session.Exec(kRelease, params).affected_rows(); })
      .status();
}

absl::Status PgStorage::Quarantine(const NodeIncarnation& me, const ExecutionKey& key,
                                   const std::string& reason) {
  const Params params = Params().Uuid(me.uuid).Uuid(key.uuid).Text(ShownText(reason));
  return RunStatement(
             pool_, Effect::kCommits,
             [&](Session& session) { return session.Exec(kQuarantine, params).affected_rows(); })
      .status();
}

}  // namespace millrace::db
