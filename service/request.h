#pragma once

#include <grpcpp/support/byte_buffer.h>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace millrace::service {

// Parses what a client sent. gRPC itself answers UNIMPLEMENTED to a message that it cannot parse,
// as one whose text is broken UTF-8; so methods take bytes, and the error names the fields at
// fault.
absl::Status ParseRequest(const grpc::ByteBuffer& bytes, google::protobuf::Message* request);

grpc::ByteBuffer Serialize(const google::protobuf::Message& response);

}  // namespace millrace::service
