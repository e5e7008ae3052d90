#include "service/reply.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/log.h"
#include "engine/errors.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace millrace::service {
namespace {

// Base64 adds a third to the details; what is not ASCII takes three bytes in the message.
constexpr size_t kDetailsBytesMax = 3600;
constexpr size_t kMessageBytesMax = 600;
constexpr size_t kViolationBytesMax = 400;

// The text, cut where a character begins.
std::string Cut(absl::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat(text.substr(0, end), "...");
}

// As many violations as fit, and in place of the others how many they are.
void Fit(size_t bytes_max, google::rpc::BadRequest* bad_request) {
  auto* violations = bad_request->mutable_field_violations();
  for (auto& violation : *violations) {
    violation.set_field(Cut(violation.field(), kViolationBytesMax));
    violation.set_description(Cut(violation.description(), kViolationBytesMax));
  }
  int left_out = 0;
  while (bad_request->ByteSizeLong() > bytes_max && violations->size() > 1) {
    violations->RemoveLast();
    ++left_out;
  }
  if (left_out == 0) return;
  auto* last = bad_request->add_field_violations();
  last->set_field(violations->Get(0).field());
  last->set_description(absl::StrCat("and ", left_out, " more violations"));
}

// What a caller may see of a status that errors.h did not make.
absl::Status Presentable(const absl::Status& status) {
  if (!errors::ReasonOf(status).empty()) return status;
  switch (status.code()) {
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
      return status;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kAborted:
      Log(LogLevel::kWarning, "the database failed a request",
          {{"error", std::string(status.message())}});
      return errors::DatabaseUnavailable();
    default:
      Log(LogLevel::kError, "a request failed", {{"error", status.ToString()}});
      return errors::Internal();
  }
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& given) {
  if (given.ok()) return grpc::Status::OK;
  const absl::Status status = Presentable(given);
  const std::string message = Cut(status.message(), kMessageBytesMax);
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  status.ForEachPayload([&](absl::string_view type_url, const absl::Cord& payload) {
    auto* any = details.add_details();
    any->set_type_url(std::string(type_url));
    any->set_value(std::string(payload));
  });
  for (auto& any : *details.mutable_details()) {
    google::rpc::BadRequest bad_request;
    if (!any.Is<google::rpc::BadRequest>() || !any.UnpackTo(&bad_request)) continue;
    const size_t others = details.ByteSizeLong() - any.value().size();
    Fit(kDetailsBytesMax > others ? kDetailsBytesMax - others : 0, &bad_request);
    any.set_value(bad_request.SerializeAsString());
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message,
                      details.SerializeAsString());
}

}  // namespace millrace::service
