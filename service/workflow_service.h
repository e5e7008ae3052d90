#pragma once

#include "engine/runtime/workflows.h"
#include "millrace/v1/workflow.grpc.pb.h"
#include "service/calls.h"
#include "service/state_tester.h"

namespace millrace::service {

// millrace.v1.WorkflowService over the catalog. Its methods take and give bytes (see request.h).
class WorkflowService
    : public v1::WorkflowService::WithRawCallbackMethod_CreateWorkflow<
          v1::WorkflowService::WithRawCallbackMethod_GetWorkflow<
              v1::WorkflowService::WithRawCallbackMethod_ListWorkflows<
                  v1::WorkflowService::WithRawCallbackMethod_UpdateWorkflow<
                      v1::WorkflowService::WithRawCallbackMethod_DeleteWorkflow<
                          v1::WorkflowService::WithRawCallbackMethod_ValidateWorkflow<
                              v1::WorkflowService::WithRawCallbackMethod_TestState<
                                  v1::WorkflowService::WithRawCallbackMethod_ListWorkflowRevisions<
                                      v1::WorkflowService::Service>>>>>>>> {
 public:
  WorkflowService(Calls* calls, Workflows* workflows, Functions* functions)
      : calls_(calls), workflows_(workflows), state_tester_(calls, functions) {}

  using Context = grpc::CallbackServerContext;
  using Bytes = grpc::ByteBuffer;
  using Reactor = grpc::ServerUnaryReactor;
  Reactor* CreateWorkflow(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* GetWorkflow(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* ListWorkflows(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* UpdateWorkflow(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* DeleteWorkflow(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* ValidateWorkflow(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* TestState(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* ListWorkflowRevisions(Context* context, const Bytes* request, Bytes* response) override;

 private:
  Calls* const calls_;
  Workflows* const workflows_;
  StateTester state_tester_;
};

}  // namespace millrace::service
