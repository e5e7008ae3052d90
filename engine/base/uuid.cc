#include "engine/base/uuid.h"

#include <openssl/rand.h>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "engine/base/check.h"

namespace millrace {

Uuid Uuid::Random() {
  Uuid uuid;
  MILLRACE_CHECK(RAND_bytes(uuid.bytes.data(), static_cast<int>(uuid.bytes.size())) == 1);
  uuid.bytes[6] = static_cast<uint8_t>((uuid.bytes[6] & 0x0f) | 0x40);
  uuid.bytes[8] = static_cast<uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
  return uuid;
}

Uuid Uuid::AtTime(absl::Time at) {
  Uuid uuid = Random();
  const int64_t millis = absl::ToUnixMillis(at);
  const int64_t nanos = absl::ToInt64Nanoseconds(at - absl::FromUnixMillis(millis));
  const uint64_t part = static_cast<uint64_t>(nanos) * 4096 / 1'000'000;
  for (int i = 0; i < 6; ++i) {
    uuid.bytes[i] = static_cast<uint8_t>(static_cast<uint64_t>(millis) >> (40 - 8 * i));
  }
  uuid.bytes[6] = static_cast<uint8_t>(0x70 | part >> 8);
  uuid.bytes[7] = static_cast<uint8_t>(part);
  return uuid;
}

absl::StatusOr<Uuid> Uuid::Parse(absl::string_view text) {
  constexpr absl::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  const absl::Status malformed =
      absl::InvalidArgumentError("a UUID has 32 hexadecimal digits in five groups");
  if (text.size() != kShape.size()) return malformed;
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    if (kShape[i] == '-' ? text[i] != '-' : !absl::ascii_isxdigit(text[i])) return malformed;
    if (kShape[i] != '-') digits += text[i];
  }
  const std::string raw = absl::HexStringToBytes(digits);
  Uuid uuid;
  for (size_t i = 0; i < uuid.bytes.size(); ++i) uuid.bytes[i] = static_cast<uint8_t>(raw[i]);
  return uuid;
}

std::string Uuid::ToString() const {
  const std::string hex = absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20));
}

}  // namespace millrace
