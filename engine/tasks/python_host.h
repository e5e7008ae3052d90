#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "engine/tasks/function_host.h"

namespace millrace {

struct PythonHostOptions {
  std::string python_path = "/usr/bin/python3";
  // Where the functions' folders are made; the system's folder for temporary files if empty.
  std::string folder;
  int processes_max = 64;
  // A process without a call for so long is ended.
  absl::Duration idle_max = absl::Minutes(10);
  // The interpreter must run within this; a call's own time only begins then.
  absl::Duration start_max = absl::Seconds(30);
  // False: as where the system refuses namespaces.
  bool may_isolate = true;
};

class PythonLoop;

// Runs Python functions, each version in a warm process of its own that serves one call at a time.
// The process has no environment, no descriptors, no privileges and a limited memory. As root's it
// has a user of its own too, else it is the server's user. It and all its descendants are killed
// when a call takes too long or is cancelled, and when this host or the server ends; the calls that
// wait go to a new one. A call's time is counted from when the process turns to it, the import of
// its module included. No answer depends on how another call or another function fares.
//
// The errors beside an exception's class name: States.Timeout, Function.OutOfMemory,
// Function.ExitError (the process ended, or could not be started), Function.InvalidResult (no JSON,
// NaN, over 6 MiB), Function.HandlerNotFound, Function.Cancelled.
class PythonHost : public FunctionHost {
 public:
  explicit PythonHost(PythonHostOptions options = {});
  ~PythonHost() override;

  void Invoke(std::shared_ptr<const FunctionCode> code, Json event, InvocationContext context,
              InvocationDone done) override;
  void Cancel(const std::string& call_id) override;

 private:
  std::atomic<uint64_t> next_number_{1};
  std::unique_ptr<PythonLoop> loop_;
  // One thread for all processes: it only moves bytes, so that one keeps up with all of them, and
  // whatever belongs to processes needs no lock. Processes are its children and die with it.
  std::thread thread_;
};

}  // namespace millrace
