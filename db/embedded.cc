#include "db/embedded.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "absl/hash/hash.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "db/pool.h"
#include "db/postgres_process.h"
#include "db/transaction.h"
#include "engine/base/log.h"

namespace millrace::db {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kPostgresFolders = "/usr/lib/postgresql";
constexpr int kLogsKept = 5;

// Suited to large batches that are committed often, on a machine that also runs the server.
constexpr absl::string_view kTuning = R"(
# Written once by millrace; yours to change.
shared_buffers = 256MB
max_connections = 100
wal_buffers = 16MB
wal_compression = on
max_wal_size = 4GB
min_wal_size = 256MB
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
jit = off
autovacuum_naptime = 15s
)";

// What the promises rest on.
constexpr const char* kRequired[] = {
    "listen_addresses=",
    "synchronous_commit=on",
    "fsync=on",
    "full_page_writes=on",
    "logging_collector=on",
    "log_filename=postgresql-%Y%m%d-%H%M%S.log",
    "log_rotation_size=10MB",
    "log_rotation_age=0",
    "log_timezone=UTC",
    "log_line_prefix=%m [%p] ",
};

// The same for the same folder in every build: names the socket's folder and the processes.
std::string StableHash(absl::string_view text) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return absl::StrFormat("%012x", hash >> 16);
}

// Binaries of the cluster's own version if it stands, else the newest.
absl::StatusOr<std::string> FindBinaries(const std::string& pgdata) {
  std::string version;
  std::ifstream(pgdata + "/PG_VERSION") >> version;
  int newest = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(kPostgresFolders.data(), error)) {
    int number = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &number)) continue;
    if (!fs::exists(entry.path() / "bin" / "initdb", error)) continue;
    if (version.empty() ? number > newest : absl::StrCat(number) == version) newest = number;
  }
  if (newest >= 15) return absl::StrCat(kPostgresFolders, "/", newest, "/bin");
  return absl::FailedPreconditionError(
      absl::StrCat("PostgreSQL ", version.empty() ? "15 or newer" : version,
                   " was not found below ", kPostgresFolders, ": install the package postgresql"));
}

std::string UrlOf(const std::string& socket_dir, absl::string_view database) {
  return absl::StrCat("host='", socket_dir, "' user=millrace dbname=", database);
}

absl::Status SyncFolder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool done = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  return done ? absl::OkStatus() : absl::UnavailableError(absl::StrCat("cannot sync ", folder));
}

absl::Status FileError(absl::string_view what, const std::error_code& error) {
  return absl::FailedPreconditionError(absl::StrCat(what, ": ", error.message()));
}

// Whether initdb makes a file or folder of this name at the top of a cluster.
bool IsOfCluster(absl::string_view name) {
  return name == "base" || name == "global" || name == "PG_VERSION" || name == "postgresql.conf" ||
         name == "postgresql.auto.conf" || absl::StartsWith(name, "pg_");
}

// Removes what a killed server has made of a cluster. What has anything else in it is somebody's,
// and stays.
absl::Status RemoveUnfinished(const std::string& cluster) {
  std::error_code error;
  if (!fs::exists(cluster, error) && !error) return absl::OkStatus();
  fs::directory_iterator entries(cluster, error);
  if (error) return FileError(cluster, error);
  for (const fs::directory_entry& entry : entries) {
    const std::string name = entry.path().filename().string();
    if (IsOfCluster(name)) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(cluster, " is where a database cluster is made, but there is '", name,
                     "' in it, which is none of a cluster's: move the folder away"));
  }
  fs::remove_all(cluster, error);
  return error ? FileError(cluster, error) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<EmbeddedPostgres>> EmbeddedPostgres::Start(Options options) {
  std::unique_ptr<EmbeddedPostgres> server(new EmbeddedPostgres(std::move(options)));
  MILLRACE_RETURN_IF_ERROR(server->Prepare());
  MILLRACE_RETURN_IF_ERROR(server->StartPostmaster());
  server->watcher_ = std::thread([raw = server.get()] { raw->Watch(); });
  MILLRACE_RETURN_IF_ERROR(server->CreateDatabase());
  return server;
}

absl::StatusOr<std::string> EmbeddedPostgres::FindRunning(const std::string& data_dir) {
  const std::string pgdata = data_dir + "/pgdata";
  std::error_code error;
  if (!fs::exists(pgdata + "/PG_VERSION", error)) {
    if (error) return FileError(pgdata, error);
    return absl::FailedPreconditionError(
        absl::StrCat("there is no database cluster in the data folder ", data_dir));
  }
  // The postmaster writes where its socket is: that hangs on the environment it was started in.
  constexpr int kSocketDirLine = 5;
  std::ifstream file(pgdata + "/postmaster.pid");
  std::string socket_dir;
  for (int line = 0; line < kSocketDirLine; ++line) {
    if (!std::getline(file, socket_dir)) return "";
  }
  const std::string url = UrlOf(socket_dir, "millrace");
  return PQping(url.c_str()) == PQPING_OK ? url : "";
}

EmbeddedPostgres::~EmbeddedPostgres() { Stop(); }

absl::Status EmbeddedPostgres::Prepare() {
  MILLRACE_ASSIGN_OR_RETURN(user_, ServerUser());
  if (options_.data_dir.empty()) return absl::InvalidArgumentError("the data folder has no name");
  MILLRACE_RETURN_IF_ERROR(MakeFolders(options_.data_dir));
  std::error_code error;
  data_dir_ = fs::canonical(options_.data_dir, error).string();
  if (error) return FileError(options_.data_dir, error);
  pgdata_ = data_dir_ + "/pgdata";
  cluster_name_ = absl::StrCat("millrace-", StableHash(data_dir_));
  MILLRACE_RETURN_IF_ERROR(CheckCanEnter(data_dir_, user_));
  MILLRACE_RETURN_IF_ERROR(LockDataDir());
  MILLRACE_ASSIGN_OR_RETURN(bin_dir_, FindBinaries(pgdata_));
  MILLRACE_RETURN_IF_ERROR(MakePrivateFolder(data_dir_ + "/log", user_));
  MILLRACE_RETURN_IF_ERROR(MakeSocketDir());
  url_ = UrlOf(socket_dir_, "millrace");
  MILLRACE_RETURN_IF_ERROR(MakeCluster());
  return absl::OkStatus();
}

absl::Status EmbeddedPostgres::LockDataDir() {
  const std::string path = data_dir_ + "/lock";
  lock_fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd_ < 0) return absl::FailedPreconditionError(absl::StrCat("cannot write to ", path));
  if (flock(lock_fd_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("another millrace server already runs on the data folder ", data_dir_));
}

absl::Status EmbeddedPostgres::MakeSocketDir() {
  // A socket's path has at most 107 bytes, and a data folder's may be longer.
  std::error_code error;
  std::string parent = "/tmp";
  if (geteuid() == 0 && MakeFolders("/run/millrace").ok() &&
      CheckCanEnter("/run/millrace", user_).ok()) {
    parent = "/run/millrace";
  } else if (const char* runtime = getenv("XDG_RUNTIME_DIR");
             geteuid() != 0 && runtime != nullptr && absl::string_view(runtime).size() < 60 &&
             access(runtime, W_OK | X_OK) == 0) {
    parent = runtime;
  }
  socket_dir_ = absl::StrCat(parent, "/", cluster_name_, "-", user_.uid);
  return MakePrivateFolder(socket_dir_, user_);
}

absl::Status EmbeddedPostgres::MakeCluster() {
  std::error_code error;
  if (fs::exists(pgdata_, error) && !error) {
    if (fs::exists(pgdata_ + "/PG_VERSION", error)) return absl::OkStatus();
    if (!error) error = std::make_error_code(std::errc::no_such_file_or_directory);
    return FileError(absl::StrCat(pgdata_, " is no database cluster; PG_VERSION in it"), error);
  }
  if (error) return FileError(pgdata_, error);
  Log(LogLevel::kInfo, "making a database cluster", {{"data_dir", data_dir_}});
  const std::string unfinished = pgdata_ + ".new";
  // A server that was killed while it made a cluster here may have left processes that still do.
  MILLRACE_ASSIGN_OR_RETURN(LogFile log, LogFile::Open(data_dir_ + "/initdb.log"));
  MILLRACE_RETURN_IF_ERROR(log.LockWithin(options_.start_timeout));
  MILLRACE_RETURN_IF_ERROR(RemoveUnfinished(unfinished));
  MILLRACE_RETURN_IF_ERROR(MakePrivateFolder(unfinished, user_));
  MILLRACE_RETURN_IF_ERROR(
      RunToEnd({bin_dir_ + "/initdb", "--pgdata=" + unfinished, "--username=millrace",
                "--auth=trust", "--encoding=UTF8", "--locale=C", "--data-checksums"},
               user_, log));
  MILLRACE_RETURN_IF_ERROR(WriteSettings(unfinished));
  fs::rename(unfinished, pgdata_, error);
  if (error) return FileError(pgdata_, error);
  return SyncFolder(data_dir_);
}

absl::Status EmbeddedPostgres::WriteSettings(const std::string& cluster) const {
  std::ofstream out(cluster + "/postgresql.conf", std::ios::app);
  out << kTuning;
  out.close();
  const int fd = open((cluster + "/postgresql.conf").c_str(), O_RDWR | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  if (out && synced) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("cannot write to ", cluster));
}

absl::Status EmbeddedPostgres::StartPostmaster() {
  const absl::Time deadline = absl::Now() + std::max(options_.start_timeout, absl::Seconds(30));
  for (;;) {
    MILLRACE_RETURN_IF_ERROR(EndLeftBehind(pgdata_, cluster_name_, user_.uid));
    // Nothing of this cluster runs, and nobody else may start it while we hold the lock: a pid file
    // is stale, and its number may belong to another program by now, which PostgreSQL would not
    // touch.
    std::error_code ignored;
    fs::remove(pgdata_ + "/postmaster.pid", ignored);
    bool try_again = false;
    const absl::Status status = StartPostmasterOnce(&try_again);
    if (status.ok() || !try_again || absl::Now() > deadline) return status;
    absl::SleepFor(absl::Milliseconds(100));
  }
}

absl::Status EmbeddedPostgres::StartPostmasterOnce(bool* try_again) {
  std::vector<std::string> command = {bin_dir_ + "/postgres", "-D", pgdata_};
  std::vector<std::string> settings(std::begin(kRequired), std::end(kRequired));
  settings.push_back("unix_socket_directories=" + socket_dir_);
  settings.push_back("cluster_name=" + cluster_name_);
  settings.push_back("log_directory=" + data_dir_ + "/log");
  settings.insert(settings.end(), options_.settings.begin(), options_.settings.end());
  for (const std::string& setting : settings) command.insert(command.end(), {"-c", setting});
  const std::string start_log = data_dir_ + "/start.log";
  std::ofstream(start_log, std::ios::trunc).close();
  MILLRACE_ASSIGN_OR_RETURN(const pid_t child, Spawn(command, user_, start_log));
  {
    const std::lock_guard lock(mutex_);
    postmaster_ = child;
  }
  return WaitUntilReady(child, start_log, try_again);
}

absl::Status EmbeddedPostgres::WaitUntilReady(pid_t child, const std::string& start_log,
                                              bool* try_again) {
  const absl::Time deadline = absl::Now() + options_.start_timeout;
  for (;;) {
    const PGPing answer = PQping(UrlOf(socket_dir_, "postgres").c_str());
    if (answer == PQPING_OK) return absl::OkStatus();
    if (HasEnded(child)) {
      const std::lock_guard lock(mutex_);
      postmaster_ = -1;
      *try_again = !stopping_;
      return absl::FailedPreconditionError(absl::StrCat("PostgreSQL does not start; ", start_log,
                                                        " and ", data_dir_, "/log say why"));
    }
    // While it recovers it answers, with a refusal: that takes as long as it takes, and giving up
    // would make the next start recover all over again.
    if (answer != PQPING_REJECT && absl::Now() > deadline) {
      return absl::UnavailableError("PostgreSQL starts too slowly");
    }
    absl::SleepFor(absl::Milliseconds(10));
  }
}

absl::Status EmbeddedPostgres::CreateDatabase() {
  Pool pool({.url = UrlOf(socket_dir_, "postgres"), .connections_max = 1});
  constexpr Statement kFind{"database.find", "SELECT FROM pg_database WHERE datname = 'millrace'"};
  constexpr Statement kCreate{"database.create", "CREATE DATABASE millrace TEMPLATE template0"};
  for (const Statement& statement : {kFind, kCreate}) {
    const absl::StatusOr<size_t> found = RunStatement(
        pool, Effect::kNone, [&](Session& session) { return session.Exec(statement).size(); });
    MILLRACE_RETURN_IF_ERROR(found.status());
    if (*found > 0) break;
  }
  return absl::OkStatus();
}

// A postmaster that dies while the server lives (killed by hand, or by the kernel for its memory)
// would leave a server that can do nothing until somebody restarts it. PostgreSQL itself restarts
// its sessions, but nothing restarts the postmaster; what is in doubt then, the runtime settles.
void EmbeddedPostgres::Watch() {
  std::unique_lock lock(mutex_);
  for (int turn = 0; !stopping_; ++turn) {
    stop_wanted_.wait_for(lock, std::chrono::milliseconds(100), [&] { return stopping_; });
    if (stopping_) return;
    const pid_t watched = postmaster_;
    lock.unlock();
    if (turn % 600 == 0) RemoveOldLogs();
    if (watched < 0 || HasEnded(watched)) {
      Log(LogLevel::kError, "the database server has died: starting it again",
          {{"data_dir", data_dir_}});
      if (const absl::Status status = StartPostmaster(); !status.ok()) {
        Log(LogLevel::kError, "the database server does not start",
            {{"reason", std::string(status.message())}});
      }
    }
    lock.lock();
  }
}

void EmbeddedPostgres::RemoveOldLogs() const {
  std::error_code error;
  std::vector<fs::path> logs;
  for (const auto& entry : fs::directory_iterator(data_dir_ + "/log", error)) {
    if (entry.path().extension() == ".log") logs.push_back(entry.path());
  }
  std::sort(logs.begin(), logs.end());
  for (size_t i = 0; i + kLogsKept < logs.size(); ++i) fs::remove(logs[i], error);
}

pid_t EmbeddedPostgres::postmaster() const {
  const std::lock_guard lock(mutex_);
  return postmaster_;
}

void EmbeddedPostgres::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_wanted_.notify_all();
  if (watcher_.joinable()) watcher_.join();
  if (const pid_t child = postmaster(); child > 0 && !HasEnded(child)) {
    kill(child, SIGINT);
    if (!EndsWithin(child, absl::Seconds(30))) kill(child, SIGQUIT);
    if (!EndsWithin(child, absl::Seconds(5))) kill(child, SIGKILL);
  }
  const std::lock_guard lock(mutex_);
  postmaster_ = -1;
  if (!socket_dir_.empty()) rmdir(socket_dir_.c_str());
  if (lock_fd_ >= 0) close(lock_fd_);
  lock_fd_ = -1;
}

}  // namespace millrace::db
