#include "engine/tasks/function_user.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"

namespace millrace {
namespace {

// A socket with an abstract name, which only one process of the machine can have; closed if another
// one has it.
FileDescriptor Lease(uid_t id) {
  const std::string name = absl::StrCat("millrace-function-user-", id);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  FileDescriptor lease(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!lease.is_open()) return lease;
  if (bind(lease.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) lease.Close();
  return lease;
}

}  // namespace

absl::StatusOr<std::optional<FunctionUser>> FunctionUser::Take(absl::string_view version_key) {
  if (geteuid() != 0) return std::nullopt;
  constexpr uid_t kCount = kLast - kFirst + 1;
  const size_t start = std::hash<std::string>()(std::string(version_key));
  for (uid_t i = 0; i < kCount; ++i) {
    const auto id = static_cast<uid_t>(kFirst + (start % kCount + i) % kCount);
    FileDescriptor lease = Lease(id);
    if (lease.is_open()) return FunctionUser(id, std::move(lease));
  }
  return absl::UnavailableError(
      absl::StrCat("All users from ", kFirst, " to ", kLast, " are taken."));
}

}  // namespace millrace
