#include "engine/expr/intrinsics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/base/uuid.h"

namespace millrace {
namespace {

using ::testing::HasSubstr;

AslResult<Json> Called(const std::string& text, uint64_t* random_state = nullptr) {
  const Json data = *ParseJson(R"({
    "name": "Ada", "list": [1, 2, 2.0, "2", {"a": 1, "b": 2}, {"b": 2, "a": 1}, null],
    "object": {"Arg1": 1, "Arg2": []}, "form": "\\{{}\\}", "blank": " "})");
  const absl::StatusOr<IntrinsicCall> call = IntrinsicCall::Parse(text);
  if (!call.ok()) return AslError{.name = "Refused", .cause = std::string(call.status().message())};
  return call->Evaluate({.data = &data, .random_state = random_state}, "v.$");
}

struct Case {
  const char* call;
  const char* result;
};

void ExpectAll(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.call);
    const AslResult<Json> result = Called(c.call);
    EXPECT_EQ(result.ok() ? result->ToText() : *result.error().cause, c.result);
  }
}

TEST(Intrinsics, FormatAndConvertText) {
  ExpectAll({
      {"States.Format('Hello {}, {}', $.name, 2020)", R"("Hello Ada, 2020")"},
      {"States.Format('')", R"("")"},
      {R"(States.Format('\{{}\} it\'s \\', 'x'))", R"("{x} it's \\")"},
      {"States.Format($.form, 1.5)", R"("{1.5}")"},
      {"States.Format('{} {} {}', null, true, $.object)", R"("null true {Arg1=1, Arg2=[]}")"},
      {"States.StringToJson('{\"a\": [1, 2]}')", R"({"a":[1,2]})"},
      {"States.StringToJson('')", "null"},
      {"States.StringToJson($.blank)", "null"},
      {"States.StringToJson('-0')", "0"},
      {"States.JsonToString($.object)", R"("{\"Arg1\":1,\"Arg2\":[]}")"},
      {"States.JsonToString('a')", R"("\"a\"")"},
      {"States.StringSplit('This.is+a,test=string', '.+,=')",
       R"(["This","is","a","test","string"])"},
      {"States.StringSplit(',,,,', ',')", "[]"},
      {"States.StringSplit('aéb', 'é')", R"(["a","b"])"},
      {"States.StringSplit('ab', '')", R"(["ab"])"},
  });
}

TEST(Intrinsics, WorkOnArrays) {
  ExpectAll({
      {"States.Array()", "[]"},
      {"States.Array('a', 1, -1.5, true, null, States.Array())", R"(["a",1,-1.5,true,null,[]])"},
      {"States.ArrayPartition(States.Array(1, 2, 3), 2)", "[[1,2],[3]]"},
      {"States.ArrayPartition(States.Array(), 2)", "[]"},
      {"States.ArrayContains($.list, '2')", "true"},
      {"States.ArrayContains($.list, 3)", "false"},
      {"States.ArrayRange(0, 10, 3)", "[0,3,6,9]"},
      {"States.ArrayRange(9, -1, -5)", "[9,4,-1]"},
      {"States.ArrayRange(1, 9, -2)", "[]"},
      {"States.ArrayRange(9223372036854775806, 9223372036854775807, 1)",
       "[9223372036854775806,9223372036854775807]"},
      {"States.ArrayGetItem($.list, 3)", R"("2")"},
      {"States.ArrayLength($.list)", "7"},
      {"States.ArrayUnique($.list)", R"([1,2,"2",{"a":1,"b":2},null])"},
  });
}

TEST(Intrinsics, EncodeHashMergeAndAdd) {
  ExpectAll({
      {"States.Base64Encode('Data to encode')", R"("RGF0YSB0byBlbmNvZGU=")"},
      {"States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", R"("Data to encode")"},
      {"States.Base64Decode('/0E=')", "\"\xef\xbf\xbd\x41\""},
      {"States.Hash('abc', 'MD5')", R"("900150983cd24fb0d6963f7d28e17f72")"},
      {"States.Hash('abc', 'SHA-1')", R"("a9993e364706816aba3e25717850c26c9cd0d89d")"},
      {"States.Hash('abc', 'SHA-256')",
       R"("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")"},
      {"States.JsonMerge($.object, States.StringToJson('{\"Arg2\":3,\"c\":4}'), false)",
       R"({"Arg1":1,"Arg2":3,"c":4})"},
      {"States.MathAdd(1.49, 1.5)", "3"},
      {"States.MathAdd(-1.5, 0)", "-1"},
      {"States.MathAdd(-0.5, 0.5)", "1"},
      {"States.MathAdd(2.5, 0)", "3"},
      {"States.MathAdd(9007199254740993, 1)", "9007199254740994"},
  });
}

TEST(Intrinsics, FailForArgumentsTheyDoNotTake) {
  for (const char* call : {"States.Format('{}')",
                           "States.Format('x', 1)",
                           "States.Format(1)",
                           "States.StringToJson('{')",
                           "States.StringToJson(1)",
                           "States.ArrayPartition($.list, 0)",
                           "States.ArrayPartition(1, 1)",
                           "States.ArrayContains(1, 1)",
                           "States.ArrayRange(0, 1, 0)",
                           "States.ArrayRange(1, 2000, 1)",
                           "States.ArrayGetItem($.list, 7)",
                           "States.ArrayGetItem($.list, -1)",
                           "States.ArrayLength('x')",
                           "States.ArrayUnique(1)",
                           "States.Base64Encode(1)",
                           "States.Base64Decode('?')",
                           "States.Hash('a', 'CRC')",
                           "States.JsonMerge($.object, 1, false)",
                           "States.JsonMerge($.object, $.object, true)",
                           "States.MathAdd('1', 1)",
                           "States.MathAdd(9223372036854775807, 1)",
                           "States.MathRandom(2, 1, 3)",
                           "States.StringSplit('a', 1)"}) {
    SCOPED_TRACE(call);
    const AslResult<Json> result = Called(call);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().name, "States.IntrinsicFailure");
    EXPECT_THAT(*result.error().cause, HasSubstr(std::string("The function '") + call + "' had"));
  }
}

TEST(Intrinsics, AreRefusedWhenMalformed) {
  for (const char* call :
       {"States.", "States.Nope()", "States.Array", "States.Array(", "States.Array(1",
        "States.Array(1,)", "States.Array(,)", "States.Array('a)", "States.Array(a)",
        "States.Array($.[)", "States.Array([1])", "States.Array() x", "States.Format()",
        "States.ArrayLength(1, 2)", "States.UUID(1)", "Array(1)"}) {
    SCOPED_TRACE(call);
    EXPECT_EQ(*Called(call).error().name, "Refused");
  }
  std::string deep = "1";
  for (int i = 0; i < 100; ++i) deep = "States.Array(" + deep + ")";
  EXPECT_EQ(*Called(deep).error().name, "Refused");
}

TEST(Intrinsics, TakePathsWithBracketsAndQuotes) {
  ExpectAll({
      {"States.Array($.list[?(@.a == 1 && length('),') == 2)].b , $['name'])", R"([[2,2],"Ada"])"},
      {"States.ArrayLength( $.list[0,1] )  ", "2"},
  });
}

TEST(Intrinsics, DrawTheSameFromTheSameState) {
  uint64_t first = 42;
  uint64_t second = 42;
  const Json uuid = *Called("States.UUID()", &first);
  EXPECT_EQ(uuid, *Called("States.UUID()", &second));
  EXPECT_EQ(first, second);
  EXPECT_FALSE(uuid == *Called("States.UUID()", &first));
  const std::string text(uuid.AsString());
  EXPECT_TRUE(Uuid::Parse(text).ok());
  EXPECT_EQ(text[14], '4');
  for (int i = 0; i < 200; ++i) {
    const std::optional<int64_t> drawn = Called("States.MathRandom(-2, 2)", &first)->ToInt64();
    EXPECT_GE(*drawn, -2);
    EXPECT_LT(*drawn, 2);
  }
  EXPECT_EQ(*Called("States.MathRandom(0, 999, 3)"), *Called("States.MathRandom(0, 999, 3)"));
}

}  // namespace
}  // namespace millrace
