#pragma once

#include <sys/types.h>

#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/tasks/file_descriptor.h"

namespace millrace {

// A user, and the group of the same number, that only the processes of one function version have
// as long as this object lives: so that functions can read neither each other's files nor each
// other's memory. The numbers are kFirst to kLast, which neither Debian nor systemd gives to
// anybody. The lease is the machine's: a bound socket, which goes with this process.
class FunctionUser {
 public:
  static constexpr uid_t kFirst = 60'600;
  static constexpr uid_t kLast = 61'179;

  // Nothing unless this process is root's, since only root can become someone else. The same
  // version gets the same number where that is free. UNAVAILABLE if none is.
  static absl::StatusOr<std::optional<FunctionUser>> Take(absl::string_view version_key);

  FunctionUser(FunctionUser&&) noexcept = default;
  FunctionUser& operator=(FunctionUser&&) noexcept = default;

  uid_t id() const { return id_; }

 private:
  FunctionUser(uid_t id, FileDescriptor lease) : id_(id), lease_(std::move(lease)) {}

  uid_t id_;
  FileDescriptor lease_;
};

}  // namespace millrace
