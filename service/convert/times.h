#pragma once

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "service/checks.h"

namespace millrace::service {

google::protobuf::Timestamp ToProto(absl::Time time);
google::protobuf::Duration ToProto(absl::Duration duration);

// What protobuf's own rules forbid (years before 1 or after 9999, mixed signs) adds a violation.
absl::Time FromProto(absl::string_view field, const google::protobuf::Timestamp& time,
                     FieldChecks* checks);
absl::Duration FromProto(absl::string_view field, const google::protobuf::Duration& duration,
                         FieldChecks* checks);

}  // namespace millrace::service
