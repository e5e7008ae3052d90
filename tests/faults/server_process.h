#pragma once

#include <grpcpp/grpcpp.h>
#include <sys/types.h>

#include <memory>
#include <string>

namespace millrace::testing {

// The real binary, serving a private cluster in a folder, as a process that can be killed.
class ServerProcess {
 public:
  // `data_dir` stays over restarts; `port` is one that nobody listens on.
  ServerProcess(std::string data_dir, int port);
  ~ServerProcess();  // ends it with SIGTERM

  // Starts it and waits until it answers. A test failure if it does not within a minute.
  void Start();
  // SIGKILL, to this process alone or also to its PostgreSQL's postmaster.
  void Kill(bool with_postmaster);
  // SIGKILL to its PostgreSQL's postmaster alone.
  void KillPostmaster();
  bool IsRunning() const { return pid_ > 0; }

  // A new channel to it; calls fail while it is down.
  std::shared_ptr<grpc::Channel> NewChannel() const;
  const std::string& log_path() const { return log_path_; }

 private:
  const std::string data_dir_;
  const int port_;
  const std::string log_path_;
  pid_t pid_ = -1;
};

// A port that was free a moment ago.
int FreePort();

}  // namespace millrace::testing
