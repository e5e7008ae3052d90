#include "service/worker_service.h"

#include <memory>

#include "service/request.h"
#include "service/worker_stream.h"

namespace millrace::service {
namespace {

// gRPC's side of a WorkerStream. Deletes itself when gRPC is done with it.
class WorkReactor : public WorkerStream::Reactor {
 public:
  WorkReactor(grpc::CallbackServerContext* context, Calls* calls, TaskQueues* queues)
      : context_(context), calls_(calls), stream_(std::make_shared<WorkerStream>(queues, this)) {
    calls_->Join(stream_);
    StartRead(&bytes_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return stream_->End(absl::OkStatus());
    Calls::Guard(*stream_, [&] {
      const absl::Status status = Take();
      if (!status.ok()) return stream_->End(status);
      if (stream_->MayRead([this] { StartRead(&bytes_); })) StartRead(&bytes_);
    });
  }
  void OnWriteDone(bool ok) override {
    Calls::Guard(*stream_, [&] { stream_->WriteDone(ok); });
  }
  void OnCancel() override { stream_->End(absl::CancelledError("the client has gone")); }
  void OnDone() override {
    calls_->Leave(stream_);
    stream_->Drop();
    if (is_admitted_) calls_->Release();
    delete this;
  }

 private:
  absl::Status Take() {
    v1::WorkRequest request;
    if (absl::Status status = ParseRequest(bytes_, &request); !status.ok()) return status;
    if (is_open_) return stream_->Hear(request);
    Caller caller;
    if (absl::Status status = calls_->Admit(*context_, request, &caller); !status.ok()) {
      return status;
    }
    is_admitted_ = true;
    absl::Status status = stream_->Open(request);
    is_open_ = status.ok();
    return status;
  }

  grpc::CallbackServerContext* const context_;
  Calls* const calls_;
  const std::shared_ptr<WorkerStream> stream_;
  grpc::ByteBuffer bytes_;
  bool is_admitted_ = false;
  bool is_open_ = false;
};

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* WorkerService::Work(
    grpc::CallbackServerContext* context) {
  return new WorkReactor(context, calls_, queues_);
}

}  // namespace millrace::service
