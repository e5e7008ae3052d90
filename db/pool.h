#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "db/conn.h"

namespace millrace::db {

struct PoolOptions {
  std::string url;  // postgresql://... or key=value pairs, as libpq takes them
  int connections_max = 16;
  absl::Duration acquire_timeout = absl::Seconds(5);
  // False behind a transaction pooler: statements are sent unprepared, and the time limits below
  // are not set per connection, as a pooler refuses that (set them for the role instead).
  bool prepared = true;
  // Every session refuses to write. Not behind a pooler either.
  bool read_only = false;
};

// The URL with what every connection needs: time limits for statements and locks, so that a frozen
// node stops nobody; TCP keepalives; plans that go by index whatever the statistics say.
absl::StatusOr<std::string> ConnectionString(const PoolOptions& options);

// Connections that are opened when needed and kept. Thread-safe. Outlives what it hands out.
class Pool {
 public:
  explicit Pool(PoolOptions options) : options_(std::move(options)) {}

  // A connection on loan: back in the pool when this goes, unless Evict() was called.
  class Lease {
   public:
    Lease(Pool* pool, std::unique_ptr<Conn> conn) : pool_(pool), conn_(std::move(conn)) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (pool_ != nullptr && conn_ != nullptr) pool_->Return(std::move(conn_), evicted_);
    }
    Conn& operator*() { return *conn_; }
    Conn* operator->() { return conn_.get(); }
    void Evict() { evicted_ = true; }

   private:
    Pool* pool_;
    std::unique_ptr<Conn> conn_;
    bool evicted_ = false;
  };

  // UNAVAILABLE when none can be opened, or none came back in time.
  absl::StatusOr<Lease> Acquire();

  const PoolOptions& options() const { return options_; }

 private:
  void Return(std::unique_ptr<Conn> conn, bool evicted);
  absl::StatusOr<std::unique_ptr<Conn>> Connect();

  const PoolOptions options_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Conn>> idle_;
  int open_ = 0;  // idle and on loan
};

}  // namespace millrace::db
