#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "service/blocking_pool.h"
#include "service/caller.h"

namespace millrace::service {

class Calls;

// A call that is under way. Whoever has it may end it, from any thread; the first one does, and
// what the others say is dropped. So an answer may come long after its client has gone.
class OpenCall {
 public:
  virtual ~OpenCall() = default;
  // Ends the call with an error; or, for a stream, with OK.
  virtual void End(const absl::Status& status) = 0;
};

// A unary call that will be answered.
class PendingCall : public OpenCall {
 public:
  PendingCall(grpc::ServerUnaryReactor* reactor, grpc::ByteBuffer* response)
      : reactor_(reactor), response_(response) {}

  void Answer(const google::protobuf::Message& response);
  void Answer(const absl::Status& error) { End(error); }
  template <typename Response>
  void Answer(const absl::StatusOr<Response>& response) {
    if (response.ok()) {
      Answer(*response);
    } else {
      End(response.status());
    }
  }
  void End(const absl::Status& status) override;
  bool ended() const;
  // Is called once when the call ends, or at once if it has: to give up what would answer it.
  void OnEnd(std::function<void()> given_up);

 private:
  void Finish(const grpc::Status& status, grpc::ByteBuffer bytes);

  mutable std::mutex mutex_;
  grpc::ServerUnaryReactor* reactor_;  // null once the call has ended
  grpc::ByteBuffer* const response_;
  std::function<void()> given_up_;
};

// What every call goes through: it is counted, its request parsed, its caller checked. Then its
// handler runs, here or in the pool, and whatever it throws becomes INTERNAL. Thread-safe.
class Calls {
 public:
  struct Options {
    int calls_max = 20'000;  // under way at once; RESOURCE_EXHAUSTED beyond
    BlockingPool::Options pool;
  };
  Calls(Authorizer* authorizer, const Options& options);

  // For handlers that never block: they answer `call`, now or later.
  template <typename Request>
  using AsyncHandler =
      std::function<void(const Caller&, const Request&, const std::shared_ptr<PendingCall>&)>;
  template <typename Request>
  grpc::ServerUnaryReactor* Receive(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* bytes, grpc::ByteBuffer* response,
                                    const AsyncHandler<Request>& handle) {
    Request request;
    Begun begun = Begin(context, *bytes, response, &request);
    if (begun.call != nullptr) {
      Guard(*begun.call, [&] { handle(begun.caller, request, begun.call); });
    }
    return begun.reactor;
  }

  // For handlers that wait for the database: they run in the pool.
  template <typename Request, typename Response>
  using BlockingHandler = std::function<absl::StatusOr<Response>(const Caller&, const Request&)>;
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* ReceiveBlocking(grpc::CallbackServerContext* context,
                                            const grpc::ByteBuffer* bytes,
                                            grpc::ByteBuffer* response,
                                            BlockingHandler<Request, Response> handle) {
    return Receive<Request>(
        context, bytes, response,
        [this, handle = std::move(handle)](const Caller& caller, const Request& request,
                                           const std::shared_ptr<PendingCall>& call) {
          RunBlocking(call,
                      [caller, request, call, handle] { call->Answer(handle(caller, request)); });
        });
  }

  // Runs `job` in the pool, unless the call has ended by then; it is to answer the call.
  void RunBlocking(const std::shared_ptr<PendingCall>& call, std::function<void()> job);

  // Whether this call may go on: counts it, until Release(). For streams, which do all by
  // themselves.
  absl::Status Admit(const grpc::ServerContextBase& context,
                     const google::protobuf::Message& request, Caller* caller);
  void Release() { --calls_; }

  // Calls that may last are ended with SHUTTING_DOWN when the server stops, unless they left
  // before.
  void Join(std::shared_ptr<OpenCall> call);
  void Leave(const std::shared_ptr<OpenCall>& call);
  // From now on no call is admitted.
  void Shutdown();

  // Runs `handle`; what it throws ends the call.
  static void Guard(OpenCall& call, const std::function<void()>& handle);

 private:
  struct Begun {
    grpc::ServerUnaryReactor* reactor = nullptr;
    std::shared_ptr<PendingCall> call;  // null if the call has ended already
    Caller caller;
  };
  Begun Begin(const grpc::CallbackServerContext* context, const grpc::ByteBuffer& bytes,
              grpc::ByteBuffer* response, google::protobuf::Message* request);

  Authorizer* const authorizer_;
  const int calls_max_;
  std::atomic<int> calls_{0};
  std::mutex mutex_;
  bool shutting_down_ = false;
  absl::flat_hash_set<std::shared_ptr<OpenCall>> lasting_;
  BlockingPool pool_;  // the last: its jobs use the rest
};

}  // namespace millrace::service
