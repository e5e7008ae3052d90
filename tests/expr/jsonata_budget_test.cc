#include <gtest/gtest.h>

#include "tests/expr/jsonata_cases.h"

namespace millrace {
namespace {

struct BudgetCase {
  const char* expression;
  JsonataLimits limits;
  const char* expected;
};

TEST(JsonataBudget, IsKeptByEveryMeasure) {
  const BudgetCase cases[] = {
      {"$sum([1..100].($ + 1))", {.steps_max = 5000}, "5150"},
      {"$sum([1..100].($ + 1))", {.steps_max = 50}, "D1012"},
      {"($f := function($n) { $f($n + 1) }; $f(0))", {.steps_max = 50000}, "D1012"},
      {"($f := function($n) { $f($n + 1) }; $f(0))",
       {.steps_max = 1'000'000'000, .deadline = absl::Milliseconds(1)},
       "D1012"},
      {"($f := function($n) { $n = 0 ? 0 : 1 + $f($n - 1) }; $f(9))", {.depth_max = 100}, "9"},
      {"($f := function($n) { $n = 0 ? 0 : 1 + $f($n - 1) }; $f(99))", {.depth_max = 100}, "D1011"},
      {"$reduce([1..20], function($a, $i) { {'a': $a} }, 0)", {.depth_max = 19}, "D1011"},
      {"$count([1..100])", {.sequence_max = 100}, "100"},
      {"$count([1..101])", {.sequence_max = 100}, "D2015"},
      {"$append([1..60], [1..60])", {.sequence_max = 100}, "D2015"},
      {"$count([1..101])", {.range_max = 100}, "D2014"},
      {"$length($pad('', 100))", {.string_bytes_max = 100}, "100"},
      {"$pad('', 101)", {.string_bytes_max = 100}, "D2016"},
      {"$pad('', 60) & $pad('', 60)", {.string_bytes_max = 100}, "D2016"},
      {"$string([1..60])", {.string_bytes_max = 100}, "D2016"},
      {"$replace('aaaa', /a/, 'bbbbbbbbbb')", {.string_bytes_max = 30}, "D2016"},
      {"$count([1..1000].{'a': $})", {.memory_bytes_max = 1u << 20}, "1000"},
      {"$count([1..1000].{'a': $})", {.memory_bytes_max = 20'000}, "D2017"},
  };
  for (const BudgetCase& c : cases) {
    SCOPED_TRACE(c.expression);
    EXPECT_EQ(Evaluated(c.expression, nullptr, JsonataDialect::kPlain, {.limits = c.limits}),
              c.expected);
  }
}

TEST(JsonataBudget, IsSpentAlikeEveryTime) {
  int64_t first = 0;
  int64_t second = 0;
  int64_t none = 0;
  const char* expression = "$map([1..10], function($x) { $x & 'a' })";
  Evaluated(expression, nullptr, JsonataDialect::kPlain, {.steps_used = &first});
  Evaluated(expression, nullptr, JsonataDialect::kPlain, {.steps_used = &second});
  Evaluated("1", nullptr, JsonataDialect::kPlain, {.steps_used = &none});
  EXPECT_EQ(first, second);
  EXPECT_GT(first, 30);
  EXPECT_LT(none, 10);
}

TEST(JsonataBudget, AllowsWorkThatGrowsByPieces) {
  ExpectAll({
      {"$count($reduce([1..20000], function($a, $x) { $append($a, $x) }, []))", "20000"},
      {"$length($reduce([1..50000], function($s, $i) { $s & $string($i) & ',' }, ''))", "288894"},
      {"$count($match($pad('', 100000, 'a1'), /\\d+/))", "50000"},
      {"$length($replace($pad('', 200000, 'a,'), /,\\s*/, ';'))", "200000"},
      {"$count([1..20000].$toMillis('2020-01-01', '[Y]-[M]-[D]'))", "20000"},
  });
}

// What is made longer in its place is still what it was for whoever else has it.
TEST(JsonataBudget, SharesNothingThatChanges) {
  ExpectAll({
      {"($a := $append([1], 2); $b := $append($a, 3); $c := $append($a, 4);"
       " $d := $append($b, 5); [[$a], [$b], [$c], [$d]])",
       "[[1,2],[1,2,3],[1,2,4],[1,2,3,5]]"},
      {"($a := $append([1], []); $b := $append($a, 2); $c := $append($a, 3); [[$b], [$c]])",
       "[[1,2],[1,3]]"},
      {"($a := $append([1, 2], 3); $b := $append($a, $a); $c := $append($a, 0); [[$b], [$c]])",
       "[[1,2,3,1,2,3],[1,2,3,0]]"},
      {"($s := $pad('', 130, 'a') & 'b'; $t := $s & 'c'; $u := $s & 'd'; $v := $t & 'e';"
       " [$s, $t, $u, $v].$substring($, 129))",
       R"(["ab","abc","abd","abce"])"},
      {"($s := $pad('', 300, 'a') & 'b'; $t := $substring($s, 150) & 'c';"
       " $u := $s & 'd'; [$t, $u].$substring($, -3))",
       R"(["abc","abd"])"},
  });
}

TEST(JsonataBudget, IsForPatternsAndPicturesToo) {
  ExpectAll({
      {"$formatNumber(1, $pad('', 4097, '0'))", "D2016"},
      {"$toMillis($pad('', 4097, '1'), '[Y]')", "D2016"},
      {"$length($formatInteger(1, $pad('', 4000, '0')))", "4000"},
  });
  std::string many = "$count($zip(";
  for (int i = 0; i < 64; ++i) many += "/a/,";
  EXPECT_EQ(Evaluated(many + "1))"), "1");
  EXPECT_EQ(Evaluated(many + "/a/))"), "S0303");
}

}  // namespace
}  // namespace millrace
