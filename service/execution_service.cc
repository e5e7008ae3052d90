#include "service/execution_service.h"

#include <atomic>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "service/convert/execution.h"
#include "service/convert/workflow.h"
#include "service/names.h"
#include "service/pages.h"
#include "service/reply.h"
#include "service/request.h"
#include "service/watch_stream.h"

namespace millrace::service {
namespace {

constexpr absl::string_view kEndedReason = "EXECUTION_ENDED";

void AnswerExecution(PendingCall& call, const absl::StatusOr<ExecutionView>& view) {
  Calls::Guard(call, [&] {
    if (view.ok()) {
      call.Answer(ToProto(*view));
    } else {
      call.End(view.status());
    }
  });
}

absl::StatusOr<v1::Execution> Get(Executions* executions, const v1::GetExecutionRequest& request) {
  FieldChecks checks;
  const ExecutionId id = ParseExecutionName("name", request.name(), &checks);
  MILLRACE_RETURN_IF_ERROR(checks.status());
  MILLRACE_ASSIGN_OR_RETURN(const ExecutionView view, executions->Get(id));
  return ToProto(view);
}

absl::StatusOr<v1::ListExecutionsResponse> List(Executions* executions,
                                                const v1::ListExecutionsRequest& request) {
  FieldChecks checks;
  const ExecutionsFilter filter = FromProto(request, &checks);
  const Page page = ParsePage(request, &checks);
  std::optional<ExecutionKey> after;
  if (!page.position.empty()) {
    const absl::StatusOr<Uuid> uuid = Uuid::Parse(page.position);
    if (uuid.ok()) {
      after = ExecutionKey{*uuid};
    } else {
      checks.Add("page_token", uuid.status().message());
    }
  }
  MILLRACE_RETURN_IF_ERROR(checks.status());
  MILLRACE_ASSIGN_OR_RETURN(const Executions::ExecutionsPage found,
                            executions->List(filter, after, page.size));
  v1::ListExecutionsResponse response;
  for (const ExecutionView& view : found.executions) *response.add_executions() = ToProto(view);
  if (found.next.has_value()) {
    response.set_next_page_token(NextPageToken(request, found.next->uuid.ToString()));
  }
  return response;
}

absl::StatusOr<v1::GetExecutionHistoryResponse> History(
    Executions* executions, const v1::GetExecutionHistoryRequest& request) {
  FieldChecks checks;
  FrameId item = 0;
  const ExecutionId id = ParseHistoryName("name", request.name(), &item, &checks);
  const Page page = ParsePage(request, &checks);
  const int64_t after_id = page.PositionAsNumber(&checks);
  MILLRACE_RETURN_IF_ERROR(checks.status());
  MILLRACE_ASSIGN_OR_RETURN(
      const Executions::HistoryPage found,
      executions->History(id, item, after_id, page.size, request.reverse_order()));
  v1::GetExecutionHistoryResponse response;
  size_t bytes = 0;
  bool more = found.more;
  for (const HistoryEventView& event : found.events) {
    v1::HistoryEvent proto = ToProto(event);
    bytes += proto.ByteSizeLong();
    if (!response.events().empty() && bytes > kPageBytesMax) {
      more = true;
      break;
    }
    *response.add_events() = std::move(proto);
  }
  if (more && !response.events().empty()) {
    const int32_t last = response.events(response.events_size() - 1).event_id();
    response.set_next_page_token(NextPageToken(request, absl::StrCat(last)));
  }
  return response;
}

absl::StatusOr<v1::ListMapItemsResponse> ListItems(Executions* executions,
                                                   const v1::ListMapItemsRequest& request) {
  FieldChecks checks;
  const ExecutionId id = ParseExecutionName("parent", request.parent(), &checks);
  const Page page = ParsePage(request, &checks);
  const int64_t after = page.PositionAsNumber(&checks);
  MILLRACE_RETURN_IF_ERROR(checks.status());
  MILLRACE_ASSIGN_OR_RETURN(const Executions::MapItemsPage found,
                            executions->ListMapItems(id, static_cast<FrameId>(after), page.size));
  v1::ListMapItemsResponse response;
  size_t bytes = 0;
  bool more = found.more;
  FrameId last = 0;
  for (const MapItemView& item : found.items) {
    v1::MapItem proto = ToProto(id, item);
    bytes += proto.ByteSizeLong();
    if (last != 0 && bytes > kPageBytesMax) {
      more = true;
      break;
    }
    *response.add_map_items() = std::move(proto);
    last = item.item;
  }
  if (more) response.set_next_page_token(NextPageToken(request, absl::StrCat(last)));
  return response;
}

absl::StatusOr<v1::WorkflowRevision> GetWorkflow(Workflows& workflows,
                                                 const v1::GetExecutionWorkflowRequest& request) {
  FieldChecks checks;
  const ExecutionId id = ParseExecutionName("name", request.name(), &checks);
  MILLRACE_RETURN_IF_ERROR(checks.status());
  MILLRACE_ASSIGN_OR_RETURN(const RevisionRow revision, workflows.GetRevisionOf(id));
  return ToProto(id.workflow, revision);
}

// A repeated StopExecution finds what the first one did.
absl::StatusOr<v1::Execution> FindStopped(Executions* executions, const ExecutionId& id,
                                          const v1::StopExecutionRequest& request) {
  MILLRACE_ASSIGN_OR_RETURN(const ExecutionView view, executions->Get(id));
  if (view.status != ExecutionStatus::kAborted || view.error != request.error() ||
      view.cause != request.cause()) {
    return errors::ExecutionEnded(NameOf(id));
  }
  return ToProto(view);
}

absl::StatusOr<v1::Execution> Release(Executions* executions,
                                      const v1::ReleaseExecutionRequest& request) {
  FieldChecks checks;
  const ExecutionId id = ParseExecutionName("name", request.name(), &checks);
  checks.OptionalRequestId("request_id", request.request_id());
  MILLRACE_RETURN_IF_ERROR(checks.status());
  MILLRACE_ASSIGN_OR_RETURN(const ExecutionView view,
                            executions->Release(id, request.request_id()));
  return ToProto(view);
}

// gRPC's side of a WatchStream. Deletes itself when gRPC is done with it.
class WatchReactor : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  WatchReactor(Calls* calls, Executions* executions) : calls_(calls), executions_(executions) {}

  void Begin(const grpc::CallbackServerContext& context, const grpc::ByteBuffer& bytes) {
    v1::WatchExecutionRequest request;
    absl::Status status = ParseRequest(bytes, &request);
    Caller caller;
    if (status.ok()) {
      status = calls_->Admit(context, request, &caller);
      admitted_ = status.ok();
    }
    FieldChecks checks;
    const ExecutionId id = ParseExecutionName("name", request.name(), &checks);
    checks.NotNegative("after_event_id", request.after_event_id());
    if (status.ok()) status = checks.status();
    if (!status.ok()) return Finish(ToGrpcStatus(status));
    stream_ = std::make_shared<WatchStream>(executions_, id);
    // From here on only the stream finishes.
    Calls::Guard(*stream_, [&] { stream_->Begin(this, request.after_event_id()); });
    calls_->Join(stream_);
  }

  void OnWriteDone(bool ok) override {
    Calls::Guard(*stream_, [&] { stream_->WriteDone(ok); });
  }
  void OnCancel() override {
    if (stream_ != nullptr) stream_->End(absl::CancelledError("the client has gone"));
  }
  void OnDone() override {
    if (stream_ != nullptr) {
      calls_->Leave(stream_);
      stream_->Drop();
    }
    if (admitted_) calls_->Release();
    delete this;
  }

 private:
  Calls* const calls_;
  Executions* const executions_;
  bool admitted_ = false;
  std::shared_ptr<WatchStream> stream_;
};

}  // namespace

void ExecutionService::Start(const v1::StartExecutionRequest& request,
                             const std::shared_ptr<PendingCall>& call) {
  FieldChecks checks;
  Executions::StartRequest start = FromProto(request, &checks);
  if (!checks.ok()) return call->End(checks.status());
  executions_->Start(std::move(start), [call](const absl::StatusOr<ExecutionView>& view) {
    AnswerExecution(*call, view);
  });
}

void ExecutionService::Run(const v1::RunExecutionRequest& request,
                           const std::shared_ptr<PendingCall>& call) {
  FieldChecks checks;
  Executions::StartRequest start = FromProto(request, &checks);
  if (!checks.ok()) return call->End(checks.status());
  // The runtime's own callback must not call back into the runtime.
  const auto answered = std::make_shared<std::atomic<bool>>(false);
  const std::shared_ptr<Executions::Waiting> waiting = executions_->Run(
      std::move(start), [call, answered](const absl::StatusOr<ExecutionView>& view) {
        *answered = true;
        AnswerExecution(*call, view);
      });
  calls_->Join(call);
  call->OnEnd([calls = calls_, weak = std::weak_ptr<OpenCall>(call), waiting, answered] {
    if (const auto ended = weak.lock(); ended != nullptr) calls->Leave(ended);
    if (!*answered) waiting->Cancel();
  });
}

void ExecutionService::Stop(const v1::StopExecutionRequest& request,
                            const std::shared_ptr<PendingCall>& call) {
  FieldChecks checks;
  const ExecutionId id = ParseExecutionName("name", request.name(), &checks);
  checks.SizeAtMost("error", request.error(), kErrorBytesMax);
  checks.SizeAtMost("cause", request.cause(), kCauseBytesMax);
  checks.OptionalRequestId("request_id", request.request_id());
  if (!checks.ok()) return call->End(checks.status());
  executions_->Stop(id, request.error(), request.cause(),
                    [this, id, request, call](const absl::StatusOr<ExecutionView>& view) {
                      const bool repeated = !request.request_id().empty() && !view.ok() &&
                                            errors::ReasonOf(view.status()) == kEndedReason;
                      if (!repeated || call->ended()) return AnswerExecution(*call, view);
                      calls_->RunBlocking(call, [this, id, request, call] {
                        call->Answer(FindStopped(executions_, id, request));
                      });
                    });
}

grpc::ServerUnaryReactor* ExecutionService::StartExecution(Context* context, const Bytes* request,
                                                           Bytes* response) {
  return calls_->Receive<v1::StartExecutionRequest>(
      context, request, response,
      [this](const Caller&, const auto& parsed, const auto& call) { Start(parsed, call); });
}

grpc::ServerUnaryReactor* ExecutionService::RunExecution(Context* context, const Bytes* request,
                                                         Bytes* response) {
  return calls_->Receive<v1::RunExecutionRequest>(
      context, request, response,
      [this](const Caller&, const auto& parsed, const auto& call) { Run(parsed, call); });
}

grpc::ServerUnaryReactor* ExecutionService::GetExecution(Context* context, const Bytes* request,
                                                         Bytes* response) {
  return calls_->ReceiveBlocking<v1::GetExecutionRequest, v1::Execution>(
      context, request, response,
      [this](const Caller&, const auto& parsed) { return Get(executions_, parsed); });
}

grpc::ServerUnaryReactor* ExecutionService::ListExecutions(Context* context, const Bytes* request,
                                                           Bytes* response) {
  return calls_->ReceiveBlocking<v1::ListExecutionsRequest, v1::ListExecutionsResponse>(
      context, request, response,
      [this](const Caller&, const auto& parsed) { return List(executions_, parsed); });
}

grpc::ServerUnaryReactor* ExecutionService::StopExecution(Context* context, const Bytes* request,
                                                          Bytes* response) {
  return calls_->Receive<v1::StopExecutionRequest>(
      context, request, response,
      [this](const Caller&, const auto& parsed, const auto& call) { Stop(parsed, call); });
}

grpc::ServerUnaryReactor* ExecutionService::ReleaseExecution(Context* context, const Bytes* request,
                                                             Bytes* response) {
  return calls_->ReceiveBlocking<v1::ReleaseExecutionRequest, v1::Execution>(
      context, request, response,
      [this](const Caller&, const auto& parsed) { return Release(executions_, parsed); });
}

grpc::ServerUnaryReactor* ExecutionService::GetExecutionHistory(Context* context,
                                                                const Bytes* request,
                                                                Bytes* response) {
  return calls_->ReceiveBlocking<v1::GetExecutionHistoryRequest, v1::GetExecutionHistoryResponse>(
      context, request, response,
      [this](const Caller&, const auto& parsed) { return History(executions_, parsed); });
}

grpc::ServerUnaryReactor* ExecutionService::ListMapItems(Context* context, const Bytes* request,
                                                         Bytes* response) {
  return calls_->ReceiveBlocking<v1::ListMapItemsRequest, v1::ListMapItemsResponse>(
      context, request, response,
      [this](const Caller&, const auto& parsed) { return ListItems(executions_, parsed); });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* ExecutionService::WatchExecution(Context* context,
                                                                             const Bytes* request) {
  auto* reactor = new WatchReactor(calls_, executions_);
  reactor->Begin(*context, *request);
  return reactor;
}

grpc::ServerUnaryReactor* ExecutionService::GetExecutionWorkflow(Context* context,
                                                                 const Bytes* request,
                                                                 Bytes* response) {
  return calls_->ReceiveBlocking<v1::GetExecutionWorkflowRequest, v1::WorkflowRevision>(
      context, request, response,
      [this](const Caller&, const auto& parsed) { return GetWorkflow(*workflows_, parsed); });
}

}  // namespace millrace::service
