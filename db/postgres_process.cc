#include "db/postgres_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"

namespace millrace::db {
namespace {

// How a program is started.
struct Start {
  const std::vector<std::string>& command;
  const OsUser& user;
  int output;
  bool ends_with_us = false;  // it is killed when the thread that starts it ends
};

// In the child. After fork only system calls are safe, as another thread may have held any lock.
[[noreturn]] void BecomeProgram(char* const* arguments, char* const* environment,
                                const Start& start, pid_t parent) {
  const int output = start.output;
  setsid();
  const int input = open("/dev/null", O_RDONLY);
  dup2(input, 0);
  dup2(output, 1);
  dup2(output, 2);
  for (int fd = 3; fd < 1024; ++fd) close(fd);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) signal(number, SIG_DFL);
  umask(077);
  const bool is_ready = BecomeUser(start.user) && chdir("/") == 0;
  // Another user's process forgets this, so it comes last; the parent may be gone already.
  if (start.ends_with_us) prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (is_ready && (!start.ends_with_us || getppid() == parent)) {
    execve(arguments[0], arguments, environment);
  }
  _exit(127);
}

absl::StatusOr<pid_t> Fork(const Start& start) {
  std::vector<char*> arguments;
  for (const std::string& argument : start.command) {
    arguments.push_back(const_cast<char*>(argument.data()));
  }
  arguments.push_back(nullptr);
  std::string path = "PATH=/usr/bin:/bin", locale = "LC_ALL=C";
  char* const environment[] = {path.data(), locale.data(), nullptr};
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) BecomeProgram(arguments.data(), environment, start, parent);
  if (child < 0) return absl::UnavailableError("cannot start another process");
  return child;
}

std::string ReadSmallFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool HasArgument(absl::string_view command_line, absl::string_view argument) {
  for (const absl::string_view part : absl::StrSplit(command_line, '\0')) {
    if (part == argument) return true;
  }
  return false;
}

void Signal(const std::vector<pid_t>& pids, int number) {
  for (const pid_t pid : pids) kill(pid, number);
}

}  // namespace

absl::StatusOr<LogFile> LogFile::Open(const std::string& path) {
  LogFile log(path, open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (log.fd_ >= 0) return log;
  return absl::FailedPreconditionError(absl::StrCat("cannot write to ", path));
}

LogFile::~LogFile() {
  if (fd_ >= 0) close(fd_);
}

absl::Status LogFile::LockWithin(absl::Duration time) {
  const absl::Time deadline = absl::Now() + time;
  bool is_told = false;
  while (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    if (absl::Now() > deadline) {
      return absl::UnavailableError(
          absl::StrCat("a program that an earlier server started does not end; ", path_,
                       " is what it writes to"));
    }
    if (!is_told) Log(LogLevel::kInfo, "waiting for an earlier server's program", {{"log", path_}});
    is_told = true;
    absl::SleepFor(absl::Milliseconds(20));
  }
  return absl::OkStatus();
}

absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& command, const OsUser& user,
                            const std::string& log_path) {
  MILLRACE_ASSIGN_OR_RETURN(const LogFile log, LogFile::Open(log_path));
  return Fork({.command = command, .user = user, .output = log.fd()});
}

absl::Status RunToEnd(const std::vector<std::string>& command, const OsUser& user,
                      const LogFile& log) {
  const absl::StatusOr<pid_t> child =
      Fork({.command = command, .user = user, .output = log.fd(), .ends_with_us = true});
  if (!child.ok()) return child.status();
  int status = 0;
  while (waitpid(*child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(command[0], " failed; ", log.path(), " says why"));
}

bool HasEnded(pid_t child) {
  int status = 0;
  const pid_t ended = waitpid(child, &status, WNOHANG);
  return ended == child || (ended < 0 && errno == ECHILD);
}

bool EndsWithin(pid_t child, absl::Duration time) {
  const absl::Time deadline = absl::Now() + time;
  while (!HasEnded(child)) {
    if (absl::Now() >= deadline) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

ServerProcesses FindServer(const std::string& data_dir, const std::string& cluster_name,
                           uid_t uid) {
  ServerProcesses found;
  const std::string title = absl::StrCat("postgres: ", cluster_name, ":");
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return found;
  while (const dirent* entry = readdir(proc)) {
    pid_t pid = 0;
    struct stat info {};
    const std::string folder = absl::StrCat("/proc/", entry->d_name);
    if (!absl::SimpleAtoi(entry->d_name, &pid) || stat(folder.c_str(), &info) != 0 ||
        info.st_uid != uid) {
      continue;
    }
    const std::string command_line = ReadSmallFile(folder + "/cmdline");
    const absl::string_view program(command_line.c_str());
    if (absl::StartsWith(command_line, title)) {
      found.backends.push_back(pid);
    } else if (absl::EndsWith(program, "/postgres") && HasArgument(command_line, data_dir)) {
      found.postmasters.push_back(pid);
    }
  }
  closedir(proc);
  return found;
}

absl::Status EndLeftBehind(const std::string& data_dir, const std::string& cluster_name,
                           uid_t uid) {
  const absl::Time begun = absl::Now();
  absl::Duration last_signal = -absl::InfiniteDuration();
  for (;;) {
    const ServerProcesses found = FindServer(data_dir, cluster_name, uid);
    if (found.postmasters.empty() && found.backends.empty()) return absl::OkStatus();
    const absl::Duration waited = absl::Now() - begun;
    if (waited > absl::Seconds(30)) {
      return absl::UnavailableError(
          absl::StrCat("processes of an earlier server on ", data_dir, " do not end"));
    }
    if (waited - last_signal >= absl::Seconds(1)) {
      Log(LogLevel::kWarning, "ending the processes of an earlier database server",
          {{"data_dir", data_dir}});
      last_signal = waited;
      // Fast at first, which needs no recovery; then at once, which the journal survives as well.
      Signal(found.postmasters, waited < absl::Seconds(10) ? SIGINT : SIGQUIT);
      if (found.postmasters.empty()) {
        Signal(found.backends, waited < absl::Seconds(5) ? SIGQUIT : SIGKILL);
      }
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
}

}  // namespace millrace::db
