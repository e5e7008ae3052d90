#pragma once

#include "engine/runtime/functions.h"
#include "millrace/v1/function.grpc.pb.h"
#include "service/calls.h"

namespace millrace::service {

// millrace.v1.FunctionService over the catalog. Its methods take and give bytes (see request.h).
class FunctionService : public v1::FunctionService::WithRawCallbackMethod_CreateFunction<
                            v1::FunctionService::WithRawCallbackMethod_GetFunction<
                                v1::FunctionService::WithRawCallbackMethod_ListFunctions<
                                    v1::FunctionService::WithRawCallbackMethod_DeleteFunction<
                                        v1::FunctionService::WithRawCallbackMethod_InvokeFunction<
                                            v1::FunctionService::Service>>>>> {
 public:
  FunctionService(Calls* calls, Functions* functions) : calls_(calls), functions_(functions) {}

  using Context = grpc::CallbackServerContext;
  using Bytes = grpc::ByteBuffer;
  using Reactor = grpc::ServerUnaryReactor;
  Reactor* CreateFunction(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* GetFunction(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* ListFunctions(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* DeleteFunction(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* InvokeFunction(Context* context, const Bytes* request, Bytes* response) override;

 private:
  void Invoke(const v1::InvokeFunctionRequest& request, const std::shared_ptr<PendingCall>& call);

  Calls* const calls_;
  Functions* const functions_;
};

}  // namespace millrace::service
