#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/tasks/file_descriptor.h"

namespace millrace {

// The descriptors of a child, beside the three standard ones, which lead nowhere.
inline constexpr int kChildRequests = 3;
inline constexpr int kChildAnswers = 4;
inline constexpr int kChildStatus = 5;
inline constexpr int kChildProgram = 6;

struct ProcessSpec {
  std::vector<std::string> arguments;  // the first is the program's absolute path
  std::vector<std::string> environment;
  std::string folder;  // its working directory
  int64_t address_space_bytes_max = 0;
  std::optional<uid_t> user;  // with the group of the same number, and all that this user may run
  int program = -1;           // what the child finds at kChildProgram
  bool may_isolate = true;    // false: as where the system refuses namespaces
};

// A running child. Its owner must see to its end: Kill(), then WaitForEnd().
struct ChildProcess {
  pid_t pid = -1;
  // It is the first process of a PID namespace: with it the kernel kills all that it has started,
  // whatever they did to get away.
  bool is_isolated = false;
  FileDescriptor exit;  // a pidfd: readable once the process has ended
  FileDescriptor
      requests;            // what is written here the child reads from kChildRequests; non-blocking
  FileDescriptor answers;  // what the child writes to kChildAnswers; non-blocking
  FileDescriptor status;   // and to kChildStatus; non-blocking

  // Ends the process and its descendants: at once if it is isolated, else by asking it with SIGTERM
  // to see to them. Only before WaitForEnd(), while the id is still taken.
  void Kill() const;
  // Ends the process and all in its group, whatever it does.
  void KillGroup() const;
  // Waits until the process is gone, for a second before it helps with KillGroup(), and returns its
  // wait status.
  int WaitForEnd() const;
};

// Starts a program as the leader of a session, unable to gain privileges, with nothing of this
// process but its pipes, and with limits on memory, files and core dumps. Where the system allows
// it, root or not, it is the first process of a PID namespace, with a /proc of its own; else the
// subreaper of its descendants. It is killed (not isolated: gets SIGTERM) when the calling THREAD
// ends, so call this from a thread that lives as long as the process should. UNAVAILABLE if the
// system has no room; a program that cannot be executed ends with code 127.
absl::StatusOr<ChildProcess> StartProcess(const ProcessSpec& spec);

// Ends all processes of a user that only functions have. Needs to be root's.
void KillAllOf(uid_t user);

// A file in memory that nobody can change, for ProcessSpec::program. Closed if there is no room.
FileDescriptor MakeSealedFile(const std::string& content);

}  // namespace millrace
