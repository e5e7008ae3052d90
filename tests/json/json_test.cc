#include "engine/json/json.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/check.h"

namespace millrace {
namespace {

Json Parsed(absl::string_view text) { return *ParseJson(text); }

TEST(Json, ComparesNumbersByValueAndObjectsWithoutOrder) {
  struct Case {
    const char* a;
    const char* b;
    bool equal;
  };
  const Case cases[] = {
      {"1", "1.0", true},
      {"1", "2", false},
      {"9007199254740993", "9007199254740992.0", false},
      {"9223372036854775808", "9223372036854775808.0", true},
      {"18446744073709551615", "18446744073709551616.0", false},
      {"-1", "18446744073709551615", false},
      {"1.5", "1", false},
      {"null", "false", false},
      {"null", "null", true},
      {"\"a\"", "\"a\"", true},
      {"\"a\"", "\"b\"", false},
      {"\"1\"", "1", false},
      {"[1,[2]]", "[1.0,[2]]", true},
      {"[1,2]", "[2,1]", false},
      {"[1]", "[1,1]", false},
      {R"({"a":1,"b":[2]})", R"({"b":[2],"a":1})", true},
      {R"({"a":1})", R"({"b":1})", false},
      {R"({"a":1})", R"({"a":2})", false},
      {"{}", "[]", false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.a) + " == " + c.b);
    EXPECT_EQ(Parsed(c.a) == Parsed(c.b), c.equal);
    EXPECT_EQ(Parsed(c.b) == Parsed(c.a), c.equal);
  }
}

TEST(Json, OrdersNumbersByValue) {
  const char* const ascending[] = {"-1e300",
                                   "-5",
                                   "-0.5",
                                   "0",
                                   "0.5",
                                   "1",
                                   "1.5",
                                   "9007199254740993",
                                   "9223372036854775807",
                                   "18446744073709551615",
                                   "1e300"};
  for (size_t i = 0; i < std::size(ascending); ++i) {
    for (size_t j = 0; j < std::size(ascending); ++j) {
      SCOPED_TRACE(std::string(ascending[i]) + " and " + ascending[j]);
      EXPECT_EQ(CompareNumbers(Parsed(ascending[i]), Parsed(ascending[j])),
                i < j ? -1 : (i > j ? 1 : 0));
    }
  }
}

TEST(Json, GivesIntegersForWholeNumbersOnly) {
  EXPECT_EQ(Json(3).ToInt64(), 3);
  EXPECT_EQ(Json(3.0).ToInt64(), 3);
  EXPECT_EQ(Json(3.5).ToInt64(), std::nullopt);
  EXPECT_EQ(Json(1e300).ToInt64(), std::nullopt);
  EXPECT_EQ(Json(uint64_t{1} << 63).ToInt64(), std::nullopt);
  EXPECT_EQ(Json(uint64_t{7}).kind(), Json::Kind::kInt);
  EXPECT_EQ(Json("3").ToInt64(), std::nullopt);
}

TEST(Json, CopiesShareAndMovesLeaveNull) {
  Json list = Json::Array({Json("x"), Json(1)});
  const Json copy = list;
  EXPECT_TRUE(copy.IsIdenticalTo(list));
  EXPECT_FALSE(copy.IsIdenticalTo(Json::Array({Json("x"), Json(1)})));
  const Json moved = std::move(list);
  EXPECT_TRUE(list.is_null());  // NOLINT: what a move leaves is promised
  EXPECT_TRUE(moved.IsIdenticalTo(copy));
}

TEST(Json, WithLeavesTheOriginalAsItWas) {
  const Json original = Parsed(R"({"a":1,"b":{"c":2}})");
  EXPECT_EQ(original.With("a", Json(5)).ToText(), R"({"a":5,"b":{"c":2}})");
  EXPECT_EQ(original.With("z", Json()).ToText(), R"({"a":1,"b":{"c":2},"z":null})");
  EXPECT_EQ(Json::Object().With("k", Json(true)).ToText(), R"({"k":true})");
  EXPECT_TRUE(original.With("a", Json(5)).Find("b")->IsIdenticalTo(*original.Find("b")));
  EXPECT_EQ(Parsed("[1,2]").WithElement(1, Json("x")).ToText(), R"([1,"x"])");
  EXPECT_EQ(original.ToText(), R"({"a":1,"b":{"c":2}})");
}

TEST(Json, FindsMembersOfLargeObjects) {
  for (const int count : {0, 1, 16, 17, 33, 5000}) {
    SCOPED_TRACE(count);
    std::vector<JsonMember> members;
    for (int i = 0; i < count; ++i) members.push_back({Json(absl::StrCat("key", i)), Json(i)});
    const Json object = Json::Object(std::move(members));
    for (int i = 0; i < count; ++i) {
      const Json* found = object.Find(absl::StrCat("key", i));
      ASSERT_NE(found, nullptr);
      EXPECT_EQ(found->ToInt64(), i);
    }
    EXPECT_EQ(object.Find("key"), nullptr);
    EXPECT_EQ(object.Find(absl::StrCat("key", count)), nullptr);
  }
  EXPECT_EQ(Json("text").Find("a"), nullptr);
}

TEST(Json, KnowsTheSizeOfItsText) {
  for (const char* text :
       {"null", "true", "false", "-12", "1.5", "[]", "{}", "[1,2]", R"({"a":[1,"\n\u0001é"]})",
        R"(["\"",{"k\\":{}},[[]]])", "18446744073709551615"}) {
    SCOPED_TRACE(text);
    const Json json = Parsed(text);
    EXPECT_EQ(json.ToText(), text);
    EXPECT_EQ(json.TextSize(), json.ToText().size());
    EXPECT_EQ(json.TextSize(), json.ToText().size());
  }
}

TEST(Json, PrintsPrettyTextWithTwoSpaces) {
  EXPECT_EQ(Parsed(R"({"a":[1,{}],"b":{"c":[]}})").ToPrettyText(),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\n    \"c\": []\n  }\n}");
}

TEST(Json, HoldsValuesOfAnyDepth) {
  Json json;
  for (int i = 0; i < 200000; ++i) json = Json::Array({json});
  Json other;
  for (int i = 0; i < 200000; ++i) other = Json::Array({other});
  EXPECT_EQ(json.depth(), 200000);
  EXPECT_TRUE(json == other);
  EXPECT_EQ(json.TextSize(), 400004u);
  EXPECT_EQ(json.ToText().size(), 400004u);
  const Json inner = json.elements()[0];
  json = Json();
  EXPECT_EQ(inner.depth(), 199999);
}

TEST(Json, ChecksItsKind) {
  EXPECT_THROW(Json(1).AsString(), BrokenInvariant);
  EXPECT_THROW(Json("x").AsBool(), BrokenInvariant);
  EXPECT_THROW(Json().elements(), BrokenInvariant);
  EXPECT_THROW(Json(std::numeric_limits<double>::infinity()), BrokenInvariant);
  EXPECT_EQ(Json(1).size(), 0u);
}

TEST(Json, IsSharedBetweenThreads) {
  const Json shared = Parsed(R"({"a":[1,2,{"b":"text"}]})");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([copy = shared] {
      for (int i = 0; i < 2000; ++i) {
        const Json mine = copy;
        EXPECT_EQ(mine.TextSize(), 24u);
        EXPECT_EQ(mine.Find("a")->elements()[2].With("c", *mine.Find("a")).size(), 2u);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace millrace
