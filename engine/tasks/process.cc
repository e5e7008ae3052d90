#include "engine/tasks/process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"

namespace millrace {
namespace {

constexpr int kChildRequests = 3;
constexpr int kChildAnswers = 4;
constexpr rlim_t kOpenFilesMax = 256;
// Counts all processes and threads of the unprivileged user, so that a fork bomb ends somewhere.
constexpr rlim_t kProcessesMax = 1024;
constexpr int kSetupFailed = 126;
constexpr int kExecFailed = 127;

// Everything the child needs, prepared before fork(): the server has other threads, whose locks
// the child inherits as they were, so that it must not allocate.
struct ChildPlan {
  char* const* arguments;
  char* const* environment;
  const char* folder;
  int requests;
  int answers;
  pid_t parent;
  const ProcessSpec* spec;
};

void SetLimit(__rlimit_resource resource, rlim_t value) {
  const rlimit limit{.rlim_cur = value, .rlim_max = value};
  if (setrlimit(resource, &limit) != 0) _exit(kSetupFailed);
}

// Handlers of the server must not run in the child, nor its ignored signals stay ignored there.
// All signals are blocked since before the fork.
void ResetSignals() {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) sigaction(number, &standard, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void ArrangeDescriptors(const ChildPlan& plan) {
  // Out of the way first: either may have the number that the other one needs.
  const int requests = fcntl(plan.requests, F_DUPFD, 16);
  const int answers = fcntl(plan.answers, F_DUPFD, 16);
  const int nothing = open("/dev/null", O_RDWR);
  if (requests < 0 || answers < 0 || nothing < 0) _exit(kSetupFailed);
  for (int fd = 0; fd < 3; ++fd) {
    if (nothing != fd && dup2(nothing, fd) < 0) _exit(kSetupFailed);
  }
  if (dup2(requests, kChildRequests) < 0 || dup2(answers, kChildAnswers) < 0) _exit(kSetupFailed);
  if (syscall(SYS_close_range, kChildAnswers + 1, ~0U, 0) != 0) _exit(kSetupFailed);
}

// Plain system calls, because glibc's wrappers signal all threads that it believes there are.
void Become(const ProcessIdentity& identity) {
  SetLimit(RLIMIT_NPROC, kProcessesMax);
  if (syscall(SYS_setgroups, 0, nullptr) != 0 ||
      syscall(SYS_setresgid, identity.gid, identity.gid, identity.gid) != 0 ||
      syscall(SYS_setresuid, identity.uid, identity.uid, identity.uid) != 0) {
    _exit(kSetupFailed);
  }
}

// Runs in the child: only async-signal-safe calls.
[[noreturn]] void ExecuteChild(const ChildPlan& plan) {
  setsid();
  ArrangeDescriptors(plan);
  ResetSignals();
  if (plan.spec->identity) Become(*plan.spec->identity);
  if (chdir(plan.folder) != 0) _exit(kSetupFailed);
  umask(022);
  // After the change of user, which would clear the parent-death signal.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(kSetupFailed);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) _exit(kSetupFailed);
  if (getppid() != plan.parent) _exit(kSetupFailed);
  SetLimit(RLIMIT_CORE, 0);
  SetLimit(RLIMIT_NOFILE, kOpenFilesMax);
  SetLimit(RLIMIT_AS, static_cast<rlim_t>(plan.spec->address_space_bytes_max));
  execve(plan.arguments[0], plan.arguments, plan.environment);
  _exit(kExecFailed);
}

absl::Status SystemError(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::generic_category().message(errno)));
}

std::vector<char*> PointersTo(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};

absl::StatusOr<Pipe> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return SystemError("pipe2");
  return Pipe{FileDescriptor(fds[0]), FileDescriptor(fds[1])};
}

// fork() with all signals blocked, so that no handler of this process runs in the child.
pid_t ForkAndExecute(const ChildPlan& plan) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) ExecuteChild(plan);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

std::optional<ProcessIdentity> FindUnprivilegedIdentity() {
  if (geteuid() != 0) return std::nullopt;
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  if (getpwnam_r("nobody", &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
    return ProcessIdentity{.uid = found->pw_uid, .gid = found->pw_gid};
  }
  return ProcessIdentity{.uid = 65534, .gid = 65534};
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void FileDescriptor::Close() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

std::optional<ProcessIdentity> UnprivilegedIdentity() {
  static const std::optional<ProcessIdentity> identity = FindUnprivilegedIdentity();
  return identity;
}

void ChildProcess::KillGroup() const {
  kill(-pid, SIGKILL);
  kill(pid, SIGKILL);  // if it has not made its session yet
}

int ChildProcess::WaitForEnd() const {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

absl::StatusOr<ChildProcess> StartProcess(const ProcessSpec& spec) {
  MILLRACE_ASSIGN_OR_RETURN(Pipe requests, MakePipe());
  MILLRACE_ASSIGN_OR_RETURN(Pipe answers, MakePipe());
  if (fcntl(requests.write.get(), F_SETFL, O_NONBLOCK) != 0 ||
      fcntl(answers.read.get(), F_SETFL, O_NONBLOCK) != 0) {
    return SystemError("fcntl");
  }
  const std::vector<char*> arguments = PointersTo(spec.arguments);
  const std::vector<char*> environment = PointersTo(spec.environment);
  const pid_t pid = ForkAndExecute({.arguments = arguments.data(),
                                    .environment = environment.data(),
                                    .folder = spec.folder.c_str(),
                                    .requests = requests.read.get(),
                                    .answers = answers.write.get(),
                                    .parent = getpid(),
                                    .spec = &spec});
  if (pid < 0) return SystemError("fork");
  ChildProcess child{.pid = pid,
                     .exit = FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))),
                     .requests = std::move(requests.write),
                     .answers = std::move(answers.read)};
  if (!child.exit.is_open()) {
    const absl::Status failed = SystemError("pidfd_open");
    child.KillGroup();
    child.WaitForEnd();
    return failed;
  }
  return child;
}

}  // namespace millrace
