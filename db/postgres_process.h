#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "db/os_user.h"

namespace millrace::db {

// What a program writes to. Locked, it tells that the program runs: whoever has it open for output,
// also a child's child, holds the lock, and that outlives this process.
class LogFile {
 public:
  static absl::StatusOr<LogFile> Open(const std::string& path);
  LogFile(LogFile&& other) noexcept
      : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  LogFile& operator=(LogFile&&) = delete;
  ~LogFile();

  // UNAVAILABLE if another one holds the lock longer.
  absl::Status LockWithin(absl::Duration time);
  int fd() const { return fd_; }
  const std::string& path() const { return path_; }

 private:
  LogFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_;
};

// Starts a program as `user`, in a session of its own so that a terminal's Ctrl-C reaches only this
// process, with a clean environment. Its output goes to `log_path`, appended.
absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& command, const OsUser& user,
                            const std::string& log_path);

// The same, waiting for its end; not OK unless it exits with 0. It is killed if this process is.
absl::Status RunToEnd(const std::vector<std::string>& command, const OsUser& user,
                      const LogFile& log);

// True once a child of this process has ended, which this reaps.
bool HasEnded(pid_t child);
// Waits that long for it.
bool EndsWithin(pid_t child, absl::Duration time);

// The processes of the PostgreSQL server whose data lies in `data_dir`, whoever started them:
// recognized by the postmaster's arguments and by the cluster's name in its children's titles,
// which anyone may read (their executable only root with special rights).
struct ServerProcesses {
  std::vector<pid_t> postmasters;  // one, as a rule
  std::vector<pid_t> backends;
};
ServerProcesses FindServer(const std::string& data_dir, const std::string& cluster_name, uid_t uid);

// Ends what a killed server left behind: a postmaster in its orderly way, and backends whose
// postmaster is gone, which would keep its shared memory from a new one. UNAVAILABLE if they stay.
absl::Status EndLeftBehind(const std::string& data_dir, const std::string& cluster_name, uid_t uid);

}  // namespace millrace::db
