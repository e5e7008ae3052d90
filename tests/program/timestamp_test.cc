#include "engine/program/timestamp.h"

#include <string>

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(Timestamp, IsReadWithAnyFractionAndOffset) {
  const absl::Time expected = absl::FromUnixSeconds(1773453540);
  EXPECT_EQ(ParseTimestamp("2026-03-14T01:59:00Z"), expected);
  EXPECT_EQ(ParseTimestamp("2026-03-14T03:59:00+02:00"), expected);
  EXPECT_EQ(ParseTimestamp("2026-03-13T20:29:00-05:30"), expected);
  EXPECT_EQ(ParseTimestamp("2026-03-14T01:59:00.000000007Z"), expected + absl::Nanoseconds(7));
}

TEST(Timestamp, IsNothingElse) {
  for (const absl::string_view text :
       {"", "2026-03-14", "2026-03-14 01:59:00Z", "2026-03-14T01:59:00", "2026-03-14t01:59:00z",
        "2026-03-14T01:59Z", "2026-02-30T01:59:00Z", "2026-13-01T00:00:00Z",
        "2026-03-14T25:00:00Z", "2026-03-14T01:59:00.Z", "2026-03-14T01:59:00+0200",
        " 2026-03-14T01:59:00Z", "2026-03-14T01:59:00Z ", "infinite-future"}) {
    SCOPED_TRACE(std::string(text));
    EXPECT_EQ(ParseTimestamp(text), std::nullopt);
  }
}

}  // namespace
}  // namespace millrace
