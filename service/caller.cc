#include "service/caller.h"

#include <vector>

#include "absl/strings/str_split.h"
#include "millrace/v1/annotations.pb.h"

namespace millrace::service {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string TextField(const Message& message, const char* name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr || field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return "";
  return message.GetReflection()->GetString(message, field);
}

// The project of projects/{project}/...
std::string ProjectOf(absl::string_view resource) {
  const std::vector<absl::string_view> parts = absl::StrSplit(resource, absl::MaxSplits('/', 2));
  if (parts.size() < 2 || parts[0] != "projects") return "";
  return std::string(parts[1]);
}

}  // namespace

Caller CallerOf(const grpc::ServerContextBase& context, absl::string_view resource) {
  Caller caller{.principal = "anonymous", .project = ProjectOf(resource)};
  const auto connection = context.auth_context();
  if (connection == nullptr || !connection->IsPeerAuthenticated()) return caller;
  const std::vector<grpc::string_ref> identity = connection->GetPeerIdentity();
  if (!identity.empty()) caller.principal.assign(identity[0].data(), identity[0].size());
  return caller;
}

std::string ResourceOf(const Message& request) {
  if (std::string name = TextField(request, "name"); !name.empty()) return name;
  if (std::string parent = TextField(request, "parent"); !parent.empty()) return parent;
  const Descriptor* descriptor = request.GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_repeated()) continue;
    const Message& part = request.GetReflection()->GetMessage(request, field);
    if (std::string name = TextField(part, "name"); !name.empty()) return name;
    if (std::string parent = TextField(part, "parent"); !parent.empty()) return parent;
  }
  return "";
}

std::string PermissionFor(const Descriptor* request) {
  const google::protobuf::FileDescriptor* file = request->file();
  for (int i = 0; i < file->service_count(); ++i) {
    for (int j = 0; j < file->service(i)->method_count(); ++j) {
      const auto* method = file->service(i)->method(j);
      if (method->input_type() == request) return method->options().GetExtension(v1::permission);
    }
  }
  return "";
}

}  // namespace millrace::service
