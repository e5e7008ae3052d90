#include "engine/expr/choice_rule.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace {
namespace {

constexpr const char* kInput = R"({
  "n": 10, "f": 1.5, "s": "log-7.txt", "star": "a*b", "t": true, "nil": null,
  "at": "2024-02-29T12:00:00Z", "later": "2024-02-29T13:30:00.5+01:00", "ten": 10.0})";

std::string Outcome(const std::string& rule) {
  std::vector<TemplateProblem> problems;
  const ChoiceCondition condition = ChoiceCondition::Parse(*ParseJson(rule), &problems);
  if (!problems.empty()) return problems[0].pointer + ": " + problems[0].message;
  const Json data = *ParseJson(kInput);
  const AslResult<bool> holds = condition.Holds({.data = &data});
  if (!holds.ok()) return *holds.error().name + ": " + *holds.error().cause;
  return *holds ? "true" : "false";
}

struct Case {
  const char* variable;
  const char* comparison;
  bool holds;
};

void ExpectAll(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const std::string rule =
        std::string(R"({"Variable":")") + c.variable + "\"," + c.comparison + R"(,"Next":"X"})";
    SCOPED_TRACE(rule);
    EXPECT_EQ(Outcome(rule), c.holds ? "true" : "false");
  }
}

TEST(ChoiceCondition, ComparesNumbersStringsAndBooleans) {
  ExpectAll({
      {"$.n", R"("NumericEquals": 10.0)", true},
      {"$.n", R"("NumericEqualsPath": "$.ten")", true},
      {"$.n", R"("NumericLessThan": 10)", false},
      {"$.n", R"("NumericLessThanEquals": 10)", true},
      {"$.n", R"("NumericGreaterThan": 9.99)", true},
      {"$.n", R"("NumericGreaterThanPath": "$.f")", true},
      {"$.f", R"("NumericGreaterThanEquals": 2)", false},
      {"$.s", R"("StringEquals": "log-7.txt")", true},
      {"$.s", R"("StringLessThan": "m")", true},
      {"$.s", R"("StringGreaterThanEqualsPath": "$.star")", true},
      {"$.t", R"("BooleanEquals": true)", true},
      {"$.t", R"("BooleanEqualsPath": "$.t")", true},
      {"$.t", R"("BooleanEquals": false)", false},
  });
}

TEST(ChoiceCondition, IsFalseForAValueOfAnotherType) {
  ExpectAll({
      {"$.s", R"("NumericEquals": 10)", false},
      {"$.n", R"("StringEquals": "10")", false},
      {"$.nil", R"("BooleanEquals": false)", false},
      {"$.s", R"("TimestampEquals": "2024-02-29T12:00:00Z")", false},
      {"$.n", R"("NumericEqualsPath": "$.s")", false},
      {"$.n", R"("StringMatches": "*")", false},
  });
}

TEST(ChoiceCondition, ComparesTimestampsAcrossOffsets) {
  ExpectAll({
      {"$.at", R"("TimestampEquals": "2024-02-29T14:00:00+02:00")", true},
      {"$.at", R"("TimestampLessThanPath": "$.later")", true},
      {"$.later", R"("TimestampGreaterThan": "2024-02-29T12:30:00Z")", true},
      {"$.at", R"("TimestampGreaterThanEquals": "2024-02-29T12:00:00.000000001Z")", false},
      {"$.at", R"("TimestampLessThanEquals": "2024-02-29T12:00:00Z")", true},
  });
}

TEST(ChoiceCondition, MatchesTextWithAsterisks) {
  ExpectAll({
      {"$.s", R"("StringMatches": "log-*.txt")", true},
      {"$.s", R"("StringMatches": "*")", true},
      {"$.s", R"("StringMatches": "log-*.log")", false},
      {"$.s", R"("StringMatches": "*7*")", true},
      {"$.s", R"("StringMatches": "log-7.txt*txt")", false},
      {"$.star", R"("StringMatches": "a\\*b")", true},
      {"$.s", R"("StringMatches": "log\\*")", false},
      {"$.s", R"("StringMatches": "**-**")", true},
  });
}

TEST(ChoiceCondition, TestsTypes) {
  ExpectAll({
      {"$.nil", R"("IsNull": true)", true},
      {"$.n", R"("IsNull": true)", false},
      {"$.n", R"("IsNumeric": true)", true},
      {"$.s", R"("IsNumeric": false)", true},
      {"$.s", R"("IsString": true)", true},
      {"$.t", R"("IsBoolean": true)", true},
      {"$.n", R"("IsBoolean": false)", true},
      {"$.at", R"("IsTimestamp": true)", true},
      {"$.s", R"("IsTimestamp": true)", false},
      {"$.nil", R"("IsPresent": true)", true},
      {"$.nope", R"("IsPresent": true)", false},
      {"$.nope", R"("IsPresent": false)", true},
      {"$.nope.x", R"("IsPresent": false)", true},
  });
}

TEST(ChoiceCondition, CombinesConditions) {
  const std::string yes = R"({"Variable":"$.n","NumericEquals":10})";
  const std::string no = R"({"Variable":"$.n","NumericEquals":11})";
  const std::string broken = R"({"Variable":"$.nope","NumericEquals":11})";
  EXPECT_EQ(Outcome("{\"And\":[" + yes + "," + yes + "]}"), "true");
  EXPECT_EQ(Outcome("{\"And\":[" + yes + "," + no + "]}"), "false");
  EXPECT_EQ(Outcome("{\"Or\":[" + no + "," + yes + "]}"), "true");
  EXPECT_EQ(Outcome("{\"Or\":[" + no + "," + no + "]}"), "false");
  EXPECT_EQ(Outcome("{\"Not\":" + no + "}"), "true");
  EXPECT_EQ(Outcome("{\"Not\":{\"And\":[" + yes + ",{\"Not\":" + no + "}]}}"), "false");
  EXPECT_EQ(Outcome("{\"Or\":[" + yes + "," + broken + "]}"), "true");
}

TEST(ChoiceCondition, FailsWhenAPathFindsNothing) {
  const std::string cause =
      "States.Runtime: Invalid path '$.nope': The choice state's condition path references an "
      "invalid value.";
  EXPECT_EQ(Outcome(R"({"Variable":"$.nope","NumericEquals":1})"), cause);
  EXPECT_EQ(Outcome(R"({"Variable":"$.nope","IsNull":true})"), cause);
  EXPECT_EQ(Outcome(R"({"Variable":"$.n","NumericEqualsPath":"$.nope"})"), cause);
}

TEST(ChoiceCondition, RefusesMalformedRulesWithTheirPlace) {
  struct Malformed {
    const char* rule;
    const char* pointer;
  };
  const Malformed cases[] = {
      {R"([])", ""},
      {R"({"Variable":"$.a","Next":"X"})", ""},
      {R"({"Variable":"$.a","IsNull":true,"IsString":true})", ""},
      {R"({"NumericEquals":1})", ""},
      {R"({"Variable":"a","NumericEquals":1})", "/Variable"},
      {R"({"Variable":7,"NumericEquals":1})", "/Variable"},
      {R"({"Variable":"$.a","NumericEquals":"1"})", "/NumericEquals"},
      {R"({"Variable":"$.a","NumericEqualsPath":"b"})", "/NumericEqualsPath"},
      {R"({"Variable":"$.a","IsNull":"yes"})", "/IsNull"},
      {R"({"Variable":"$.a","TimestampEquals":"2023-02-29T00:00:00Z"})", "/TimestampEquals"},
      {R"({"Variable":"$.a","TimestampEquals":"2024-01-01"})", "/TimestampEquals"},
      {R"({"Variable":"$.a","BooleanLessThan":true})", "/BooleanLessThan"},
      {R"({"Variable":"$.a","StringMatchesPath":"$.b"})", "/StringMatchesPath"},
      {R"({"And":[]})", "/And"},
      {R"({"And":{}})", "/And"},
      {R"({"Variable":"$.a","Not":{"Variable":"$.a","IsNull":true}})", "/Variable"},
      {R"({"Or":[{"Variable":"$.a","IsNull":true,"Next":"X"}]})", "/Or/0/Next"},
      {R"({"Not":{"And":[{"Variable":"$.a","IsNull":1}]}})", "/Not/And/0/IsNull"},
  };
  for (const Malformed& c : cases) {
    SCOPED_TRACE(c.rule);
    std::vector<TemplateProblem> problems;
    ChoiceCondition::Parse(*ParseJson(c.rule), &problems);
    ASSERT_FALSE(problems.empty());
    EXPECT_EQ(problems[0].pointer, c.pointer);
  }
}

}  // namespace
}  // namespace millrace
