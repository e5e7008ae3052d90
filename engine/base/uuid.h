#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>

#include "absl/hash/hash.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace millrace {

// 16 bytes in network order, as PostgreSQL's uuid and RFC 9562 have them.
struct Uuid {
  std::array<uint8_t, 16> bytes{};

  // A random version 4 value.
  static Uuid Random();
  // Version 7: `at` in milliseconds, 12 bits of its fraction (RFC 9562, section 6.2, method 3), then
  // random bits, so that keys sort by their time.
  static Uuid AtTime(absl::Time at);
  // Accepts the canonical form of 36 characters only.
  static absl::StatusOr<Uuid> Parse(absl::string_view text);

  bool is_zero() const { return bytes == std::array<uint8_t, 16>{}; }
  std::string ToString() const;

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Uuid& uuid) {
    return H::combine(std::move(h), uuid.bytes);
  }
};

}  // namespace millrace
