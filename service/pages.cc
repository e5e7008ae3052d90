#include "service/pages.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "engine/base/check.h"
#include "engine/base/hash.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "millrace/internal/v1/page_token.pb.h"

namespace millrace::service {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using millrace::internal::v1::PageToken;

constexpr size_t kTokenLengthMax = 1024;
constexpr absl::string_view kForeign =
    "is the next_page_token of a call with the same fields; this one is not";

const FieldDescriptor* Field(const Message& request, const char* name) {
  const FieldDescriptor* field = request.GetDescriptor()->FindFieldByName(name);
  MILLRACE_CHECK(field != nullptr);
  return field;
}

// Of everything that the request asks for but the page.
std::string FilterHash(const Message& request) {
  const std::unique_ptr<Message> filter(request.New());
  filter->CopyFrom(request);
  filter->GetReflection()->ClearField(filter.get(), Field(request, "page_size"));
  filter->GetReflection()->ClearField(filter.get(), Field(request, "page_token"));
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    MILLRACE_CHECK(filter->SerializeToCodedStream(&coded));
  }
  return Sha256(bytes).substr(0, 8);
}

uint32_t Checksum(const PageToken& token) {
  const std::string digest =
      FieldHash().Add(token.method()).Add(token.filter_hash()).Add(token.position()).Finish();
  uint32_t checksum = 0;
  std::memcpy(&checksum, digest.data(), sizeof(checksum));
  return checksum;
}

std::optional<PageToken> Decode(absl::string_view text) {
  std::string bytes;
  PageToken token;
  if (text.size() > kTokenLengthMax || !absl::WebSafeBase64Unescape(text, &bytes) ||
      !token.ParseFromString(bytes) || token.checksum() != Checksum(token)) {
    return std::nullopt;
  }
  return token;
}

}  // namespace

int64_t Page::PositionAsNumber(FieldChecks* checks) const {
  int64_t number = 0;
  if (position.empty() || absl::SimpleAtoi(position, &number)) return number;
  checks->Add("page_token", kForeign);
  return 0;
}

Page ParsePage(const Message& request, FieldChecks* checks) {
  Page page;
  const auto* reflection = request.GetReflection();
  const int size = reflection->GetInt32(request, Field(request, "page_size"));
  checks->NotNegative("page_size", size);
  if (size > 0) page.size = std::min(size, kPageSizeMax);

  const std::string text = reflection->GetString(request, Field(request, "page_token"));
  if (text.empty()) return page;
  const std::optional<PageToken> token = Decode(text);
  if (!token.has_value() || token->method() != request.GetDescriptor()->name() ||
      token->filter_hash() != FilterHash(request)) {
    checks->Add("page_token", kForeign);
    return page;
  }
  page.position = token->position();
  return page;
}

std::string NextPageToken(const Message& request, absl::string_view position) {
  PageToken token;
  token.set_method(request.GetDescriptor()->name());
  token.set_filter_hash(FilterHash(request));
  token.set_position(std::string(position));
  token.set_checksum(Checksum(token));
  return absl::WebSafeBase64Escape(token.SerializeAsString());
}

}  // namespace millrace::service
