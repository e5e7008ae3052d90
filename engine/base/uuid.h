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
  // Version 7, with the parts of a millisecond in rand_a as RFC 9562's section 6.2 has it: keys
  // sort by their time, to a quarter of a microsecond. The last 62 bits are random.
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
