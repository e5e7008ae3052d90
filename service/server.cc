#include "service/server.h"

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "grpc/health/v1/health.pb.h"
#include "service/execution_service.h"
#include "service/function_service.h"
#include "service/operator_service.h"
#include "service/worker_service.h"
#include "service/workflow_service.h"

namespace millrace::service {
namespace {

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

void SetLimits(const ServerOptions& options, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(options.request_bytes_max);
  // A second server on the port is to fail, not to share its connections.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.streams_max);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, options.metadata_bytes_max);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                              Milliseconds(options.handshake_timeout));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                              Milliseconds(options.connection_idle_max));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                              Milliseconds(options.connection_age_max));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                              Milliseconds(options.connection_age_grace));
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              Milliseconds(options.ping_interval_min));
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(options.keepalive_interval));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                              Milliseconds(options.keepalive_timeout));
  grpc::ResourceQuota quota("millrace");
  quota.SetMaxThreads(options.threads_max);
  quota.Resize(options.memory_bytes_max);
  builder->SetResourceQuota(quota);
}

}  // namespace

struct Server::State {
  State(const ServerOptions& options, const Served& served, Authorizer* authorizer)
      : calls(authorizer == nullptr ? &allow_all : authorizer, options.calls),
        workflows(&calls, served.workflows, served.functions),
        executions(&calls, served.executions, served.workflows),
        functions(&calls, served.functions),
        workers(&calls, served.task_queues),
        operators(&calls, served.integrity) {}

  Authorizer allow_all;
  Calls calls;
  WorkflowService workflows;
  ExecutionService executions;
  FunctionService functions;
  WorkerService workers;
  OperatorService operators;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() { Shutdown(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const Served& served,
                                                      Authorizer* authorizer) {
  // gRPC answers health calls without protobuf; reflection needs the descriptor, which is linked
  // only if it is used.
  MILLRACE_CHECK(grpc::health::v1::HealthCheckRequest::descriptor() != nullptr);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();

  auto state = std::make_unique<State>(options, served, authorizer);
  grpc::ServerBuilder builder;
  SetLimits(options, &builder);
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &state->port);
  builder.RegisterService(&state->workflows);
  builder.RegisterService(&state->executions);
  builder.RegisterService(&state->functions);
  builder.RegisterService(&state->workers);
  builder.RegisterService(&state->operators);
  state->server = builder.BuildAndStart();
  if (state->server == nullptr || state->port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", options.listen,
                     ": it is no address of this machine, or another server listens there"));
  }
  if (auto* health = state->server->GetHealthCheckService(); health != nullptr) {
    health->SetServingStatus(true);
    for (const char* name :
         {v1::WorkflowService::service_full_name(), v1::ExecutionService::service_full_name(),
          v1::FunctionService::service_full_name(), v1::WorkerService::service_full_name(),
          v1::OperatorService::service_full_name()}) {
      health->SetServingStatus(name, true);
    }
  }
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

int Server::port() const { return state_->port; }

void Server::Shutdown(absl::Duration grace) {
  if (state_->server == nullptr) return;
  if (auto* health = state_->server->GetHealthCheckService(); health != nullptr) {
    health->Shutdown();
  }
  state_->calls.Shutdown();
  state_->server->Shutdown(absl::ToChronoTime(absl::Now() + grace));
  state_->server->Wait();
  state_->server.reset();
}

}  // namespace millrace::service
