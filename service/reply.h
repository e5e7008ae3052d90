#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace millrace::service {

// A status as gRPC sends it: the payloads of `status` go along as google.rpc.Status in the trailing
// metadata `grpc-status-details-bin`. Both message and details are cut to what clients accept by
// default, 8 KiB of metadata; violations that are left out are counted in the last one.
//
// An error that is not of engine/errors.h has no reason that a caller could act on. UNAVAILABLE,
// UNKNOWN and ABORTED of the database become DATABASE_UNAVAILABLE, the caller's own CANCELLED and
// DEADLINE_EXCEEDED stay, and all others are logged and become INTERNAL.
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace millrace::service
