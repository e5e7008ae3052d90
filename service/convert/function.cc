#include "service/convert/function.h"

#include "service/convert/times.h"
#include "service/names.h"

namespace millrace::service {

v1::Function ToProto(const FunctionRow& row) {
  v1::Function proto;
  proto.set_name(NameOf(row.id));
  proto.set_uid(row.version_key.ToString());
  proto.set_handler(row.handler);
  if (!row.source.empty()) proto.set_source(row.source);
  if (!row.zip.empty()) proto.set_zip(row.zip);
  *proto.mutable_timeout() = ToProto(row.timeout);
  proto.set_memory_mib(static_cast<int32_t>(row.memory_bytes_max >> 20));
  proto.set_description(row.description);
  *proto.mutable_create_time() = ToProto(row.created_at);
  return proto;
}

FunctionRow FromProto(const v1::CreateFunctionRequest& request, FieldChecks* checks) {
  const v1::Function& function = request.function();
  FunctionRow row{.id = {.project = ParseProjectName("parent", request.parent(), checks),
                         .function = request.function_id()},
                  .handler = function.handler(),
                  .source = function.source(),
                  .zip = function.zip(),
                  .timeout = FromProto("function.timeout", function.timeout(), checks),
                  .memory_bytes_max = int64_t{function.memory_mib()} << 20,
                  .description = function.description()};
  CheckFunctionId("function_id", request.function_id(), checks);
  // Nothing said is the default; a zero that was said is none.
  if (function.has_timeout() && row.timeout == absl::ZeroDuration()) {
    checks->Add("function.timeout", "is 1 s to 900 s");
  }
  checks->SizeAtMost("function.description", function.description(), kDescriptionBytesMax);
  checks->OptionalRequestId("request_id", request.request_id());
  return row;
}

}  // namespace millrace::service
