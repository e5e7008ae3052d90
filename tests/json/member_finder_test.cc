#include "engine/json/member_finder.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "engine/json/make_array.h"

namespace millrace {
namespace {

TEST(MemberFinderTest, FindsTheMemberWhereverItIs) {
  const Json objects = *ParseJson(
      R"([{"a": 1, "b": 2}, {"a": 3, "b": 4}, {"b": 5}, {"c": 6, "d": 7, "b": 8}, {"b": 9, "a": 0}])");
  MemberFinder finder("b");
  std::vector<int64_t> found;
  for (const Json& object : objects.elements()) found.push_back(*finder.FindIn(object)->ToInt64());
  EXPECT_EQ(found, (std::vector<int64_t>{2, 4, 5, 8, 9}));
}

TEST(MemberFinderTest, FindsNothingWhereThereIsNone) {
  MemberFinder finder("b");
  EXPECT_NE(finder.FindIn(*ParseJson(R"({"a": 1, "b": 2})")), nullptr);
  for (const char* text : {R"({"a": 1, "bb": 2})", R"({"a": 1})", "{}", "[1, 2]", R"("b")", "2"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(finder.FindIn(*ParseJson(text)), nullptr);
  }
}

TEST(MakeJsonArrayTest, KeepsOrderAndKnowsItsDepth) {
  const Json array = MakeJsonArray(3, [](size_t i) {
    return i == 1 ? Json::Array({Json("x")}) : Json(static_cast<int64_t>(i));
  });
  EXPECT_EQ(array.ToText(), R"([0,["x"],2])");
  EXPECT_EQ(array.depth(), 2);
  EXPECT_EQ(MakeJsonArray(0, [](size_t) { return Json(); }).ToText(), "[]");
}

TEST(MakeJsonArrayTest, FreesWhatIsMadeWhenAnElementThrows) {
  const auto make = [](size_t i) -> Json {
    if (i == 2) throw std::runtime_error("no third");
    return Json("one");
  };
  EXPECT_THROW(MakeJsonArray(3, make), std::runtime_error);
}

}  // namespace
}  // namespace millrace
