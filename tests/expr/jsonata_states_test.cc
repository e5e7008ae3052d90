#include <gtest/gtest.h>

#include "tests/expr/jsonata_cases.h"

namespace millrace {
namespace {

TEST(JsonataInStates, HasFunctionsOfItsOwn) {
  ExpectAll(
      {
          {"$partition([1,2,3], 2)", "[[1,2],[3]]"},
          {"$partition([1], 0)", "T0410"},
          {"$range(1, 9, 3)", "[1,4,7]"},
          {"$range(3, 1, -1)", "[3,2,1]"},
          {"$range(1, 2, 0)", "T0410"},
          {"$hash('a', 'MD5')", R"("0cc175b9c0f1b6a831c399e269772661")"},
          {"$hash('a', 'SHA-1')", R"("86f7e437faa5a7fce15d1ddcb9eaeaea377667b8")"},
          {"$substring($hash('a', 'SHA-256'), 0, 8)", R"("ca978112")"},
          {"$length($hash('a', 'SHA-384'))", "96"},
          {"$length($hash('a', 'SHA-512'))", "128"},
          {"$hash('a', 'CRC')", "T0410"},
          {"$random(7) = $random(7)", "true"},
          {"$random() != $random()", "true"},
          {"$length($uuid())", "36"},
          {"$uuid() != $uuid()", "true"},
          {"$parse('{\"a\": [1]}').a", "[1]"},
          {"$parse('{')", "D3137"},
          {"$eval('1')", "T1006"},
      },
      nullptr, JsonataDialect::kStatesLanguage);
  EXPECT_EQ(Evaluated("$partition([1], 1)"), "T1006");
}

TEST(JsonataInStates, TakesTimeAndChanceFromTheCaller) {
  const JsonataOptions options{.now = absl::FromUnixMillis(1510067557121), .seed = 7};
  const auto evaluate = [&](const char* text) {
    return Evaluated(text, nullptr, JsonataDialect::kStatesLanguage, options);
  };
  EXPECT_EQ(evaluate("$millis()"), "1510067557121");
  EXPECT_EQ(evaluate("[$random(), $uuid(), $shuffle([1..9])]"),
            evaluate("[$random(), $uuid(), $shuffle([1..9])]"));
}

TEST(JsonataInStates, TakesBindingsAndKeepsWhatItOnlyHandsOn) {
  const auto parsed = Jsonata::Parse("[$states.input.id, $extra]");
  const Json states = *ParseJson(R"({"input": {"id": 9007199254740993}})");
  const JsonataBinding bindings[] = {{"states", states}, {"extra", Json("x")}};
  EXPECT_EQ(std::get<Jsonata>(parsed).Evaluate(nullptr, bindings, {}).json().ToText(),
            R"([9007199254740992,"x"])");
  const auto whole = Jsonata::Parse("$states.input");
  EXPECT_EQ(std::get<Jsonata>(whole).Evaluate(nullptr, bindings, {}).json().ToText(),
            R"({"id":9007199254740993})");
}

}  // namespace
}  // namespace millrace
