#include <algorithm>
#include <numeric>

#include "absl/container/flat_hash_set.h"
#include "db/pg_storage.h"
#include "db/rows.h"
#include "db/transaction.h"
#include "engine/base/check.h"

// The hot path: what a lane writes at once, in one statement.
//
// What the statements rest on:
//   - `guard` is computed once: no row is written into another database than the one that was read,
//     nor after the node's deadline. Everything else hangs on it, or on rows that hang on it.
//   - Rows arrive sorted (starts by workflow and name, the rest by key) and unnest() keeps their
//     order, so that two batches never wait for each other crosswise.
//   - A row that stands already is skipped by ON CONFLICT DO NOTHING: a lost race fails no
//   neighbour.
//   - Ends and fences are one update, on rows that are locked in order first, and only of
//   executions
//     whose own append took: two updates of one row in one statement would apply only one of them.
//   - The last SELECT asks for `appended` and then for `inserted`; what it does not ask for runs
//   after
//     it. So every batch takes its locks in one order: journal rows, workflows and names, then the
//     executions rows of ends and fences.
//   - CTEs are never joined with each other: `(x IN (SELECT ...)) IS TRUE` is a hashed lookup
//     whatever the planner believes about their sizes.
namespace millrace::db {
namespace {

// $1 node, $2 batch, $3 format, $4 token, $5 deadline.
#define GUARD                                                   \
  "WITH guard AS MATERIALIZED (\n"                              \
  "  SELECT database_token() = $4::text\n"                      \
  "         AND clock_timestamp() < $5::timestamptz AS holds\n" \
  ")"

// $6 keys, $7 seqs, $8 terminal, $9 events.
#define APPENDS                                                                               \
  ", appended AS (\n"                                                                         \
  "  INSERT INTO journal (execution_key, seq, writer_node, writer_batch, format, terminal,\n" \
  "                       events)\n"                                                          \
  "  SELECT a.execution_key, a.seq, $1::uuid, $2::int8, $3::int4, a.terminal, a.events\n"     \
  "    FROM unnest($6::uuid[], $7::int4[], $8::bool[], $9::bytea[])\n"                        \
  "         AS a (execution_key, seq, terminal, events)\n"                                    \
  "   WHERE (SELECT holds FROM guard)\n"                                                      \
  "      ON CONFLICT DO NOTHING\n"                                                            \
  "  RETURNING execution_key\n"                                                               \
  ")"

// $10 keys, $11 status, $12 error, $13 ended_at: null for a row that only fences.
#define CHANGES                                                                         \
  ", changes AS MATERIALIZED (\n"                                                       \
  "  SELECT c.*\n"                                                                      \
  "    FROM unnest($10::uuid[], $11::text[], $12::text[], $13::timestamptz[])\n"        \
  "         AS c (execution_key, status, error, ended_at)\n"                            \
  "   WHERE (c.execution_key IN (SELECT execution_key FROM appended)) IS TRUE\n"        \
  "), locked AS MATERIALIZED (\n"                                                       \
  "  SELECT e.execution_key\n"                                                          \
  "    FROM executions e\n"                                                             \
  "   WHERE e.execution_key = ANY (ARRAY(SELECT execution_key FROM changes))\n"         \
  "   ORDER BY e.execution_key\n"                                                       \
  "     FOR UPDATE\n"                                                                   \
  "), changed AS (\n"                                                                   \
  "  UPDATE executions e\n"                                                             \
  "     SET status   = CASE WHEN c.ended_at IS NULL THEN e.status ELSE c.status END,\n" \
  "         error    = CASE WHEN c.ended_at IS NULL THEN e.error ELSE c.error END,\n"   \
  "         owner    = CASE WHEN c.ended_at IS NULL THEN e.owner END,\n"                \
  "         wake_at  = CASE WHEN c.ended_at IS NULL THEN e.wake_at END,\n"              \
  "         ended_at = coalesce(c.ended_at, e.ended_at),\n"                             \
  "         losses   = CASE WHEN e.owner = $1::uuid THEN 0 ELSE e.losses END,\n"        \
  "         unfenced = e.unfenced AND c.ended_at IS NULL\n"                             \
  "                    AND e.owner IS DISTINCT FROM $1::uuid\n"                         \
  "    FROM changes c\n"                                                                \
  "   WHERE e.execution_key = c.execution_key\n"                                        \
  "     AND (SELECT count(*) FROM locked) > 0\n"                                        \
  ")"

// $14 keys, $15 workflows, $16 revisions asked, $17 revisions, $18 hashes, $19 execution_ids,
// $20 started_at, $21 status, $22 error, $23 ended_at, $24 events.
#define STARTS                                                                                \
  ", live AS MATERIALIZED (\n"                                                                \
  "  SELECT w.workflow_key, w.deleted_at\n"                                                   \
  "    FROM workflows w\n"                                                                    \
  "   WHERE w.workflow_key = ANY ($15::uuid[])\n"                                             \
  "   ORDER BY w.workflow_key\n"                                                              \
  "     FOR KEY SHARE\n"                                                                      \
  "), inserted AS (\n"                                                                        \
  "  INSERT INTO executions (execution_key, workflow_key, revision_asked, revision,\n"        \
  "                          input_hash, execution_id, started_at, status, error,\n"          \
  "                          ended_at, owner)\n"                                              \
  "  SELECT s.execution_key, s.workflow_key, s.revision_asked, s.revision, s.input_hash,\n"   \
  "         s.execution_id, s.started_at, s.status, s.error, s.ended_at,\n"                   \
  "         CASE WHEN s.ended_at IS NULL THEN $1::uuid END\n"                                 \
  "    FROM unnest($14::uuid[], $15::uuid[], $16::int8[], $17::int8[], $18::bytea[],\n"       \
  "                $19::text[], $20::timestamptz[], $21::text[], $22::text[],\n"              \
  "                $23::timestamptz[])\n"                                                     \
  "         AS s (execution_key, workflow_key, revision_asked, revision, input_hash,\n"       \
  "               execution_id, started_at, status, error, ended_at)\n"                       \
  "   WHERE (SELECT holds FROM guard)\n"                                                      \
  "     AND (s.workflow_key IN (SELECT workflow_key FROM live\n"                              \
  "                              WHERE deleted_at IS NULL)) IS TRUE\n"                        \
  "      ON CONFLICT DO NOTHING\n"                                                            \
  "  RETURNING execution_key\n"                                                               \
  "), started AS (\n"                                                                         \
  "  INSERT INTO journal (execution_key, seq, writer_node, writer_batch, format, terminal,\n" \
  "                       events)\n"                                                          \
  "  SELECT s.execution_key, 1, $1::uuid, $2::int8, $3::int4, s.ended_at IS NOT NULL,\n"      \
  "         s.events\n"                                                                       \
  "    FROM unnest($14::uuid[], $23::timestamptz[], $24::bytea[])\n"                          \
  "         AS s (execution_key, ended_at, events)\n"                                         \
  "   WHERE (s.execution_key IN (SELECT execution_key FROM inserted)) IS TRUE\n"              \
  ")"

// Which rows took is told only when some did not.
#define APPENDED_COLUMNS                                                         \
  "SELECT (SELECT holds FROM guard) AS holds,\n"                                 \
  "       CASE WHEN (SELECT count(*) FROM appended) < cardinality($6::uuid[])\n" \
  "            THEN ARRAY(SELECT execution_key FROM appended) END AS appended\n"
#define STARTED_COLUMNS                                                           \
  "     , CASE WHEN (SELECT count(*) FROM inserted) < cardinality($14::uuid[])\n" \
  "            THEN ARRAY(SELECT execution_key FROM inserted) END AS started\n"

// Most batches have no start and no end: what they do not need is not even looked at.
constexpr Statement kAppend{"journal.append", GUARD APPENDS APPENDED_COLUMNS};
constexpr Statement kAppendAndChange{"journal.append_and_change",
                                     GUARD APPENDS CHANGES APPENDED_COLUMNS};
constexpr Statement kWriteAll{"journal.write_all",
                              GUARD APPENDS CHANGES STARTS APPENDED_COLUMNS STARTED_COLUMNS};

#undef GUARD
#undef APPENDS
#undef CHANGES
#undef STARTS
#undef APPENDED_COLUMNS
#undef STARTED_COLUMNS

template <typename Row, typename Less>
std::vector<const Row*> Sorted(const std::vector<Row>& rows, Less less) {
  std::vector<const Row*> sorted;
  sorted.reserve(rows.size());
  for (const Row& row : rows) sorted.push_back(&row);
  std::sort(sorted.begin(), sorted.end(), [&](const Row* a, const Row* b) { return less(*a, *b); });
  return sorted;
}

template <typename Row, typename Value>
std::string EncodeBytes(const std::vector<const Row*>& rows, ArrayBuilder array, Value value) {
  for (const Row* row : rows) array.AddBytes(value(*row));
  return std::move(array).Finish();
}

template <typename Row>
std::string EncodeKeys(const std::vector<const Row*>& rows) {
  ArrayBuilder array = ArrayBuilder::Uuids(rows.size());
  for (const Row* row : rows) array.Add(row->key.uuid);
  return std::move(array).Finish();
}

template <typename Row>
std::string EncodeEvents(const std::vector<const Row*>& rows) {
  size_t bytes = 0;
  for (const Row* row : rows) bytes += row->events.size();
  return EncodeBytes(rows,
                     ArrayBuilder::Byteas(rows.size(), bytes / std::max<size_t>(rows.size(), 1)),
                     [](const Row& row) -> absl::string_view { return row.events; });
}

// status, error and ended_at.
template <typename Row>
void AddEnds(const std::vector<const Row*>& rows, Params* params) {
  ArrayBuilder status = ArrayBuilder::Texts(rows.size());
  ArrayBuilder error = ArrayBuilder::Texts(rows.size());
  ArrayBuilder ended_at = ArrayBuilder::Times(rows.size());
  for (const Row* row : rows) {
    status.AddBytes(NameOf(row->end ? row->end->status : ExecutionStatus::kRunning));
    error.AddBytes(row->end ? ShownText(row->end->error) : "");
    ended_at.AddTime(row->end ? std::optional(row->end->at) : std::nullopt);
  }
  params->Array(std::move(status).Finish())
      .Array(std::move(error).Finish())
      .Array(std::move(ended_at).Finish());
}

void AddAppends(const std::vector<const AppendRow*>& rows, Params* params) {
  ArrayBuilder seqs = ArrayBuilder::Int4s(rows.size());
  ArrayBuilder terminal = ArrayBuilder::Bools(rows.size());
  for (const AppendRow* row : rows) {
    seqs.AddInt4(static_cast<int32_t>(row->seq));
    terminal.AddBool(row->end.has_value());
  }
  params->Array(EncodeKeys(rows))
      .Array(std::move(seqs).Finish())
      .Array(std::move(terminal).Finish())
      .Array(EncodeEvents(rows));
}

void AddChanges(const std::vector<const AppendRow*>& rows, Params* params) {
  params->Array(EncodeKeys(rows));
  AddEnds(rows, params);
}

void AddStarts(const std::vector<const StartRow*>& rows, Params* params) {
  ArrayBuilder workflows = ArrayBuilder::Uuids(rows.size());
  ArrayBuilder asked = ArrayBuilder::Int8s(rows.size());
  ArrayBuilder revisions = ArrayBuilder::Int8s(rows.size());
  ArrayBuilder started_at = ArrayBuilder::Times(rows.size());
  for (const StartRow* row : rows) {
    workflows.Add(row->workflow_key);
    asked.AddInt8(row->revision_asked);
    revisions.AddInt8(row->revision);
    started_at.AddTime(row->started_at);
  }
  params->Array(EncodeKeys(rows))
      .Array(std::move(workflows).Finish())
      .Array(std::move(asked).Finish())
      .Array(std::move(revisions).Finish())
      .Array(EncodeBytes(rows, ArrayBuilder::Byteas(rows.size()),
                         [](const StartRow& row) -> absl::string_view { return row.input_hash; }))
      .Array(EncodeBytes(rows, ArrayBuilder::Texts(rows.size()),
                         [](const StartRow& row) -> absl::string_view { return row.execution_id; }))
      .Array(std::move(started_at).Finish());
  AddEnds(rows, params);
  params->Array(EncodeEvents(rows));
}

// In the batch's order. `taken` is null when all rows took.
template <typename Row>
std::vector<bool> WhichTook(const std::vector<Row>& rows, bool token_holds,
                            const pqxx::field& taken) {
  std::vector<bool> took(rows.size(), token_holds);
  if (taken.is_null()) return took;
  absl::flat_hash_set<Uuid> keys;
  for (const Uuid& key : UuidsOf(taken)) keys.insert(key);
  for (size_t i = 0; i < rows.size(); ++i) took[i] = keys.contains(rows[i].key.uuid);
  return took;
}

// What of a batch goes where.
struct Parts {
  std::vector<const AppendRow*> appends;  // by key
  std::vector<const AppendRow*> changes;  // those of them that end or fence
  std::vector<const StartRow*> starts;    // by workflow and execution_id
  const Statement* statement = &kAppend;
};

Parts Split(const WriteBatch& batch) {
  Parts parts{
      .appends = Sorted(batch.appends,
                        [](const AppendRow& a, const AppendRow& b) { return a.key < b.key; }),
      .starts = Sorted(batch.starts, [](const StartRow& a, const StartRow& b) {
        return std::tie(a.workflow_key, a.execution_id) < std::tie(b.workflow_key, b.execution_id);
      })};
  for (const AppendRow* row : parts.appends) {
    if (row->end || row->fence) parts.changes.push_back(row);
  }
  if (!parts.changes.empty()) parts.statement = &kAppendAndChange;
  if (!parts.starts.empty()) parts.statement = &kWriteAll;
  return parts;
}

}  // namespace

absl::StatusOr<WriteOutcome> PgStorage::Write(const WriteBatch& batch) {
  const Parts parts = Split(batch);
  Params params;
  params.Uuid(batch.writer.node.uuid)
      .Int8(batch.writer.batch)
      .Int4(batch.format)
      .Text(batch.token)
      .Time(batch.deadline);
  AddAppends(parts.appends, &params);
  if (parts.statement != &kAppend) AddChanges(parts.changes, &params);
  if (parts.statement == &kWriteAll) AddStarts(parts.starts, &params);
  return RunStatement(pool_, Effect::kCommits, [&](Session& session) {
    const pqxx::result rows = session.Exec(*parts.statement, params);
    const pqxx::row row = rows.at(0);
    WriteOutcome outcome{.token_holds = BoolOf(row["holds"])};
    outcome.appended = WhichTook(batch.appends, outcome.token_holds, row["appended"]);
    if (!batch.starts.empty()) {
      outcome.started = WhichTook(batch.starts, outcome.token_holds, row["started"]);
    }
    return outcome;
  });
}

}  // namespace millrace::db
