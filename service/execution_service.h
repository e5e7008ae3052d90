#pragma once

#include "engine/runtime/executions.h"
#include "engine/runtime/workflows.h"
#include "millrace/v1/execution.grpc.pb.h"
#include "service/calls.h"

namespace millrace::service {

// millrace.v1.ExecutionService over the runtime. Its methods take and give bytes (see request.h).
// Calls that the runtime answers with a callback hold no thread while they wait.
class ExecutionService
    : public v1::ExecutionService::WithRawCallbackMethod_StartExecution<
          v1::ExecutionService::WithRawCallbackMethod_RunExecution<
              v1::ExecutionService::WithRawCallbackMethod_GetExecution<
                  v1::ExecutionService::WithRawCallbackMethod_ListExecutions<
                      v1::ExecutionService::WithRawCallbackMethod_StopExecution<
                          v1::ExecutionService::WithRawCallbackMethod_ReleaseExecution<
                              v1::ExecutionService::WithRawCallbackMethod_GetExecutionHistory<
                                  v1::ExecutionService::WithRawCallbackMethod_WatchExecution<
                                      v1::ExecutionService::
                                          WithRawCallbackMethod_GetExecutionWorkflow<
                                              v1::ExecutionService::
                                                  WithRawCallbackMethod_ListMapItems<
                                                      v1::ExecutionService::Service>>>>>>>>>> {
 public:
  ExecutionService(Calls* calls, Executions* executions, Workflows* workflows)
      : calls_(calls), executions_(executions), workflows_(workflows) {}

  using Context = grpc::CallbackServerContext;
  using Bytes = grpc::ByteBuffer;
  using Reactor = grpc::ServerUnaryReactor;
  Reactor* StartExecution(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* RunExecution(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* GetExecution(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* ListExecutions(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* StopExecution(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* ReleaseExecution(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* ListMapItems(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* GetExecutionHistory(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerWriteReactor<Bytes>* WatchExecution(Context* context, const Bytes* request) override;
  Reactor* GetExecutionWorkflow(Context* context, const Bytes* request, Bytes* response) override;

 private:
  void Start(const v1::StartExecutionRequest& request, const std::shared_ptr<PendingCall>& call);
  void Run(const v1::RunExecutionRequest& request, const std::shared_ptr<PendingCall>& call);
  void Stop(const v1::StopExecutionRequest& request, const std::shared_ptr<PendingCall>& call);

  Calls* const calls_;
  Executions* const executions_;
  Workflows* const workflows_;
};

}  // namespace millrace::service
