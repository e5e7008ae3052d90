#include "bench/inserts.h"

#include <fcntl.h>
#include <unistd.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bench/stop_signal.h"
#include "db/params.h"
#include "db/transaction.h"
#include "engine/base/status_macros.h"
#include "engine/base/uuid.h"

namespace millrace::bench {
namespace {

using db::ArrayBuilder;
using db::Effect;
using db::Params;
using db::Session;
using db::Statement;

constexpr int kRowBytes = 200;
// An execution of the measured workflow writes about so many rows.
constexpr int kRowsPerKey = 11;

constexpr Statement kCreate{"bench.create", R"sql(
  CREATE TABLE IF NOT EXISTS bench_rows (
    key    uuid    NOT NULL,
    seq    integer NOT NULL,
    events bytea   NOT NULL,
    CONSTRAINT bench_rows_pkey PRIMARY KEY (key, seq)
  )
)sql"};

constexpr Statement kInsert{"bench.insert", R"sql(
  INSERT INTO bench_rows (key, seq, events)
  SELECT r.key, r.seq, r.events
    FROM unnest($1::uuid[], $2::int4[], $3::bytea[]) AS r (key, seq, events)
      ON CONFLICT DO NOTHING
  RETURNING key
)sql"};

// Rows as a lane has them: one each of as many executions as a batch has rows, time after time.
class RowSource {
 public:
  explicit RowSource(int batch_rows) : keys_(batch_rows) {
    std::minstd_rand random(1);
    for (char& byte : events_) byte = static_cast<char>(random());
  }

  Params Next() {
    if (seq_++ % kRowsPerKey == 0) {
      for (Uuid& key : keys_) key = Uuid::AtTime(absl::Now());
    }
    ArrayBuilder keys = ArrayBuilder::Uuids(keys_.size());
    ArrayBuilder seqs = ArrayBuilder::Int4s(keys_.size());
    ArrayBuilder events = ArrayBuilder::Byteas(keys_.size(), kRowBytes);
    for (const Uuid& key : keys_) {
      keys.Add(key);
      seqs.AddInt4(seq_);
      events.AddBytes(events_);
    }
    return Params()
        .Array(std::move(keys).Finish())
        .Array(std::move(seqs).Finish())
        .Array(std::move(events).Finish());
  }

 private:
  std::vector<Uuid> keys_;
  int seq_ = 0;
  std::string events_ = std::string(kRowBytes, '\0');
};

absl::StatusOr<int64_t> Execute(db::Pool& pool, const Statement& statement, const Params& params) {
  return db::RunStatement(pool, Effect::kCommits, [&](Session& session) {
    return static_cast<int64_t>(session.Exec(statement, params).size());
  });
}

}  // namespace

absl::StatusOr<double> MeasureInserts(db::Pool& pool, int batch_rows, absl::Duration duration) {
  MILLRACE_RETURN_IF_ERROR(Execute(pool, kCreate, {}).status());
  RowSource rows(batch_rows);
  const absl::Time from = absl::Now();
  int64_t inserted = 0;
  while (absl::Now() - from < duration) {
    if (IsStopped()) return absl::CancelledError("stopped");
    // Nobody else has the pool, so it is one connection all the time.
    MILLRACE_ASSIGN_OR_RETURN(const int64_t count, Execute(pool, kInsert, rows.Next()));
    if (count != batch_rows) return absl::InternalError("rows that are new were not inserted");
    inserted += count;
  }
  return static_cast<double>(inserted) / absl::ToDoubleSeconds(absl::Now() - from);
}

absl::StatusOr<double> MeasureSyncs(const std::string& folder, absl::Duration duration) {
  const std::string path = absl::StrCat(folder, "/syncs");
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot make ", path));
  const absl::Cleanup remove = [&] {
    close(fd);
    unlink(path.c_str());
  };
  const std::string page(8 << 10, 'p');
  constexpr int kPages = (16 << 20) / (8 << 10);  // a segment of PostgreSQL's log
  const auto write_page = [&](int number) {
    const auto bytes = static_cast<ssize_t>(page.size());
    return pwrite(fd, page.data(), page.size(), number % kPages * bytes) == bytes;
  };
  bool ok = true;
  for (int i = 0; ok && i < kPages; ++i) ok = write_page(i);
  ok = ok && fsync(fd) == 0;
  const absl::Time from = absl::Now();
  int syncs = 0;
  for (; ok && absl::Now() - from < duration; ++syncs) ok = write_page(syncs) && fdatasync(fd) == 0;
  if (!ok) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
  return syncs / absl::ToDoubleSeconds(absl::Now() - from);
}

}  // namespace millrace::bench
