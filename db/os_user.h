#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace millrace::db {

// Whom PostgreSQL runs as: it refuses to be root.
struct OsUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
  bool differs = false;  // from who this process is
};

// This process's user; for root `postgres` if there is one, else `nobody`.
absl::StatusOr<OsUser> ServerUser();

// Makes a folder and those above it, readable by all: what is private lies deeper.
absl::Status MakeFolders(const std::string& folder);

// Makes a folder for `user` alone (mode 0700), or checks that the one there is just that and no
// link: somebody else may have put one there first.
absl::Status MakePrivateFolder(const std::string& folder, const OsUser& user);

// Can `user` enter this folder? If not, FAILED_PRECONDITION names the first folder on the way that
// stops it.
absl::Status CheckCanEnter(const std::string& folder, const OsUser& user);

// In a child between fork and exec: gives up root for good. Only system calls.
bool BecomeUser(const OsUser& user);

}  // namespace millrace::db
