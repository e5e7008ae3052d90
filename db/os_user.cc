#include "db/os_user.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"

namespace millrace::db {
namespace {

bool FindUser(const char* name, OsUser* user) {
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  if (getpwnam_r(name, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return false;
  }
  *user = {.uid = entry.pw_uid, .gid = entry.pw_gid, .name = name, .differs = true};
  return entry.pw_uid != 0;
}

// In a child that is `user`: the index of the first folder that may not be entered.
size_t FirstClosed(const std::vector<std::string>& folders, const OsUser& user) {
  const pid_t child = fork();
  if (child == 0) {
    if (!BecomeUser(user)) _exit(0);
    for (size_t i = 0; i < folders.size(); ++i) {
      if (access(folders[i].c_str(), X_OK) != 0) _exit(static_cast<int>(i));
    }
    _exit(255);
  }
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const bool known = child > 0 && WIFEXITED(status);
  return !known ? 0 : WEXITSTATUS(status) == 255 ? folders.size() : WEXITSTATUS(status);
}

}  // namespace

absl::StatusOr<OsUser> ServerUser() {
  OsUser user{.uid = geteuid(), .gid = getegid()};
  if (user.uid != 0) return user;
  if (FindUser("postgres", &user) || FindUser("nobody", &user)) return user;
  return absl::FailedPreconditionError(
      "PostgreSQL does not run as root, and there is neither a user postgres nor nobody");
}

bool BecomeUser(const OsUser& user) {
  if (!user.differs) return true;
  // Bare system calls: the C library's setuid() talks to threads that this child does not have.
  return syscall(SYS_setgroups, 1, &user.gid) == 0 &&
         syscall(SYS_setresgid, user.gid, user.gid, user.gid) == 0 &&
         syscall(SYS_setresuid, user.uid, user.uid, user.uid) == 0;
}

absl::Status MakeFolders(const std::string& folder) {
  std::error_code error;
  const mode_t mask = umask(022);
  std::filesystem::create_directories(folder, error);
  umask(mask);
  if (!error) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the folder ", folder, " cannot be made: ", error.message()));
}

absl::Status MakePrivateFolder(const std::string& folder, const OsUser& user) {
  if (mkdir(folder.c_str(), 0700) == 0) {
    if (user.differs && lchown(folder.c_str(), user.uid, user.gid) != 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("the folder ", folder, " cannot be given to ", user.name));
    }
    return absl::OkStatus();
  }
  struct stat info {};
  if (errno != EEXIST || lstat(folder.c_str(), &info) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the folder ", folder, " cannot be made: ", std::strerror(errno)));
  }
  if (!S_ISDIR(info.st_mode) || info.st_uid != user.uid || (info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        folder, " stands already and is not a folder for the database's user alone: remove it"));
  }
  return absl::OkStatus();
}

absl::Status CheckCanEnter(const std::string& folder, const OsUser& user) {
  if (!user.differs) return absl::OkStatus();
  std::vector<std::string> folders;
  std::filesystem::path path;
  for (const auto& part : std::filesystem::path(folder)) {
    path /= part;
    folders.push_back(path.string());
  }
  const size_t closed = FirstClosed(folders, user);
  if (closed >= folders.size()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the user ", user.name, ", whom PostgreSQL runs as, cannot enter ",
                   folders[closed], ": choose another data folder than ", folder));
}

}  // namespace millrace::db
