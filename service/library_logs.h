#pragma once

namespace millrace::service {

// Sends what gRPC and protobuf log to our own log, so that standard error holds JSON lines only.
// Before their first use.
void CatchLibraryLogs();

}  // namespace millrace::service
