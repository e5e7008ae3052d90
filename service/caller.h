#pragma once

#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "engine/runtime/views.h"
#include "google/protobuf/message.h"

namespace millrace::service {

// Who makes a call, as far as the connection proves it: the name in the client's certificate, or
// "anonymous". Of what stands in the metadata nothing is proven yet, so nothing is believed.
Caller CallerOf(const grpc::ServerContextBase& context, absl::string_view resource);

// The resource that a request is about: its `name`, `parent`, or the one in a message that it has.
std::string ResourceOf(const google::protobuf::Message& request);

// The (millrace.v1.permission) of the method that takes this request; empty if it has none.
std::string PermissionFor(const google::protobuf::Descriptor* request);

// Decides who may do what, before anything else is done. Thread-safe; must not block. This one lets
// everybody do everything: who runs a server alone needs no more.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  virtual absl::Status Check(const Caller& caller, absl::string_view permission,
                             absl::string_view resource) {
    return absl::OkStatus();
  }
};

}  // namespace millrace::service
