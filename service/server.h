#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/runtime/executions.h"
#include "engine/runtime/functions.h"
#include "engine/runtime/integrity.h"
#include "engine/runtime/task_queues.h"
#include "engine/runtime/workflows.h"
#include "service/calls.h"

namespace millrace::service {

// What a listener allows. A client that wants more gets an error, or its connection is ended.
struct ServerOptions {
  std::string listen = "127.0.0.1:7070";  // port 0: any free one
  int streams_max = 250;                  // at once on a connection
  int request_bytes_max = 4 << 20;
  int metadata_bytes_max = 16 << 10;
  size_t memory_bytes_max = 512u << 20;  // of gRPC's own buffers
  int threads_max = 64;
  absl::Duration handshake_timeout = absl::Seconds(10);
  absl::Duration connection_idle_max = absl::Minutes(5);
  // After its age a connection takes no more calls; after the grace, those under way are ended. It
  // is long, because RunExecution and WatchExecution may be: both can be made again where they
  // broke.
  absl::Duration connection_age_max = absl::Minutes(10);
  absl::Duration connection_age_grace = absl::Hours(1);
  absl::Duration ping_interval_min = absl::Seconds(10);  // a client's; more often is an abuse
  absl::Duration keepalive_interval = absl::Seconds(60);
  absl::Duration keepalive_timeout = absl::Seconds(20);
  Calls::Options calls;
};

// What the services work with.
struct Served {
  Workflows* workflows = nullptr;
  Functions* functions = nullptr;
  Executions* executions = nullptr;
  TaskQueues* task_queues = nullptr;
  IntegritySources integrity;
};

// The gRPC server: the services, reflection and health. Serves from Start() to Shutdown(); what it
// is given must outlive it. Callbacks of the runtime may still come after Shutdown(), but must have
// ended before this is destroyed.
class Server {
 public:
  // UNAVAILABLE, with the address, if it cannot be listened on: as when another server does.
  // Without an `authorizer` everybody may do everything.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       const Served& served,
                                                       Authorizer* authorizer = nullptr);
  ~Server();

  int port() const;
  // Refuses new calls with SHUTTING_DOWN, as also those that wait for an execution's end or
  // history; all others have `grace` to end. Returns when no call is left.
  void Shutdown(absl::Duration grace);

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace millrace::service
