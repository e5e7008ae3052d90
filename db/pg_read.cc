#include "absl/container/flat_hash_map.h"
#include "db/pg_storage.h"
#include "db/rows.h"
#include "db/transaction.h"

namespace millrace::db {
namespace {

// One snapshot of executions and journals. Each execution's own row comes first, with no seq; its
// journal follows by seq. A row without a key comes even if nothing is found, for the token.
constexpr Statement kRead{"execution.read", "SELECT " MILLRACE_EXECUTION_COLUMNS R"sql(
       , NULL::int4 AS seq, NULL::uuid AS writer_node, NULL::int8 AS writer_batch
       , NULL::int2 AS format, NULL::bool AS terminal, NULL::bytea AS events
       , NULL::text AS token, NULL::int8 AS now
    FROM unnest($1::uuid[]) AS k (execution_key)
    JOIN executions e ON e.execution_key = k.execution_key
    JOIN workflows w ON w.workflow_key = e.workflow_key
  UNION ALL
  SELECT j.execution_key, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
       , NULL, NULL, j.seq, j.writer_node, j.writer_batch, j.format, j.terminal, j.events
       , NULL, NULL
    FROM unnest($1::uuid[]) AS k (execution_key)
    JOIN journal j ON j.execution_key = k.execution_key AND j.seq >= $2::int4
  UNION ALL
  SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
       , NULL, NULL, NULL, NULL, NULL, NULL
       , database_token(), unix_micros(clock_timestamp())
   ORDER BY execution_key NULLS FIRST, seq NULLS FIRST
)sql"};

constexpr Statement kReadLastSeqs{"journal.read_last_seqs", R"sql(
  SELECT k.place, coalesce(last.seq, 0) AS seq
    FROM unnest($1::uuid[]) WITH ORDINALITY AS k (execution_key, place)
    LEFT JOIN LATERAL (
           SELECT j.seq
             FROM journal j
            WHERE j.execution_key = k.execution_key
            ORDER BY j.seq DESC
            LIMIT 1) last ON true
)sql"};

constexpr Statement kReadWriters{"journal.read_writers", R"sql(
  SELECT t.token, p.place, j.writer_node, j.writer_batch
    FROM (SELECT database_token() AS token) t
    LEFT JOIN unnest($1::uuid[], $2::int4[]) WITH ORDINALITY AS p (execution_key, seq, place)
      ON true
    LEFT JOIN journal j ON j.execution_key = p.execution_key AND j.seq = p.seq
)sql"};

// LIMIT keeps the planner from turning the look-ups around: it would read all names of a small
// table, and go on doing so when the table has grown.
constexpr Statement kReadByName{"execution.read_by_name",
                                "SELECT n.place, " MILLRACE_EXECUTION_COLUMNS R"sql(
    FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS n (workflow_key, execution_id, place)
   CROSS JOIN LATERAL (
           SELECT x.*
             FROM executions x
            WHERE x.workflow_key = n.workflow_key
              AND x.parent_key IS NULL
              AND x.execution_id = n.execution_id
            ORDER BY x.parent_key
            LIMIT 1) e
    JOIN workflows w ON w.workflow_key = e.workflow_key
)sql"};

JournalRow JournalRowOf(const pqxx::row& row) {
  return {
      .seq = row["seq"].as<int64_t>(),
      .writer = {.node = {UuidOf(row["writer_node"])}, .batch = row["writer_batch"].as<int64_t>()},
      .format = row["format"].as<int>(),
      .terminal = BoolOf(row["terminal"]),
      .events = BytesOf(row["events"])};
}

}  // namespace

absl::StatusOr<ExecutionsRead> PgStorage::Read(const std::vector<ExecutionKey>& keys) {
  return ReadRows(keys, 1);
}

absl::StatusOr<ExecutionsRead> PgStorage::ReadFrom(const ExecutionKey& key, int64_t from_seq) {
  return ReadRows({key}, from_seq);
}

absl::StatusOr<ExecutionsRead> PgStorage::ReadRows(const std::vector<ExecutionKey>& keys,
                                                   int64_t from_seq) {
  const Params params = Params().Array(UuidArray(keys)).Int4(static_cast<int32_t>(from_seq));
  return RunStatement(pool_, Effect::kNone, [&](Session& session) {
    ExecutionsRead read;
    for (const pqxx::row& row : session.Exec(kRead, params)) {
      if (!row["token"].is_null()) {
        read.token = row["token"].c_str();
        read.now = TimeOf(row["now"]);
      } else if (row["seq"].is_null()) {
        read.executions.push_back(ExecutionOf(row));
      } else if (!read.executions.empty() &&
                 read.executions.back().key.uuid == UuidOf(row["execution_key"])) {
        read.executions.back().rows.push_back(JournalRowOf(row));
      }
    }
    return read;
  });
}

absl::StatusOr<std::vector<int64_t>> PgStorage::ReadLastSeqs(
    const std::vector<ExecutionKey>& keys) {
  return RunStatement(pool_, Effect::kNone, [&](Session& session) {
    std::vector<int64_t> seqs(keys.size());
    for (const pqxx::row& row : session.Exec(kReadLastSeqs, Params().Array(UuidArray(keys)))) {
      seqs.at(row["place"].as<size_t>() - 1) = row["seq"].as<int64_t>();
    }
    return seqs;
  });
}

absl::StatusOr<ExecutionStorage::WritersRead> PgStorage::ReadWriters(
    const std::vector<Place>& places) {
  ArrayBuilder keys = ArrayBuilder::Uuids(places.size());
  ArrayBuilder seqs = ArrayBuilder::Int4s(places.size());
  for (const Place& place : places) {
    keys.Add(place.key.uuid);
    seqs.AddInt4(static_cast<int32_t>(place.seq));
  }
  const Params params = Params().Array(std::move(keys).Finish()).Array(std::move(seqs).Finish());
  return RunStatement(pool_, Effect::kNone, [&](Session& session) {
    WritersRead read;
    read.writers.resize(places.size());
    for (const pqxx::row& row : session.Exec(kReadWriters, params)) {
      read.token = row["token"].c_str();
      if (row["writer_node"].is_null()) continue;
      read.writers.at(row["place"].as<size_t>() - 1) =
          Writer{.node = {UuidOf(row["writer_node"])}, .batch = row["writer_batch"].as<int64_t>()};
    }
    return read;
  });
}

absl::StatusOr<std::vector<std::optional<StoredExecution>>> PgStorage::ReadByName(
    const std::vector<Name>& names) {
  ArrayBuilder workflows = ArrayBuilder::Uuids(names.size());
  ArrayBuilder ids = ArrayBuilder::Texts(names.size());
  for (const Name& name : names) {
    workflows.Add(name.workflow_key);
    ids.AddBytes(name.execution_id);
  }
  const Params params =
      Params().Array(std::move(workflows).Finish()).Array(std::move(ids).Finish());
  return RunStatement(pool_, Effect::kNone, [&](Session& session) {
    std::vector<std::optional<StoredExecution>> found(names.size());
    for (const pqxx::row& row : session.Exec(kReadByName, params)) {
      found.at(row["place"].as<size_t>() - 1) = ExecutionOf(row);
    }
    return found;
  });
}

}  // namespace millrace::db
