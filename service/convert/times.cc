#include "service/convert/times.h"

namespace millrace::service {
namespace {

constexpr int64_t kSecondsOfYear1 = -62'135'596'800;
constexpr int64_t kSecondsOfYear9999 = 253'402'300'799;
constexpr int64_t kDurationSecondsMax = 315'576'000'000;
constexpr int32_t kNanosMax = 999'999'999;

}  // namespace

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp proto;
  const int64_t seconds = absl::ToUnixSeconds(time);  // rounds down
  proto.set_seconds(seconds);
  proto.set_nanos(
      static_cast<int32_t>((time - absl::FromUnixSeconds(seconds)) / absl::Nanoseconds(1)));
  return proto;
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration proto;
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  proto.set_nanos(static_cast<int32_t>(duration / absl::Nanoseconds(1)));
  return proto;
}

absl::Time FromProto(absl::string_view field, const google::protobuf::Timestamp& time,
                     FieldChecks* checks) {
  if (time.seconds() < kSecondsOfYear1 || time.seconds() > kSecondsOfYear9999 || time.nanos() < 0 ||
      time.nanos() > kNanosMax) {
    checks->Add(field, "is a time of the years 1 to 9999");
    return absl::UnixEpoch();
  }
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

absl::Duration FromProto(absl::string_view field, const google::protobuf::Duration& duration,
                         FieldChecks* checks) {
  const bool mixed_signs = (duration.seconds() > 0 && duration.nanos() < 0) ||
                           (duration.seconds() < 0 && duration.nanos() > 0);
  if (duration.seconds() > kDurationSecondsMax || duration.seconds() < -kDurationSecondsMax ||
      duration.nanos() > kNanosMax || duration.nanos() < -kNanosMax || mixed_signs) {
    checks->Add(field, "is a duration of at most 10,000 years");
    return absl::ZeroDuration();
  }
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

}  // namespace millrace::service
