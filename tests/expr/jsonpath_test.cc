#include "engine/expr/jsonpath.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace millrace {
namespace {

using ::testing::HasSubstr;

constexpr const char* kStore = R"({
  "items": [{"name": "pen", "price": 2, "tags": ["blue", "thin"]},
            {"name": "book", "price": 12.5},
            {"name": "lamp", "price": 40, "tags": []}],
  "limit": 12.5, "owner": {"first-name": "Ada", "a.b": 1, "größe": 3},
  "rows": [[1, 2], [3, 4]], "none": null})";

std::string Selected(const char* path, const char* document) {
  const absl::StatusOr<JsonPath> parsed = JsonPath::Parse(path);
  if (!parsed.ok()) return std::string(parsed.status().message());
  const Json data = *ParseJson(document);
  return Json::Array(parsed->Select({.data = &data})).ToText();
}

struct Case {
  const char* path;
  const char* selected;
};

TEST(JsonPath, SelectsByNamesIndexesAndSlices) {
  const Case cases[] = {
      {"$.items[0].name", R"(["pen"])"},
      {"$['items'][-1][\"price\"]", "[40]"},
      {"$.items[3]", "[]"},
      {"$.items[-4]", "[]"},
      {"$.none", "[null]"},
      {"$.none.x", "[]"},
      {"$.limit[0]", "[]"},
      {"$.rows[0,1][0]", "[1,3]"},
      {"$.rows[:1]", "[[1,2]]"},
      {"$.rows[1:]", "[[3,4]]"},
      {"$.rows[-1:]", "[[3,4]]"},
      {"$.rows[::-1]", "[[3,4],[1,2]]"},
      {"$.rows[::0]", "[]"},
      {"$.rows[5:1]", "[]"},
      {"$.rows[*][1]", "[2,4]"},
      {"$.rows..[0]", "[[1,2],1,3]"},
      {"$..price", "[2,12.5,40]"},
      {"$ .items [ 1 ] .name", R"(["book"])"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.path);
    EXPECT_EQ(Selected(c.path, kStore), c.selected);
  }
}

TEST(JsonPath, SelectsByFilters) {
  const Case cases[] = {
      {"$.items[?@.tags].name", R"(["pen","lamp"])"},
      {"$.items[?!@.tags].name", R"(["book"])"},
      {"$.items[?(@.price > 2 && @.price <= 12.5)].name", R"(["book"])"},
      {"$.items[?@.price == $.limit || @.name == 'pen'].name", R"(["pen","book"])"},
      {"$.items[?@.tags[?@ == 'thin']].name", R"(["pen"])"},
      {"$.items[?length(@.name) == 3].name", R"(["pen"])"},
      {"$.items[?count(@.tags.*) == 0].name", R"(["book","lamp"])"},
      {"$.items[?value(@..tags[0]) == 'blue'].name", R"(["pen"])"},
      {"$.items[?match(@.name, '.oo.')].name", R"(["book"])"},
      {"$.items[?search(@.name, '[ae]n?')].name", R"(["pen","lamp"])"},
      {"$.items[?match(@.name, '(')].name", "[]"},
      {"$.items[?@.absent == @.missing].name", R"(["pen","book","lamp"])"},
      {"$.items[?@.name < 'c'].name", R"(["book"])"},
      {"$.items[?@.name < 1].name", "[]"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.path);
    EXPECT_EQ(Selected(c.path, kStore), c.selected);
  }
}

TEST(JsonPath, TakesWhatTheStatesLanguageAddsToTheRfc) {
  const Case cases[] = {
      {"$.owner.first-name", R"(["Ada"])"},
      {"$.owner.a\\.b", "[1]"},
      {"$.owner.größe", "[3]"},
      {"$.rows.[1].[0]", "[3]"},
      {"$.rows.length()", "[2]"},
      {"$.rows[(@.length-1)]", "[[3,4]]"},
      {"$.items[?(@.name == book)].price", "[12.5]"},
      {"$.items[?(@.name =~ /B.*/i)].price", "[12.5]"},
      {"$.items[?(@.name =~ /o/)].price", "[]"},
      {"$.items[?(@.name in ['pen', 'ink'])].price", "[2]"},
      {"$.items[?(@.name nin ['pen', 'ink'])].price", "[12.5,40]"},
      {"$.items[?(@.tags contains 'blue')].price", "[2]"},
      {"$.items[?(@.tags size 2)].price", "[2]"},
      {"$.items[?(@.tags empty true)].price", "[40]"},
      {"$.items[?(@.tags.length() == 2)].price", "[2]"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.path);
    EXPECT_EQ(Selected(c.path, kStore), c.selected);
    EXPECT_FALSE(JsonPath::Parse(c.path, PathDialect::kRfc9535).ok() &&
                 absl::string_view(c.path) != "$.owner.größe");
  }
}

TEST(JsonPath, RefusesWhatIsNoPathAndSaysWhere) {
  for (const char* path : {"",
                           "a",
                           "$.",
                           "$..",
                           "$[",
                           "$[]",
                           "$[01]",
                           "$[-0]",
                           "$['a",
                           "$[\"\\x\"]",
                           "$['\\ud800']",
                           "$[1:2:3:4]",
                           "$[?]",
                           "$[?@.a ==]",
                           "$[?(@.a]",
                           "$[?@.* == 1]",
                           "$[?length(@.a)]",
                           "$[?count(1) == 1]",
                           "$[?nope(@.a)]",
                           "$[?match(@.a, 'b') == true]",
                           "$[9007199254740992]",
                           "$ ",
                           "$.a b",
                           "$.a,",
                           "$[?true]",
                           "$[?@.a == 1e400]",
                           "$.length().a",
                           "$.a =~ /x/"}) {
    SCOPED_TRACE(path);
    const absl::StatusOr<JsonPath> parsed = JsonPath::Parse(path);
    ASSERT_FALSE(parsed.ok());
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("at character"));
  }
}

TEST(JsonPath, BoundsNestingAndLength) {
  std::string nested = "@.a";
  for (int i = 0; i < 200; ++i) nested = "(" + nested + ")";
  EXPECT_FALSE(JsonPath::Parse("$[?" + nested + "]").ok());
  std::string filters = "@";
  for (int i = 0; i < 2000; ++i) filters += "[?@";
  EXPECT_FALSE(JsonPath::Parse("$[?" + filters).ok());
  std::string path = "$";
  for (int i = 0; i < 5000; ++i) path += ".a";
  EXPECT_FALSE(JsonPath::Parse(path).ok());
}

TEST(JsonPath, GivesUpOnQueriesThatLookAtTooMuch) {
  std::string text = "[0";
  for (int i = 1; i < 2000; ++i) text += "," + std::to_string(i);
  const Json data = *ParseJson(text + "]");
  const Scope scope = {.data = &data};
  const JsonPath costly = *JsonPath::Parse("$[?count($..*) == @]");
  EXPECT_EQ(costly.Evaluate(scope), std::nullopt);
  EXPECT_TRUE(costly.Select(scope).empty());
  EXPECT_EQ(JsonPath::Parse("$[*]")->Select(scope).size(), 2000u);
}

TEST(JsonPath, ReadsTheContextAndVariables) {
  const Json data = *ParseJson(R"({"a": 1})");
  const Json context = *ParseJson(R"({"State": {"Name": "S"}})");
  const Variables variables = {{"count", Json(7)}, {"list", *ParseJson("[1,2]")}};
  const Scope scope = {.data = &data, .context = &context, .variables = &variables};
  EXPECT_EQ(JsonPath::Parse("$$.State.Name")->Evaluate(scope), Json("S"));
  EXPECT_EQ(JsonPath::Parse("$$")->Evaluate(scope), context);
  EXPECT_EQ(JsonPath::Parse("$count")->Evaluate(scope), Json(7));
  EXPECT_EQ(JsonPath::Parse("$list[1]")->Evaluate(scope), Json(2));
  EXPECT_EQ(JsonPath::Parse("$list[?@ > $.a]")->Evaluate(scope)->ToText(), "[2]");
  EXPECT_EQ(JsonPath::Parse("$other")->Evaluate(scope), std::nullopt);
  EXPECT_EQ(JsonPath::Parse("$count")->Evaluate({.data = &data}), std::nullopt);
}

TEST(JsonPath, KnowsItsKind) {
  struct KindCase {
    const char* path;
    bool definite;
    bool reference;
  };
  const KindCase cases[] = {
      {"$", true, true},         {"$.a['b'][0]", true, true}, {"$.a[-1]", true, false},
      {"$$.a", true, true},      {"$x.a", true, false},       {"$.*", false, false},
      {"$..a", false, false},    {"$[0,1]", false, false},    {"$[0:1]", false, false},
      {"$[?@.a]", false, false},
  };
  for (const KindCase& c : cases) {
    SCOPED_TRACE(c.path);
    const JsonPath path = *JsonPath::Parse(c.path);
    EXPECT_EQ(path.is_definite(), c.definite);
    EXPECT_EQ(path.is_reference(), c.reference);
    EXPECT_EQ(path.text(), c.path);
  }
  EXPECT_TRUE(JsonPath::Parse("$")->is_root());
  EXPECT_FALSE(JsonPath::Parse("$$")->is_root());
  EXPECT_TRUE(JsonPath::Parse("$$.a")->uses_context());
  EXPECT_EQ(JsonPath::Parse("$abc.d")->variable(), "abc");
}

TEST(JsonPath, InsertsAtReferencePaths) {
  struct InsertCase {
    const char* root;
    const char* path;
    const char* result;  // nullptr where it does not go
  };
  const InsertCase cases[] = {
      {R"({"a":1})", "$", "9"},
      {R"({"a":1})", "$.b", R"({"a":1,"b":9})"},
      {R"({"a":1})", "$.b.c.d", R"({"a":1,"b":{"c":{"d":9}}})"},
      {R"({"a":{"x":1}})", "$.a.x", R"({"a":{"x":9}})"},
      {R"({"a":[1,2]})", "$.a[1]", R"({"a":[1,9]})"},
      {R"({"a":[1,2]})", "$.a[2]", nullptr},
      {R"({"a":1})", "$.a.b", nullptr},
      {R"({"a":null})", "$.a.b", nullptr},
      {R"([1])", "$.a", nullptr},
      {R"({})", "$[0]", nullptr},
      {R"({})", "$.*", nullptr},
  };
  for (const InsertCase& c : cases) {
    SCOPED_TRACE(c.path);
    const auto result = JsonPath::Parse(c.path)->Insert(*ParseJson(c.root), Json(9));
    EXPECT_EQ(result.has_value() ? result->ToText() : "nothing",
              c.result != nullptr ? c.result : "nothing");
  }
}

TEST(JsonPath, SaysWhyNothingWasFound) {
  const Case cases[] = {
      {"$.absent", "No results for path: $['absent']"},
      {"$.owner.absent.x", "Missing property in path $['owner']['absent']"},
      {"$.rows[7]", "No results for path: $['rows'][7]"},
      {"$.limit.x", "Expected to find an object with property ['x'] in path $['limit']"},
      {"$nope", "No results for path: $nope"},
  };
  const Json data = *ParseJson(kStore);
  const Scope scope = {.data = &data};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.path);
    const JsonPath path = *JsonPath::Parse(c.path);
    EXPECT_EQ(path.Evaluate(scope), std::nullopt);
    EXPECT_EQ(path.MissingMessage(scope), c.selected);
  }
}

TEST(JsonPath, GivesAnArrayForIndefinitePathsEvenOfNothing) {
  const Json data = *ParseJson(kStore);
  const Scope scope = {.data = &data};
  EXPECT_EQ(JsonPath::Parse("$.items[*].absent")->Evaluate(scope)->ToText(), "[]");
  EXPECT_EQ(JsonPath::Parse("$.items[5:]")->Evaluate(scope)->ToText(), "[]");
  EXPECT_EQ(JsonPath::Parse("$.absent[*].x")->Evaluate(scope)->ToText(), "[]");
  EXPECT_EQ(JsonPath::Parse("$.absent.more[1:]")->Evaluate(scope)->ToText(), "[]");
  EXPECT_EQ(JsonPath::Parse("$..absent")->Evaluate(scope)->ToText(), "[]");
  EXPECT_EQ(JsonPath::Parse("$.items[0].name")->Evaluate(scope)->ToText(), R"("pen")");
}

}  // namespace
}  // namespace millrace
