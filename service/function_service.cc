#include "service/function_service.h"

#include "engine/base/status_macros.h"
#include "google/protobuf/empty.pb.h"
#include "service/convert/function.h"
#include "service/names.h"
#include "service/pages.h"

namespace millrace::service {
namespace {

using google::protobuf::Empty;

absl::StatusOr<v1::Function> Create(Functions& functions,
                                    const v1::CreateFunctionRequest& request) {
  FieldChecks checks;
  FunctionRow row = FromProto(request, &checks);
  Functions::SetDefaults(&row);
  for (const errors::FieldViolation& violation : Functions::FindViolations(row)) {
    checks.Add(violation.field, violation.description);
  }
  MILLRACE_RETURN_IF_ERROR(checks.status());
  MILLRACE_ASSIGN_OR_RETURN(const FunctionRow created,
                            functions.Create(std::move(row), request.request_id()));
  return ToProto(created);
}

absl::StatusOr<v1::Function> Get(Functions& functions, const v1::GetFunctionRequest& request) {
  FieldChecks checks;
  const FunctionId id = ParseFunctionName("name", request.name(), &checks);
  MILLRACE_RETURN_IF_ERROR(checks.status());
  MILLRACE_ASSIGN_OR_RETURN(const FunctionRow row, functions.Get(id));
  return ToProto(row);
}

absl::StatusOr<v1::ListFunctionsResponse> List(Functions& functions,
                                               const v1::ListFunctionsRequest& request) {
  FieldChecks checks;
  const std::string project = ParseProjectName("parent", request.parent(), &checks);
  const Page page = ParsePage(request, &checks);
  MILLRACE_RETURN_IF_ERROR(checks.status());
  // One more than the page tells whether there is another.
  MILLRACE_ASSIGN_OR_RETURN(std::vector<FunctionRow> rows,
                            functions.List(project, page.position, page.size + 1));
  v1::ListFunctionsResponse response;
  if (rows.size() > static_cast<size_t>(page.size)) {
    rows.resize(static_cast<size_t>(page.size));
    response.set_next_page_token(NextPageToken(request, rows.back().id.function));
  }
  for (const FunctionRow& row : rows) *response.add_functions() = ToProto(row);
  return response;
}

absl::StatusOr<Empty> Delete(Functions& functions, const v1::DeleteFunctionRequest& request) {
  FieldChecks checks;
  const FunctionId id = ParseFunctionName("name", request.name(), &checks);
  checks.OptionalRequestId("request_id", request.request_id());
  MILLRACE_RETURN_IF_ERROR(checks.status());
  MILLRACE_RETURN_IF_ERROR(functions.Delete(id, request.request_id()).status());
  return Empty();
}

// What a handler raised is the function's answer; only a function that is not there is an error.
void Answer(const std::string& name, const InvocationResult& result, PendingCall& call) {
  v1::InvokeFunctionResponse response;
  if (result.ok()) {
    response.set_output(result->ToText());
  } else if (result.error().name == kFunctionNotFoundError) {
    return call.End(errors::FunctionNotFound(name));
  } else {
    response.set_error(result.error().name.value_or(""));
    response.set_cause(result.error().cause.value_or(""));
  }
  call.Answer(response);
}

}  // namespace

void FunctionService::Invoke(const v1::InvokeFunctionRequest& request,
                             const std::shared_ptr<PendingCall>& call) {
  FieldChecks checks;
  const FunctionId id = ParseFunctionName("name", request.name(), &checks);
  checks.OptionalJson("input", request.input());
  checks.OptionalRequestId("request_id", request.request_id());
  if (!checks.ok()) return call->End(checks.status());
  absl::StatusOr<Json> input = ParseJson(request.input().empty() ? "{}" : request.input());
  if (!input.ok()) return call->End(input.status());
  functions_->Invoke(id, *std::move(input),
                     {.request_id = request.request_id(), .function_name = id.function},
                     [name = request.name(), call](InvocationResult result) {
                       Calls::Guard(*call, [&] { Answer(name, result, *call); });
                     });
}

grpc::ServerUnaryReactor* FunctionService::CreateFunction(Context* context, const Bytes* request,
                                                          Bytes* response) {
  return calls_->ReceiveBlocking<v1::CreateFunctionRequest, v1::Function>(
      context, request, response,
      [this](const Caller&, const auto& parsed) { return Create(*functions_, parsed); });
}

grpc::ServerUnaryReactor* FunctionService::GetFunction(Context* context, const Bytes* request,
                                                       Bytes* response) {
  return calls_->ReceiveBlocking<v1::GetFunctionRequest, v1::Function>(
      context, request, response,
      [this](const Caller&, const auto& parsed) { return Get(*functions_, parsed); });
}

grpc::ServerUnaryReactor* FunctionService::ListFunctions(Context* context, const Bytes* request,
                                                         Bytes* response) {
  return calls_->ReceiveBlocking<v1::ListFunctionsRequest, v1::ListFunctionsResponse>(
      context, request, response,
      [this](const Caller&, const auto& parsed) { return List(*functions_, parsed); });
}

grpc::ServerUnaryReactor* FunctionService::DeleteFunction(Context* context, const Bytes* request,
                                                          Bytes* response) {
  return calls_->ReceiveBlocking<v1::DeleteFunctionRequest, Empty>(
      context, request, response,
      [this](const Caller&, const auto& parsed) { return Delete(*functions_, parsed); });
}

grpc::ServerUnaryReactor* FunctionService::InvokeFunction(Context* context, const Bytes* request,
                                                          Bytes* response) {
  return calls_->Receive<v1::InvokeFunctionRequest>(
      context, request, response,
      [this](const Caller&, const auto& parsed, const auto& call) { Invoke(parsed, call); });
}

}  // namespace millrace::service
