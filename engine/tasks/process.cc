#include "engine/tasks/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"

namespace millrace {
namespace {

constexpr rlim_t kOpenFilesMax = 256;
// Counts all processes and threads of a function's own user: the end of a fork bomb.
constexpr rlim_t kProcessesMax = 64;
constexpr int kSetupFailed = 126;
constexpr int kExecFailed = 127;
constexpr int kPatienceMillis = 1000;

// What the middle process (see StartIn) tells before it ends.
struct Report {
  pid_t pid = -1;  // of the child, or -1
  int error = 0;   // the errno of what failed
};

// Everything the child needs, prepared before fork(): the server has other threads, whose locks
// the child inherits as they were, so that it must not allocate.
struct ChildPlan {
  char* const* arguments;
  char* const* environment;
  const char* folder;
  const char* user_map;  // "1000 1000 1", as /proc/self/uid_map wants it
  const char* group_map;
  int requests;
  int answers;
  int status;
  int program;
  int report;
  bool is_isolated;
  bool is_root;
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
  std::array<int, 4> wanted{plan.requests, plan.answers, plan.status, plan.program};
  static_assert(kChildRequests + 3 == kChildProgram);
  // Out of the way first: each may have the number that another one needs.
  for (int& fd : wanted) {
    if (fd >= 0 && (fd = fcntl(fd, F_DUPFD, 16)) < 0) _exit(kSetupFailed);
  }
  const int nothing = open("/dev/null", O_RDWR);
  if (nothing < 0) _exit(kSetupFailed);
  for (int fd = 0; fd < 3; ++fd) {
    if (nothing != fd && dup2(nothing, fd) < 0) _exit(kSetupFailed);
  }
  for (int i = 0; i < 4; ++i) {
    const int from = wanted[static_cast<size_t>(i)];
    if (dup2(from >= 0 ? from : 0, kChildRequests + i) < 0) _exit(kSetupFailed);
  }
  if (syscall(SYS_close_range, kChildProgram + 1, ~0U, 0) != 0) _exit(kSetupFailed);
}

// Plain system calls, because glibc's wrappers signal all threads that it believes there are.
void Become(uid_t user) {
  SetLimit(RLIMIT_NPROC, kProcessesMax);
  if (syscall(SYS_setgroups, 0, nullptr) != 0 || syscall(SYS_setresgid, user, user, user) != 0 ||
      syscall(SYS_setresuid, user, user, user) != 0) {
    _exit(kSetupFailed);
  }
}

bool WriteTo(const char* path, const char* text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const auto size = static_cast<ssize_t>(std::strlen(text));
  const bool is_written = write(fd, text, static_cast<size_t>(size)) == size;
  close(fd);
  return is_written;
}

// The next child of the calling process begins a PID namespace. Who is not root needs a user
// namespace for that, in which it stays the user that it is.
bool LeaveNamespaces(const ChildPlan& plan) {
  if (plan.is_root) return unshare(CLONE_NEWNS | CLONE_NEWPID) == 0;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) != 0) return false;
  // The files below belong to root while a process cannot be dumped, as the server is.
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  const bool is_mapped = WriteTo("/proc/self/setgroups", "deny") &&
                         WriteTo("/proc/self/uid_map", plan.user_map) &&
                         WriteTo("/proc/self/gid_map", plan.group_map);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return is_mapped;
}

// A /proc that shows the namespace's processes only. Where it is refused the host's stays.
void MountProc() {
  // Unmounting goes on to reach the child, mounting here does not reach the host.
  if (mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) return;
  mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
}

// To be told by the kernel when the server's thread is gone, unless that has happened already.
void DieWithServer(bool is_isolated) {
  if (prctl(PR_SET_PDEATHSIG, is_isolated ? SIGKILL : SIGTERM) != 0) _exit(kSetupFailed);
  pollfd answers{.fd = kChildAnswers, .events = POLLOUT, .revents = 0};
  if (poll(&answers, 1, 0) < 0 || (answers.revents & POLLERR) != 0) _exit(kSetupFailed);
}

// Runs in the child: only async-signal-safe calls.
[[noreturn]] void ExecuteChild(const ChildPlan& plan) {
  setsid();
  ArrangeDescriptors(plan);
  ResetSignals();
  if (plan.is_isolated) MountProc();
  if (plan.spec->user) Become(*plan.spec->user);
  if (chdir(plan.folder) != 0) _exit(kSetupFailed);
  umask(022);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(kSetupFailed);
  // After the change of user, which would clear the parent-death signal.
  DieWithServer(plan.is_isolated);
  if (!plan.is_isolated && prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) _exit(kSetupFailed);
  SetLimit(RLIMIT_CORE, 0);
  SetLimit(RLIMIT_NOFILE, kOpenFilesMax);
  SetLimit(RLIMIT_AS, static_cast<rlim_t>(plan.spec->address_space_bytes_max));
  execve(plan.arguments[0], plan.arguments, plan.environment);
  _exit(kExecFailed);
}

// Runs in the middle process: only async-signal-safe calls. Its child is the server's, not its own.
[[noreturn]] void StartChildAndEnd(const ChildPlan& plan) {
  Report report;
  if (!plan.is_isolated || LeaveNamespaces(plan)) {
    report.pid = static_cast<pid_t>(
        syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (report.pid == 0) ExecuteChild(plan);
  }
  report.error = errno;
  _exit(write(plan.report, &report, sizeof(report)) == sizeof(report) ? 0 : kSetupFailed);
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

enum class ServersEnd { kRead, kWrite };

absl::StatusOr<Pipe> MakePipe(ServersEnd servers_end) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return SystemError("pipe2");
  Pipe pipe{FileDescriptor(fds[0]), FileDescriptor(fds[1])};
  const int servers = servers_end == ServersEnd::kRead ? pipe.read.get() : pipe.write.get();
  if (fcntl(servers, F_SETFL, O_NONBLOCK) != 0) return SystemError("fcntl");
  return pipe;
}

int WaitFor(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

// fork() with all signals blocked, so that no handler of this process runs in the child. `run` does
// not return and makes only async-signal-safe calls.
template <typename Run>
pid_t ForkTo(const Run& run) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) run();
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

// A namespace begins with the next child of who asks for it, and the server must not ask for
// itself: a process in the middle does, makes the child in the server's name, and is gone.
absl::StatusOr<pid_t> StartIn(ChildPlan plan, bool is_isolated) {
  MILLRACE_ASSIGN_OR_RETURN(const Pipe told, MakePipe(ServersEnd::kRead));
  plan.report = told.write.get();
  plan.is_isolated = is_isolated;
  const pid_t middle = ForkTo([&plan] { StartChildAndEnd(plan); });
  if (middle < 0) return SystemError("fork");
  WaitFor(middle);
  Report report{.error = ECHILD};
  if (read(told.read.get(), &report, sizeof(report)) == sizeof(report) && report.pid > 0) {
    return report.pid;
  }
  errno = report.error;
  return SystemError("clone");
}

}  // namespace

void ChildProcess::Kill() const { kill(pid, is_isolated ? SIGKILL : SIGTERM); }

void ChildProcess::KillGroup() const {
  kill(-pid, SIGKILL);
  kill(pid, SIGKILL);  // if it has not made its session yet
}

int ChildProcess::WaitForEnd() const {
  pollfd ended{.fd = exit.get(), .events = POLLIN, .revents = 0};
  if (poll(&ended, 1, kPatienceMillis) != 1) KillGroup();
  return WaitFor(pid);
}

absl::StatusOr<ChildProcess> StartProcess(const ProcessSpec& spec) {
  MILLRACE_ASSIGN_OR_RETURN(Pipe requests, MakePipe(ServersEnd::kWrite));
  MILLRACE_ASSIGN_OR_RETURN(Pipe answers, MakePipe(ServersEnd::kRead));
  MILLRACE_ASSIGN_OR_RETURN(Pipe status, MakePipe(ServersEnd::kRead));
  const std::vector<char*> arguments = PointersTo(spec.arguments);
  const std::vector<char*> environment = PointersTo(spec.environment);
  const std::string user_map = absl::StrCat(geteuid(), " ", geteuid(), " 1");
  const std::string group_map = absl::StrCat(getegid(), " ", getegid(), " 1");
  const ChildPlan plan{.arguments = arguments.data(),
                       .environment = environment.data(),
                       .folder = spec.folder.c_str(),
                       .user_map = user_map.c_str(),
                       .group_map = group_map.c_str(),
                       .requests = requests.read.get(),
                       .answers = answers.write.get(),
                       .status = status.write.get(),
                       .program = spec.program,
                       .is_root = geteuid() == 0,
                       .spec = &spec};
  absl::StatusOr<pid_t> pid = StartIn(plan, spec.may_isolate);
  const bool is_isolated = spec.may_isolate && pid.ok();
  if (spec.may_isolate && !pid.ok()) pid = StartIn(plan, false);
  MILLRACE_RETURN_IF_ERROR(pid.status());
  ChildProcess child{.pid = *pid,
                     .is_isolated = is_isolated,
                     .exit = FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, *pid, 0))),
                     .requests = std::move(requests.write),
                     .answers = std::move(answers.read),
                     .status = std::move(status.read)};
  if (!child.exit.is_open()) {
    const absl::Status failed = SystemError("pidfd_open");
    child.KillGroup();
    WaitFor(child.pid);
    return failed;
  }
  return child;
}

void KillAllOf(uid_t user) {
  const pid_t killer = ForkTo([user] {
    // To all that this user may signal, the killer aside, with no time for them to fork between.
    if (syscall(SYS_setresuid, user, user, user) == 0) kill(-1, SIGKILL);
    _exit(0);
  });
  if (killer > 0) WaitFor(killer);
}

FileDescriptor MakeSealedFile(const std::string& content) {
  FileDescriptor file(memfd_create("millrace-runner", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const auto size = static_cast<ssize_t>(content.size());
  const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (!file.is_open() || write(file.get(), content.data(), content.size()) != size ||
      fcntl(file.get(), F_ADD_SEALS, seals) != 0) {
    file.Close();
  }
  return file;
}

}  // namespace millrace
