#include "service/request.h"

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "google/protobuf/unknown_field_set.h"
#include "service/checks.h"

namespace millrace::service {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

// Requests nest few messages; what goes deeper is not one.
constexpr int kDepthMax = 16;

bool IsContinuation(absl::string_view text, size_t i) {
  return i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80;
}

// The length of the UTF-8 character that begins at `i`, or 0 if none does (RFC 3629).
size_t CharacterLength(absl::string_view text, size_t i) {
  const auto first = static_cast<unsigned char>(text[i]);
  const auto second = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4 || !IsContinuation(text, i + 1)) return 0;
  if (first < 0xE0) return 2;
  if (!IsContinuation(text, i + 2)) return 0;
  if (first < 0xF0) {
    const bool overlong = first == 0xE0 && second < 0xA0;
    const bool surrogate = first == 0xED && second >= 0xA0;
    return overlong || surrogate ? 0 : 3;
  }
  if (!IsContinuation(text, i + 3)) return 0;
  return (first == 0xF0 && second < 0x90) || (first == 0xF4 && second >= 0x90) ? 0 : 4;
}

bool IsUtf8(absl::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = CharacterLength(text, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

void FindBrokenText(const Descriptor* descriptor, absl::string_view bytes,
                    const std::string& prefix, int depth, FieldChecks* checks) {
  UnknownFieldSet fields;
  if (depth > kDepthMax || !fields.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return;
  }
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& field = fields.field(i);
    const FieldDescriptor* known = descriptor->FindFieldByNumber(field.number());
    if (known == nullptr || field.type() != UnknownField::TYPE_LENGTH_DELIMITED) continue;
    const std::string name = absl::StrCat(prefix, known->name());
    if (known->type() == FieldDescriptor::TYPE_STRING && !IsUtf8(field.length_delimited())) {
      checks->Add(name, "is UTF-8, and has bytes that are not");
    } else if (known->type() == FieldDescriptor::TYPE_MESSAGE) {
      FindBrokenText(known->message_type(), field.length_delimited(), absl::StrCat(name, "."),
                     depth + 1, checks);
    }
  }
}

std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

}  // namespace

absl::Status ParseRequest(const grpc::ByteBuffer& bytes, google::protobuf::Message* request) {
  grpc::ByteBuffer copy(bytes);  // of references; parsing empties it
  if (grpc::GenericDeserialize<grpc::ProtoBufferReader, google::protobuf::Message>(&copy, request)
          .ok()) {
    return absl::OkStatus();
  }
  FieldChecks checks;
  FindBrokenText(request->GetDescriptor(), BytesOf(bytes), "", 0, &checks);
  if (checks.ok()) {
    checks.Add("request", absl::StrCat("is a message ", request->GetDescriptor()->full_name()));
  }
  return checks.status();
}

grpc::ByteBuffer Serialize(const google::protobuf::Message& response) {
  grpc::ByteBuffer bytes;
  bool own = false;
  const grpc::Status status =
      grpc::GenericSerialize<grpc::ProtoBufferWriter, google::protobuf::Message>(response, &bytes,
                                                                                 &own);
  MILLRACE_CHECK(status.ok());
  return bytes;
}

}  // namespace millrace::service
