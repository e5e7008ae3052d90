#include "service/calls.h"

#include <exception>

#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/errors.h"
#include "service/reply.h"
#include "service/request.h"

namespace millrace::service {
namespace {

// gRPC's side of a PendingCall. Deletes itself when gRPC is done with it.
class UnaryReactor : public grpc::ServerUnaryReactor {
 public:
  UnaryReactor(Calls* calls, grpc::ByteBuffer* response)
      : calls_(calls), call_(std::make_shared<PendingCall>(this, response)) {}

  const std::shared_ptr<PendingCall>& call() const { return call_; }
  void set_admitted() { admitted_ = true; }

  void OnCancel() override { call_->End(absl::CancelledError("the client has gone")); }
  void OnDone() override {
    if (admitted_) calls_->Release();
    delete this;
  }

 private:
  Calls* const calls_;
  const std::shared_ptr<PendingCall> call_;
  bool admitted_ = false;
};

}  // namespace

void PendingCall::Answer(const google::protobuf::Message& response) {
  Finish(grpc::Status::OK, Serialize(response));
}

void PendingCall::End(const absl::Status& status) { Finish(ToGrpcStatus(status), {}); }

void PendingCall::Finish(const grpc::Status& status, grpc::ByteBuffer bytes) {
  std::function<void()> given_up;
  {
    const std::lock_guard lock(mutex_);
    if (reactor_ == nullptr) return;
    if (status.ok()) *response_ = std::move(bytes);
    // Under the lock: the reactor may go as soon as this has been called once.
    std::exchange(reactor_, nullptr)->Finish(status);
    given_up = std::move(given_up_);
  }
  if (given_up) given_up();
}

bool PendingCall::ended() const {
  const std::lock_guard lock(mutex_);
  return reactor_ == nullptr;
}

void PendingCall::OnEnd(std::function<void()> given_up) {
  {
    const std::lock_guard lock(mutex_);
    if (reactor_ != nullptr) {
      given_up_ = std::move(given_up);
      return;
    }
  }
  given_up();
}

Calls::Calls(Authorizer* authorizer, const Options& options)
    : authorizer_(authorizer), calls_max_(options.calls_max), pool_(options.pool) {}

absl::Status Calls::Admit(const grpc::ServerContextBase& context,
                          const google::protobuf::Message& request, Caller* caller) {
  if (++calls_ > calls_max_) {
    --calls_;
    return errors::TooManyRequests("calls");
  }
  const std::string resource = ResourceOf(request);
  *caller = CallerOf(context, resource);
  absl::Status status =
      authorizer_->Check(*caller, PermissionFor(request.GetDescriptor()), resource);
  if (status.ok()) {
    const std::lock_guard lock(mutex_);
    if (shutting_down_) status = errors::ShuttingDown();
  }
  if (!status.ok()) --calls_;
  return status;
}

Calls::Begun Calls::Begin(const grpc::CallbackServerContext* context, const grpc::ByteBuffer& bytes,
                          grpc::ByteBuffer* response, google::protobuf::Message* request) {
  auto* reactor = new UnaryReactor(this, response);
  Begun begun{.reactor = reactor};
  absl::Status status = ParseRequest(bytes, request);
  if (status.ok()) status = Admit(*context, *request, &begun.caller);
  if (status.ok()) {
    reactor->set_admitted();
    begun.call = reactor->call();
  } else {
    reactor->call()->End(status);
  }
  return begun;
}

void Calls::RunBlocking(const std::shared_ptr<PendingCall>& call, std::function<void()> job) {
  const bool submitted = pool_.Submit([call, job = std::move(job)] {
    if (!call->ended()) Guard(*call, job);
  });
  if (!submitted) call->End(errors::TooManyRequests("calls"));
}

void Calls::Join(std::shared_ptr<OpenCall> call) {
  {
    const std::lock_guard lock(mutex_);
    if (!shutting_down_) {
      lasting_.insert(std::move(call));
      return;
    }
  }
  call->End(errors::ShuttingDown());
}

void Calls::Leave(const std::shared_ptr<OpenCall>& call) {
  const std::lock_guard lock(mutex_);
  lasting_.erase(call);
}

void Calls::Shutdown() {
  absl::flat_hash_set<std::shared_ptr<OpenCall>> lasting;
  {
    const std::lock_guard lock(mutex_);
    shutting_down_ = true;
    lasting = std::move(lasting_);
    lasting_.clear();
  }
  for (const std::shared_ptr<OpenCall>& call : lasting) call->End(errors::ShuttingDown());
}

void Calls::Guard(OpenCall& call, const std::function<void()>& handle) {
  try {
    handle();
  } catch (const std::exception& exception) {
    Log(LogLevel::kError, "a call's handler failed", {{"error", exception.what()}});
    call.End(errors::Internal());
  } catch (...) {
    Log(LogLevel::kError, "a call's handler failed", {{"error", "no std::exception"}});
    call.End(errors::Internal());
  }
}

}  // namespace millrace::service
