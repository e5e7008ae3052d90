#include "db/params.h"

#include "engine/base/check.h"

namespace millrace::db {
namespace {

template <typename Unsigned>
void AppendBigEndian(Unsigned value, std::string* out) {
  for (int shift = 8 * (sizeof(value) - 1); shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift));
  }
}

absl::string_view BytesOf(const Uuid& uuid) {
  return {reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size()};
}

void AppendLength(size_t size, std::string* out) {
  AppendBigEndian(static_cast<uint32_t>(size), out);
}

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";

// The length of the well-formed UTF-8 sequence that `text` begins with; 0 if it does not.
size_t Utf8SequenceLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xC2 && lead < 0xE0   ? 2
                        : lead >= 0xE0 && lead < 0xF0 ? 3
                        : lead >= 0xF0 && lead < 0xF5 ? 4
                                                      : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool surrogate = lead == 0xED && second > 0x9F;
  const bool too_high = lead == 0xF4 && second > 0x8F;
  return overlong || surrogate || too_high ? 0 : length;
}

}  // namespace

int64_t ToPostgresMicros(absl::Time time) {
  static const absl::Time epoch = absl::FromUnixSeconds(946684800);
  return absl::ToInt64Microseconds(time - epoch);
}

Params& Params::Int4(int32_t value) {
  std::string bytes;
  AppendBigEndian(static_cast<uint32_t>(value), &bytes);
  return Add(std::move(bytes));
}

Params& Params::Int8(int64_t value) {
  std::string bytes;
  AppendBigEndian(static_cast<uint64_t>(value), &bytes);
  return Add(std::move(bytes));
}

Params& Params::Time(absl::Time value) { return Int8(ToPostgresMicros(value)); }

Params& Params::Uuid(const millrace::Uuid& value) {
  return Add(std::string(value.bytes.begin(), value.bytes.end()));
}

ArrayBuilder::ArrayBuilder(uint32_t element_oid, size_t size, size_t bytes_each) : missing_(size) {
  bytes_.reserve(20 + size * (bytes_each + 4));
  AppendBigEndian(uint32_t{size > 0}, &bytes_);  // dimensions
  AppendBigEndian(uint32_t{1}, &bytes_);         // may hold nulls
  AppendBigEndian(element_oid, &bytes_);
  if (size == 0) return;
  AppendLength(size, &bytes_);
  AppendBigEndian(uint32_t{1}, &bytes_);  // the first index
}

void ArrayBuilder::AddBytes(absl::string_view value) {
  MILLRACE_CHECK(missing_ > 0);
  --missing_;
  AppendLength(value.size(), &bytes_);
  bytes_.append(value.data(), value.size());
}

void ArrayBuilder::Add(const millrace::Uuid& value) { AddBytes(BytesOf(value)); }

void ArrayBuilder::AddInt4(int32_t value) {
  MILLRACE_CHECK(missing_ > 0);
  --missing_;
  AppendLength(sizeof(value), &bytes_);
  AppendBigEndian(static_cast<uint32_t>(value), &bytes_);
}

void ArrayBuilder::AddInt8(int64_t value) {
  MILLRACE_CHECK(missing_ > 0);
  --missing_;
  AppendLength(sizeof(value), &bytes_);
  AppendBigEndian(static_cast<uint64_t>(value), &bytes_);
}

void ArrayBuilder::AddBool(bool value) { AddBytes(value ? "\1" : absl::string_view("\0", 1)); }

void ArrayBuilder::AddTime(const std::optional<absl::Time>& value) {
  if (value) return AddInt8(ToPostgresMicros(*value));
  MILLRACE_CHECK(missing_ > 0);
  --missing_;
  AppendBigEndian(~uint32_t{0}, &bytes_);  // a length of -1: null
}

std::string ArrayBuilder::Finish() && {
  MILLRACE_CHECK(missing_ == 0);
  return std::move(bytes_);
}

std::string ShownText(absl::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const size_t length = text[0] == '\0' ? 0 : Utf8SequenceLength(text);
    shown.append(length > 0 ? text.data() : kReplacement.data(),
                 length > 0 ? length : kReplacement.size());
    text.remove_prefix(length > 0 ? length : 1);
  }
  return shown;
}

}  // namespace millrace::db
