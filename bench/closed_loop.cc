#include "bench/closed_loop.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bench/stop_signal.h"
#include "engine/base/status_macros.h"
#include "millrace/v1/execution.grpc.pb.h"

namespace millrace::bench {
namespace {

// A server allows 250 calls at once on a connection.
constexpr int kCallsPerChannel = 64;

class ClosedLoop {
 public:
  explicit ClosedLoop(const LoopOptions& options) : options_(options) {
    const int channels = (options.in_flight + kCallsPerChannel - 1) / kCallsPerChannel;
    for (int i = 0; i < channels; ++i) stubs_.push_back(v1::ExecutionService::NewStub(Connect()));
    request_.set_parent(absl::StrCat("projects/default/workflows/", options.workflow));
    request_.set_input(R"({"order":"A-1042","total":42.5})");
  }

  absl::StatusOr<LoopFigures> Run() {
    open_ = options_.in_flight;
    for (int i = 0; i < options_.in_flight; ++i) Begin(*stubs_[i % stubs_.size()]);
    WaitUnlessStopped(options_.warm_up);
    const absl::Time from = absl::Now();
    is_measuring_ = true;
    WaitUnlessStopped(options_.measured);
    is_measuring_ = false;
    const absl::Duration measured = absl::Now() - from;
    is_over_ = true;
    std::unique_lock lock(mutex_);
    if (!all_ended_.wait_for(lock, std::chrono::minutes(1), [this] { return open_ == 0; })) {
      // Their callbacks refer to this object, so there is no way on.
      std::fprintf(stderr, "%d calls hang: gave up after a minute\n", open_);
      std::abort();
    }
    MILLRACE_RETURN_IF_ERROR(failure_);
    if (IsStopped()) return absl::CancelledError("stopped");
    if (times_.empty()) return absl::DeadlineExceededError("no workflow ended in time");
    return Figures(measured);
  }

 private:
  struct Call {
    grpc::ClientContext context;
    v1::Execution execution;
    absl::Time begun_at;
  };

  std::shared_ptr<grpc::Channel> Connect() const {
    grpc::ChannelArguments arguments;
    // Otherwise channels with the same target share a connection.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(options_.address, grpc::InsecureChannelCredentials(),
                                     arguments);
  }

  void Begin(v1::ExecutionService::Stub& stub) {
    auto call = std::make_shared<Call>();
    call->begun_at = absl::Now();
    stub.async()->RunExecution(
        &call->context, &request_, &call->execution,
        [this, &stub, call](const grpc::Status& status) { OnEnd(stub, *call, status); });
  }

  void OnEnd(v1::ExecutionService::Stub& stub, const Call& call, const grpc::Status& status) {
    const absl::Duration time = absl::Now() - call.begun_at;
    const absl::Status end = EndOf(call.execution, status);
    {
      const std::lock_guard lock(mutex_);
      if (is_measuring_) times_.push_back(time);
      failure_.Update(end);
      if (is_over_ || !failure_.ok()) {
        // Under the lock: Run() may return, and this object go, as soon as it sees zero.
        if (--open_ == 0) all_ended_.notify_all();
        return;
      }
    }
    Begin(stub);
  }

  static absl::Status EndOf(const v1::Execution& execution, const grpc::Status& status) {
    if (!status.ok()) {
      return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                          status.error_message());
    }
    if (execution.state() == v1::Execution::SUCCEEDED) return absl::OkStatus();
    return absl::InternalError(absl::StrCat(execution.name(), " is ",
                                            v1::Execution::State_Name(execution.state()), ": ",
                                            execution.error(), " ", execution.cause()));
  }

  LoopFigures Figures(absl::Duration measured) {
    std::sort(times_.begin(), times_.end());
    const auto at = [this](size_t percent) { return times_[(times_.size() - 1) * percent / 100]; };
    return {.workflows_per_second =
                static_cast<double>(times_.size()) / absl::ToDoubleSeconds(measured),
            .p50 = at(50),
            .p99 = at(99)};
  }

  const LoopOptions options_;
  v1::RunExecutionRequest request_;
  std::vector<std::unique_ptr<v1::ExecutionService::Stub>> stubs_;
  std::atomic<bool> is_measuring_{false};
  std::atomic<bool> is_over_{false};
  std::mutex mutex_;  // guards what follows
  std::condition_variable all_ended_;
  int open_ = 0;
  std::vector<absl::Duration> times_;
  absl::Status failure_;
};

}  // namespace

absl::StatusOr<LoopFigures> RunClosedLoop(const LoopOptions& options) {
  return ClosedLoop(options).Run();
}

}  // namespace millrace::bench
