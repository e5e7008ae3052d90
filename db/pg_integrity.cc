#include "db/pg_integrity.h"

#include "db/rows.h"
#include "db/transaction.h"

// What the statements rest on:
//   - One statement is one snapshot, so an execution's row, journal and mail fit together, however
//     busy the database is.
//   - Whatever is looked up, is by an index and for each row of a slice; LIMIT is inside, before
//     all look-ups.
//   - An infinite time, which no program of ours writes, must not make the check itself fail.
namespace millrace::db {
namespace {

#define FINITE_MICROS(column)                 \
  "CASE WHEN " column                         \
  " IS NOT NULL THEN\n"                       \
  "       unix_micros(greatest(least(" column \
  ", timestamptz '9999-01-01 00:00:00Z'), timestamptz '1970-01-01 00:00:00Z')) END\n"

// `executions_sql` gives the executions rows. Only octet_length() is asked of the events: for that
// they are not read.
#define FACTS(executions_sql) \
  "SELECT e.execution_key, w.project, w.workflow_id, e.execution_id,\n"                    \
  "       r.revision IS NOT NULL AS has_revision, e.status, e.owner, e.claims,\n"          \
  "       e.parent_key, coalesce(e.parent_event, 0) AS parent_event,\n"                    \
  "       unix_micros(now()) AS now,\n"                                                    \
  "       unix_micros(n.beat_at) AS owner_beat_at,\n"                                      \
  "       " FINITE_MICROS("e.wake_at") " AS wake_at,\n"                                    \
  "       " FINITE_MICROS("e.ended_at") " AS ended_at,\n"                                  \
  "       coalesce(c.seq, 0) AS checkpoint_seq, j.*,\n"                                    \
  "       coalesce(p.status = 'running', false) AS parent_is_running,\n"                   \
  "       e.parent_key IS NOT NULL AND EXISTS (\n"                                         \
  "         SELECT FROM mail m\n"                                                          \
  "          WHERE m.receiver = e.parent_key AND m.sender = e.execution_key)\n"            \
  "         AS has_mail_for_parent\n"                                                      \
  "  FROM (" executions_sql                                                                \
  ") e\n"                                                                                  \
  "  LEFT JOIN workflows w ON w.workflow_key = e.workflow_key\n"                           \
  "  LEFT JOIN revisions r ON r.workflow_key = w.workflow_key AND r.revision = e.revision\n" \
  "  LEFT JOIN nodes n ON n.node = e.owner\n"                                              \
  "  LEFT JOIN executions p ON p.execution_key = e.parent_key\n"                           \
  "  LEFT JOIN LATERAL (\n"                                                                \
  "         SELECT max(k.seq) AS seq\n"                                                    \
  "           FROM checkpoints k\n"                                                        \
  "          WHERE k.execution_key = e.execution_key) c ON true\n"                         \
  "  LEFT JOIN LATERAL (\n"                                                                \
  "         SELECT count(*) AS journal_rows,\n"                                            \
  "                coalesce(min(i.seq), 0) AS first_seq,\n"                                \
  "                count(*) FILTER (WHERE i.is_since) AS rows_since,\n"                    \
  "                coalesce(min(i.seq) FILTER (WHERE i.is_since), 0) AS first_since,\n"    \
  "                coalesce(max(i.seq) FILTER (WHERE i.is_since), 0) AS last_since,\n"     \
  "                count(*) FILTER (WHERE i.terminal) AS terminal_rows,\n"                 \
  "                coalesce(min(i.seq) FILTER (WHERE i.terminal), 0) AS terminal_seq,\n"   \
  "                coalesce(max(i.seq) FILTER (WHERE i.bytes > 0), 0) AS last_event_seq,\n" \
  "                coalesce(sum(i.bytes), 0) AS journal_bytes\n"                           \
  "           FROM (SELECT x.seq, x.terminal, x.seq > coalesce(c.seq, 0) AS is_since,\n"   \
  "                        octet_length(x.events)::int8 AS bytes\n"                        \
  "                   FROM journal x\n"                                                    \
  "                  WHERE x.execution_key = e.execution_key) i) j ON true\n"              \
  " ORDER BY e.execution_key"

constexpr Statement kReadFactsAfter{"integrity.read_facts_after",
                                    FACTS("SELECT x.*\n"
                                          "          FROM executions x\n"
                                          "         WHERE x.execution_key > $1::uuid\n"
                                          "         ORDER BY x.execution_key\n"
                                          "         LIMIT $2::int4")};
constexpr Statement kReadFacts{"integrity.read_facts",
                               FACTS("SELECT x.*\n"
                                     "          FROM executions x\n"
                                     "         WHERE x.execution_key = ANY ($1::uuid[])")};

#undef FACTS
#undef FINITE_MICROS

constexpr Statement kCountLiveNodes{"integrity.count_live_nodes", R"sql(
  SELECT count(*) AS nodes
    FROM nodes
   WHERE beat_at > now() - $1::int8 * interval '1 microsecond'
)sql"};

// Whose the keys of a slice are.
#define WITH_EXECUTIONS(keys_sql)                                               \
  "SELECT k.execution_key, k.key_rows, k.age_micros, w.project, w.workflow_id," \
  "       e.execution_id, e.status\n"                                           \
  "  FROM (" keys_sql                                                           \
  ") k\n"                                                                       \
  "  LEFT JOIN executions e ON e.execution_key = k.execution_key\n"             \
  "  LEFT JOIN workflows w ON w.workflow_key = e.workflow_key\n"                \
  " ORDER BY k.execution_key"

// By leaps through the primary key, from each key to the next greater one: rows of large journals
// are not passed through.
#define LEAPS(table)                                                                       \
  "WITH RECURSIVE leaps AS (\n"                                                            \
  "  (SELECT t.execution_key FROM " table                                                  \
  " t\n"                                                                                   \
  "    WHERE t.execution_key > $1::uuid ORDER BY t.execution_key LIMIT 1)\n"               \
  "  UNION ALL\n"                                                                          \
  "  SELECT (SELECT t.execution_key FROM " table                                           \
  " t\n"                                                                                   \
  "           WHERE t.execution_key > l.execution_key ORDER BY t.execution_key LIMIT 1)\n" \
  "    FROM leaps l\n"                                                                     \
  "   WHERE l.execution_key IS NOT NULL\n"                                                 \
  ")\n" WITH_EXECUTIONS(                                                                   \
      "SELECT l.execution_key, 0 AS key_rows, 0 AS age_micros\n"                           \
      "          FROM leaps l\n"                                                           \
      "         WHERE l.execution_key IS NOT NULL\n"                                       \
      "         LIMIT $2::int4")

constexpr Statement kReadJournalKeys{"integrity.read_journal_keys", LEAPS("journal")};
constexpr Statement kReadCheckpointKeys{"integrity.read_checkpoint_keys", LEAPS("checkpoints")};

constexpr Statement kReadMailKeys{
    "integrity.read_mail_keys",
    WITH_EXECUTIONS(
        "SELECT m.receiver AS execution_key, count(*) AS key_rows,\n"
        "               unix_micros(now()) - unix_micros(min(m.created_at)) AS age_micros\n"
        "          FROM mail m\n"
        "         WHERE m.receiver > $1::uuid\n"
        "           AND m.created_at < now() - $3::int8 * interval '1 microsecond'\n"
        "         GROUP BY m.receiver\n"
        "         ORDER BY m.receiver\n"
        "         LIMIT $2::int4")};

constexpr Statement kReadWaitKeys{
    "integrity.read_wait_keys",
    WITH_EXECUTIONS("SELECT v.execution_key, count(*) AS key_rows, 0 AS age_micros\n"
                    "          FROM waits v\n"
                    "         WHERE v.execution_key > $1::uuid\n"
                    "         GROUP BY v.execution_key\n"
                    "         ORDER BY v.execution_key\n"
                    "         LIMIT $2::int4")};

#undef LEAPS
#undef WITH_EXECUTIONS

// Columns that are null are empty.
ExecutionId IdOf(const pqxx::row& row) {
  return {.workflow = {.project = row["project"].c_str(), .workflow = row["workflow_id"].c_str()},
          .execution = row["execution_id"].c_str()};
}

ExecutionFacts FactsOf(const pqxx::row& row) {
  ExecutionFacts facts;
  facts.key = {UuidOf(row["execution_key"])};
  facts.id = IdOf(row);
  facts.has_revision = BoolOf(row["has_revision"]);
  facts.status = StatusNamed(row["status"].c_str());
  if (const auto owner = OptionalUuidOf(row["owner"])) facts.owner = NodeIncarnation{*owner};
  facts.owner_beat_at = OptionalTimeOf(row["owner_beat_at"]);
  facts.claims = row["claims"].as<int64_t>();
  facts.wake_at = OptionalTimeOf(row["wake_at"]);
  facts.ended_at = OptionalTimeOf(row["ended_at"]);
  facts.checkpoint_seq = row["checkpoint_seq"].as<int64_t>();
  facts.rows = row["journal_rows"].as<int64_t>();
  facts.first_seq = row["first_seq"].as<int64_t>();
  facts.rows_since = row["rows_since"].as<int64_t>();
  facts.first_seq_since = row["first_since"].as<int64_t>();
  facts.last_seq_since = row["last_since"].as<int64_t>();
  facts.terminal_rows = row["terminal_rows"].as<int64_t>();
  facts.terminal_seq = row["terminal_seq"].as<int64_t>();
  facts.last_event_seq = row["last_event_seq"].as<int64_t>();
  facts.journal_bytes = row["journal_bytes"].as<int64_t>();
  if (const auto parent = OptionalUuidOf(row["parent_key"])) facts.parent = ExecutionKey{*parent};
  facts.parent_event = row["parent_event"].as<int64_t>();
  facts.parent_is_running = BoolOf(row["parent_is_running"]);
  facts.has_mail_for_parent = BoolOf(row["has_mail_for_parent"]);
  return facts;
}

FactsSlice SliceOf(const pqxx::result& rows) {
  FactsSlice slice;
  slice.executions.reserve(rows.size());
  for (const pqxx::row& row : rows) {
    slice.now = TimeOf(row["now"]);
    slice.executions.push_back(FactsOf(row));
  }
  return slice;
}

const Statement& KeysOf(IntegrityStorage::KeyedTable table) {
  switch (table) {
    case IntegrityStorage::KeyedTable::kJournal:
      return kReadJournalKeys;
    case IntegrityStorage::KeyedTable::kCheckpoints:
      return kReadCheckpointKeys;
    case IntegrityStorage::KeyedTable::kMail:
      return kReadMailKeys;
    case IntegrityStorage::KeyedTable::kWaits:
      return kReadWaitKeys;
  }
  return kReadJournalKeys;
}

}  // namespace

absl::StatusOr<int> PgIntegrity::CountLiveNodes(absl::Duration age_max) {
  const Params params = Params().Int8(absl::ToInt64Microseconds(age_max));
  return RunStatement(pool_, Effect::kNone, [&](Session& session) {
    return session.Exec(kCountLiveNodes, params).at(0)["nodes"].as<int>();
  });
}

absl::StatusOr<FactsSlice> PgIntegrity::ReadFactsAfter(const ExecutionKey& after, int limit) {
  const Params params = Params().Uuid(after.uuid).Int4(limit);
  return RunStatement(pool_, Effect::kNone, [&](Session& session) {
    return SliceOf(session.Exec(kReadFactsAfter, params));
  });
}

absl::StatusOr<FactsSlice> PgIntegrity::ReadFacts(const std::vector<ExecutionKey>& keys) {
  const Params params = Params().Array(UuidArray(keys));
  return RunStatement(pool_, Effect::kNone,
                      [&](Session& session) { return SliceOf(session.Exec(kReadFacts, params)); });
}

absl::StatusOr<std::vector<KeyFacts>> PgIntegrity::ReadKeysAfter(KeyedTable table,
                                                                 const ExecutionKey& after,
                                                                 absl::Duration age_min,
                                                                 int limit) {
  Params params = Params().Uuid(after.uuid).Int4(limit);
  if (table == KeyedTable::kMail) params.Int8(absl::ToInt64Microseconds(age_min));
  return RunStatement(pool_, Effect::kNone, [&](Session& session) {
    std::vector<KeyFacts> keys;
    for (const pqxx::row& row : session.Exec(KeysOf(table), params)) {
      KeyFacts facts{.key = {UuidOf(row["execution_key"])},
                     .exists = !row["status"].is_null(),
                     .id = IdOf(row),
                     .rows = row["key_rows"].as<int64_t>(),
                     .age = absl::Microseconds(row["age_micros"].as<int64_t>())};
      if (facts.exists) facts.status = StatusNamed(row["status"].c_str());
      keys.push_back(std::move(facts));
    }
    return keys;
  });
}

}  // namespace millrace::db
