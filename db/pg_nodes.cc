#include "db/pg_storage.h"
#include "db/rows.h"
#include "db/transaction.h"

namespace millrace::db {
namespace {

constexpr Statement kBeat{"node.beat", R"sql(
  INSERT INTO nodes (node, address, beats, beat_at)
  VALUES ($1::uuid, $2::text, 1, now())
      ON CONFLICT (node) DO UPDATE
     SET beats = nodes.beats + 1, address = excluded.address, beat_at = excluded.beat_at
  RETURNING database_token() AS token, unix_micros(clock_timestamp()) AS now
)sql"};

constexpr Statement kReadNodes{"node.read_all", R"sql(
  SELECT node, beats, address FROM nodes ORDER BY node
)sql"};

constexpr Statement kRemoveNodes{"node.remove", R"sql(
  DELETE FROM nodes
   WHERE node IN (SELECT node FROM nodes WHERE node = ANY ($1::uuid[]) ORDER BY node FOR UPDATE)
)sql"};

constexpr Statement kEnsurePartitions{"journal.ensure_partitions", R"sql(
  SELECT ensure_journal_partitions((now() AT TIME ZONE 'UTC')::date - 1,
                                   (now() AT TIME ZONE 'UTC')::date + $1::int4)
)sql"};

}  // namespace

absl::StatusOr<Heartbeat> PgStorage::Beat(const NodeIncarnation& me, const std::string& address) {
  return RunStatement(beats_, Effect::kCommits, [&](Session& session) {
    const pqxx::result rows = session.Exec(kBeat, Params().Uuid(me.uuid).Text(address));
    return Heartbeat{.token = rows.at(0)["token"].c_str(), .now = TimeOf(rows.at(0)["now"])};
  });
}

absl::StatusOr<std::vector<NodeRow>> PgStorage::ReadNodes() {
  return RunStatement(pool_, Effect::kNone, [&](Session& session) {
    std::vector<NodeRow> nodes;
    for (const pqxx::row& row : session.Exec(kReadNodes)) {
      nodes.push_back({.node = {UuidOf(row["node"])},
                       .beats = row["beats"].as<int64_t>(),
                       .address = row["address"].c_str()});
    }
    return nodes;
  });
}

absl::Status PgStorage::RemoveNodes(const std::vector<NodeIncarnation>& nodes) {
  const Params params = Params().Array(UuidArray(nodes));
  return RunStatement(
             pool_, Effect::kCommits,
             [&](Session& session) { return session.Exec(kRemoveNodes, params).affected_rows(); })
      .status();
}

absl::Status PgStorage::EnsurePartitions(int days_ahead) {
  return RunStatement(pool_, Effect::kNone,
                      [&](Session& session) {
                        return session.Exec(kEnsurePartitions, Params().Int4(days_ahead)).size();
                      })
      .status();
}

}  // namespace millrace::db
