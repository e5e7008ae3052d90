#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "db/os_user.h"

namespace millrace::db {

// The private PostgreSQL cluster that a server without a database URL keeps in its data folder.
//
//   DIR/lock       held while a server runs here: a second one is refused
//   DIR/pgdata     the cluster
//   DIR/pgdata.new one that is being made, and renamed when it is whole; what a crash left of it is
//                  removed, unless something is in it that belongs to no cluster
//   DIR/log        what PostgreSQL says, rotated by size
//
// It listens only on a Unix socket in a folder of its own that its user alone may enter. Under root
// it runs as `postgres` or `nobody`. Tuning belongs into DIR/pgdata/postgresql.conf, which is
// written once; what the promises rest on (durability, no TCP) is given on the command line and
// wins.
class EmbeddedPostgres {
 public:
  struct Options {
    std::string data_dir;
    absl::Duration start_timeout = absl::Seconds(60);
    // More `name=value` settings, which win over all others: for tests.
    std::vector<std::string> settings;
  };

  // Makes the cluster if there is none, ends what a killed server left behind, starts PostgreSQL
  // and waits until it takes connections. FAILED_PRECONDITION says what is wrong with the folder.
  static absl::StatusOr<std::unique_ptr<EmbeddedPostgres>> Start(Options options);

  // The URL of the folder's cluster if its PostgreSQL runs, else empty. FAILED_PRECONDITION where
  // there is no cluster, or where this user may not look into it.
  static absl::StatusOr<std::string> FindRunning(const std::string& data_dir);

  EmbeddedPostgres(const EmbeddedPostgres&) = delete;
  EmbeddedPostgres& operator=(const EmbeddedPostgres&) = delete;
  ~EmbeddedPostgres();  // Stop()

  // Of the database `millrace`, as the cluster's superuser.
  const std::string& url() const { return url_; }
  pid_t postmaster() const;

  // A fast shutdown: sessions are ended, nothing needs recovery. Once is enough.
  void Stop();

 private:
  explicit EmbeddedPostgres(Options options) : options_(std::move(options)) {}

  absl::Status Prepare();
  absl::Status LockDataDir();
  absl::Status MakeCluster();
  absl::Status WriteSettings(const std::string& cluster) const;
  absl::Status MakeSocketDir();
  absl::Status StartPostmaster();
  absl::Status StartPostmasterOnce(bool* try_again);
  absl::Status WaitUntilReady(pid_t child, const std::string& start_log, bool* try_again);
  absl::Status CreateDatabase();
  void Watch();
  void RemoveOldLogs() const;

  const Options options_;
  OsUser user_;
  std::string data_dir_, pgdata_, bin_dir_, socket_dir_, cluster_name_, url_;
  int lock_fd_ = -1;
  mutable std::mutex mutex_;
  std::condition_variable stop_wanted_;
  bool stopping_ = false;
  pid_t postmaster_ = -1;  // under mutex_
  std::thread watcher_;
};

}  // namespace millrace::db
