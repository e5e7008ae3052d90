#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "service/checks.h"

namespace millrace::service {

constexpr int kPageSizeDefault = 50;
constexpr int kPageSizeMax = 1000;
// A response stays below the 4 MiB that gRPC clients accept by default.
constexpr size_t kPageBytesMax = 3u << 20;

// Which part of a list a request asks for.
struct Page {
  int size = kPageSizeDefault;
  std::string position;  // as NextPageToken was given it; empty at the start

  // The position as a number, or 0 at the start; anything else adds a violation.
  int64_t PositionAsNumber(FieldChecks* checks) const;
};

// Reads `page_size` and `page_token` of a list's request. A token fits the request that it was made
// for: the same message with all other fields the same. Any other adds a violation.
Page ParsePage(const google::protobuf::Message& request, FieldChecks* checks);

// The token of the page after the one that `request` asked for.
std::string NextPageToken(const google::protobuf::Message& request, absl::string_view position);

}  // namespace millrace::service
