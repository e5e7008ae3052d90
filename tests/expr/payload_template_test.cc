#include "engine/expr/payload_template.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace {
namespace {

std::string Evaluated(const char* text, const char* input) {
  std::vector<TemplateProblem> problems;
  const PayloadTemplate parsed = PayloadTemplate::Parse(*ParseJson(text), &problems);
  if (!problems.empty()) return problems[0].pointer + ": " + problems[0].message;
  const Json data = *ParseJson(input);
  const Json context = *ParseJson(R"({"State":{"Name":"S"}})");
  const AslResult<Json> value = parsed.Evaluate({.data = &data, .context = &context});
  return value.ok() ? value->ToText() : *value.error().name + ": " + *value.error().cause;
}

TEST(PayloadTemplate, ReplacesMembersThatEndInDotDollar) {
  struct Case {
    const char* text;
    const char* result;
  };
  const Case cases[] = {
      {R"({"a.$":"$.x"})", R"({"a":1})"},
      {R"({"a":"$.x","b":"$$"})", R"({"a":"$.x","b":"$$"})"},
      {R"({"a":{"b":[{"c.$":"$.y[0]"},5]},"d":null})", R"({"a":{"b":[{"c":2},5]},"d":null})"},
      {R"({"all.$":"$","name.$":"$$.State.Name"})", R"({"all":{"x":1,"y":[2,3]},"name":"S"})"},
      {R"({"a.$":"$.y[*].z"})", R"({"a":[]})"},
      {R"({"a.$":"$.y[1:]"})", R"({"a":[3]})"},
      {R"json({"a.$":"States.Array($.x, 'b')"})json", R"({"a":[1,"b"]})"},
      {R"("$.x")", R"("$.x")"},
      {R"(["$.x"])", R"(["$.x"])"},
      {R"({})", R"({})"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(Evaluated(c.text, R"({"x":1,"y":[2,3]})"), c.result);
  }
}

TEST(PayloadTemplate, NamesThePathThatFoundNothing) {
  EXPECT_EQ(
      Evaluated(R"({"p":{"value.$":"$.x"}})", R"({"a":1})"),
      "States.Runtime: The JSONPath '$.x' specified for the field 'value.$' could not be found "
      "in the input '{\"a\":1}'");
  EXPECT_EQ(
      Evaluated(R"json({"v.$":"States.Format('{}', $.x)"})json", "{}"),
      "States.Runtime: The JSONPath '$.x' specified for the field 'v.$' could not be found in "
      "the input '{}'");
}

TEST(PayloadTemplate, ReportsEveryProblemWithItsPlace) {
  std::vector<TemplateProblem> problems;
  PayloadTemplate::Parse(
      *ParseJson(R"json({"a.$":1,"b":[{"c/d~.$":"x"}],"e.$":"States.Nope()","f.$":"$.ok"})json"),
      &problems);
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_EQ(problems[0].pointer, "/a.$");
  EXPECT_EQ(problems[0].message,
            "The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function "
            "call");
  EXPECT_EQ(problems[1].pointer, "/b/0/c~1d~0.$");
  EXPECT_EQ(problems[2].pointer, "/e.$");
}

TEST(PayloadTemplate, SharesWhatHasNoExpressions) {
  std::vector<TemplateProblem> problems;
  const Json json = *ParseJson(R"({"big":{"list":[1,2,3]},"x.$":"$.x"})");
  const PayloadTemplate parsed = PayloadTemplate::Parse(json, &problems);
  const Json data = *ParseJson(R"({"x":[4]})");
  const AslResult<Json> value = parsed.Evaluate({.data = &data});
  ASSERT_TRUE(value.ok());
  EXPECT_TRUE(value->Find("big")->IsIdenticalTo(*json.Find("big")));
  EXPECT_TRUE(value->Find("x")->IsIdenticalTo(*data.Find("x")));
}

}  // namespace
}  // namespace millrace
