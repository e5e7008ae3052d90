#include "engine/base/uuid.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(UuidTest, SaysItsTimeAsVersion7) {
  // RFC 9562's example A.6 but for its random bits.
  const Uuid uuid = Uuid::AtTime(absl::FromUnixMillis(0x017F22E279B0));
  EXPECT_EQ(uuid.ToString().substr(0, 18), "017f22e2-79b0-7000");
  EXPECT_EQ(uuid.bytes[8] & 0xc0, 0x80);
}

TEST(UuidTest, SortsByTimeWithinAMillisecond) {
  const absl::Time begin = absl::FromUnixMillis(1'700'000'000'000);
  Uuid last = Uuid::AtTime(begin);
  for (int micros = 1; micros <= 2000; ++micros) {
    const Uuid next = Uuid::AtTime(begin + absl::Microseconds(micros));
    ASSERT_LT(last, next) << micros;
    last = next;
  }
}

}  // namespace
}  // namespace millrace
