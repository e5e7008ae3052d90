#pragma once

#include "engine/runtime/task_queues.h"
#include "millrace/v1/worker.grpc.pb.h"
#include "service/calls.h"

namespace millrace::service {

// millrace.v1.WorkerService over the queues of this node.
class WorkerService
    : public v1::WorkerService::WithRawCallbackMethod_Work<v1::WorkerService::Service> {
 public:
  WorkerService(Calls* calls, TaskQueues* queues) : calls_(calls), queues_(queues) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Work(
      grpc::CallbackServerContext* context) override;

 private:
  Calls* const calls_;
  TaskQueues* const queues_;
};

}  // namespace millrace::service
