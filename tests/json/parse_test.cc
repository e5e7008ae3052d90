#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/json/json.h"

namespace millrace {
namespace {

using ::testing::HasSubstr;

std::string RoundTrip(absl::string_view text) {
  const absl::StatusOr<Json> json = ParseJson(text);
  return json.ok() ? json->ToText() : std::string(json.status().message());
}

TEST(ParseJson, PrintsBackWhatItRead) {
  struct Case {
    const char* text;
    const char* printed;
  };
  const Case cases[] = {
      {"null", "null"},
      {" true ", "true"},
      {"false\n", "false"},
      {"[]", "[]"},
      {"{}", "{}"},
      {"[ ]", "[]"},
      {"[1, [2, {}], \"x\"]", "[1,[2,{}],\"x\"]"},
      {R"({"b": 1, "a": {"c": [null]}})", R"({"b":1,"a":{"c":[null]}})"},
      {R"("")", R"("")"},
      {R"("\u0041\/\b\f\n\r\t\"\\")", R"("A/\b\f\n\r\t\"\\")"},
      {R"("\u001f\u007f\u00e9\ud83d\ude00")", "\"\\u001f\x7f\u00e9\U0001F600\""},
      {R"("a\u0000b")", R"("a\u0000b")"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(RoundTrip(c.text), c.printed);
  }
}

TEST(ParseJson, KeepsSixtyFourBitIntegersExactly) {
  for (const char* text : {"0", "-1", "9007199254740993", "9223372036854775807",
                           "-9223372036854775808", "9223372036854775808", "18446744073709551615"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(RoundTrip(text), text);
  }
  EXPECT_EQ(ParseJson("1")->kind(), Json::Kind::kInt);
  EXPECT_EQ(ParseJson("9223372036854775808")->kind(), Json::Kind::kUint);
}

TEST(ParseJson, ReadsOtherNumbersAsTheNearestDouble) {
  struct Case {
    const char* text;
    const char* printed;
  };
  const Case cases[] = {
      {"-0", "0"},
      {"-0.0", "0"},
      {"1.50", "1.5"},
      {"15.0", "15"},
      {"1e2", "100"},
      {"0.1", "0.1"},
      {"1e300", "1e+300"},
      {"1E-7", "1e-7"},
      {"0.000001", "0.000001"},
      {"18446744073709551616", "18446744073709551616"},
      {"1e21", "1e+21"},
      {"-1.7976931348623157e308", "-1.7976931348623157e+308"},
      {"1e-400", "0"},
      {"5e-324", "5e-324"},
      {"0.30000000000000004", "0.30000000000000004"},
      {"123456789012345678901234567890", "1.2345678901234568e+29"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(RoundTrip(c.text), c.printed);
  }
}

TEST(ParseJson, RefusesWhatIsNotJsonAndSaysWhere) {
  struct Case {
    std::string text;
    const char* message;
  };
  const Case cases[] = {
      {"", "the text ends too early"},
      {"[1,", "the text ends too early"},
      {"{\"a\":1", "the text ends too early"},
      {"[1] x", "text after the value at byte 4"},
      {"1 2", "text after the value at byte 2"},
      {"1e400", "a number that no double holds"},
      {"-1e400", "a number that no double holds"},
      {"[1,]", "at byte"},
      {"01", "at byte"},
      {"+1", "at byte"},
      {".5", "at byte"},
      {"NaN", "at byte"},
      {"'a'", "at byte"},
      {"{a:1}", "at byte"},
      {"\"a\nb\"", "at byte"},
      {R"("\ud800")", "at byte"},
      {R"("\ud800x")", "at byte"},
      {R"("\udc00")", "surrogate"},
      {R"("\x41")", "at byte"},
      {"\"\xff\"", "at byte"},
      {"\"\xc0\xaf\"", "at byte"},
      {"\"\xed\xa0\x80\"", "at byte"},
      {"// comment\n1", "at byte"},
      {std::string("1\0", 2), "text after the value"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const absl::StatusOr<Json> json = ParseJson(c.text);
    ASSERT_FALSE(json.ok());
    EXPECT_EQ(json.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(json.status().message()), HasSubstr(c.message));
  }
}

TEST(ParseJson, NamesTheByteWhereItStopped) {
  EXPECT_THAT(RoundTrip(R"({"a": [1, 2, x]})"), HasSubstr("at byte 13."));
}

TEST(ParseJson, EnforcesItsLimits) {
  const std::string deep = std::string(128, '[') + std::string(128, ']');
  EXPECT_TRUE(ParseJson(deep).ok());
  EXPECT_THAT(RoundTrip("[" + deep + "]"), HasSubstr("nesting deeper than 128"));
  EXPECT_TRUE(ParseJson("[" + deep + "]", {.depth_max = 129}).ok());
  EXPECT_TRUE(ParseJson("[1]", {.text_bytes_max = 3}).ok());
  EXPECT_FALSE(ParseJson("[10]", {.text_bytes_max = 3}).ok());
}

TEST(ParseJson, LetsTheLastOfDuplicateKeysWinInTheFirstPlace) {
  EXPECT_EQ(RoundTrip(R"({"a":1,"b":2,"a":3})"), R"({"a":3,"b":2})");
  std::string text = "{";
  for (int i = 0; i < 2000; ++i) absl::StrAppend(&text, "\"k", i % 1000, "\":", i, ",");
  text.back() = '}';
  const absl::StatusOr<Json> json = ParseJson(text);
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(json->size(), 1000u);
  EXPECT_EQ(json->members()[7].key.AsString(), "k7");
  EXPECT_EQ(*json->Find("k7"), Json(1007));
  EXPECT_EQ(json->Find("k1000"), nullptr);
}

TEST(ParseJson, SharesTheKeysOfLikeObjects) {
  const Json json = *ParseJson(R"([{"name":1},{"name":2}])");
  EXPECT_TRUE(
      json.elements()[0].members()[0].key.IsIdenticalTo(json.elements()[1].members()[0].key));
}

}  // namespace
}  // namespace millrace
