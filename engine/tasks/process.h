#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace millrace {

// Owns a file descriptor.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor() { Close(); }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void Close();

 private:
  int fd_ = -1;
};

struct ProcessIdentity {
  uid_t uid;
  gid_t gid;
};

// The unprivileged user `nobody` when this process is root's; nothing otherwise, since only root
// can become someone else.
std::optional<ProcessIdentity> UnprivilegedIdentity();

struct ProcessSpec {
  std::vector<std::string> arguments;  // the first is the program's absolute path
  std::vector<std::string> environment;
  std::string folder;  // its working directory
  int64_t address_space_bytes_max = 0;
  std::optional<ProcessIdentity> identity;
};

// A running child. Its owner must see to its end: KillGroup(), then WaitForEnd().
struct ChildProcess {
  pid_t pid = -1;
  FileDescriptor exit;      // a pidfd: readable once the process has ended
  FileDescriptor requests;  // what is written here the child reads from 3; non-blocking
  FileDescriptor answers;   // what the child writes to 4; non-blocking

  // Ends the process and all in its group. Only before WaitForEnd(), while the id is still taken.
  void KillGroup() const;
  // Waits until the process is gone and returns its wait status.
  int WaitForEnd() const;
};

// Starts a program as the leader of a session, unable to gain privileges, with nothing of this
// process but two pipes, and with limits on memory, files and core dumps. It is killed when the
// calling THREAD ends, so call this from a thread that lives as long as the process should.
// UNAVAILABLE if the system has no room; a program that cannot be executed ends with code 127.
absl::StatusOr<ChildProcess> StartProcess(const ProcessSpec& spec);

}  // namespace millrace
