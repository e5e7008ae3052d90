#pragma once

#include <atomic>
#include <memory>

#include "engine/runtime/integrity.h"
#include "millrace/v1/operator.grpc.pb.h"
#include "service/blocking_pool.h"
#include "service/calls.h"

namespace millrace::service {

// millrace.v1.OperatorService. A check takes long, so it has a thread of its own, and there is one
// at a time; it is given up when its call ends, by its client or with the server.
class OperatorService : public v1::OperatorService::WithRawCallbackMethod_CheckIntegrity<
                            v1::OperatorService::Service> {
 public:
  OperatorService(Calls* calls, const IntegritySources& sources)
      : calls_(calls), sources_(sources) {}

  grpc::ServerUnaryReactor* CheckIntegrity(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;

 private:
  void Check(const v1::CheckIntegrityRequest& request, const std::shared_ptr<PendingCall>& call);

  Calls* const calls_;
  const IntegritySources sources_;
  std::atomic<bool> is_checking_{false};
  BlockingPool checks_{{.threads = 1, .queue_max = 1}};  // the last: its jobs use the rest
};

}  // namespace millrace::service
