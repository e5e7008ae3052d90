#include <gtest/gtest.h>

#include "tests/expr/jsonata_cases.h"

namespace millrace {
namespace {

constexpr const char* kShop = R"({
  "orders": [
    {"id": "a", "lines": [{"sku": "pen", "price": 2, "count": 3}, {"sku": "ink", "price": 5}]},
    {"id": "b", "lines": [{"sku": "pen", "price": 1.5, "count": 10}]}],
  "owner": {"first name": "Ada", "tags": ["x"], "age": 36}, "empty": [], "none": null,
  "nested": [[1, 2], [3]]})";

TEST(JsonataLanguage, FollowsPathsThroughSequences) {
  ExpectAll(
      {
          {"owner.age", "36"},
          {"orders.id", R"(["a","b"])"},
          {"orders.lines.sku", R"(["pen","ink","pen"])"},
          {"orders[0].lines.price", "[2,5]"},
          {"orders.lines[0].sku", R"(["pen","pen"])"},
          {"(orders.lines)[0].sku", R"("pen")"},
          {"orders.lines[-1].price", "[5,1.5]"},
          {"orders.lines[price > 1.9].sku", R"(["pen","ink"])"},
          {"orders[id='b'].lines[]", R"([{"sku":"pen","price":1.5,"count":10}])"},
          {"orders.lines.count", "[3,10]"},
          {"owner.tags", R"(["x"])"},
          {"owner.tags[0]", R"("x")"},
          {"owner.`first name`", R"("Ada")"},
          {"owner.\"first name\"", R"("Ada")"},
          {"owner.missing.more", "nothing"},
          {"none", "null"},
          {"none.x", "nothing"},
          {"empty", "[]"},
          {"nested", "[[1,2],[3]]"},
          {"nested[0]", "[1,2]"},
          {"nested.$", "[1,2,3]"},
          {"owner.*[0]", R"("Ada")"},
          {"**.sku", R"(["pen","ink","pen"])"},
          {"orders.[id]", R"([["a"],["b"]])"},
          {"orders.{\"k\": id}", R"([{"k":"a"},{"k":"b"}])"},
          {"orders.(lines.price)", "[2,5,1.5]"},
          {"$.owner.age", "36"},
          {"$$.orders[1].id", R"("b")"},
          {"orders[[0..1]].id", R"(["a","b"])"},
          {"orders.lines.$string(price)", R"(["2","5","1.5"])"},
      },
      kShop);
}

TEST(JsonataLanguage, SortsGroupsAndBinds) {
  ExpectAll(
      {
          {"orders.lines^(price).sku", R"(["pen","pen","ink"])"},
          {"orders.lines^(>price, sku).price", "[5,2,1.5]"},
          {"orders.lines^(<count).price", "[2,1.5,5]"},
          {"orders.lines{sku: $sum(price)}", R"({"pen":3.5,"ink":5})"},
          {"orders.lines{sku: price[]}", R"({"pen":[2,1.5],"ink":[5]})"},
          {"orders#$i.(id & $i)", R"(["a0","b1"])"},
          {"orders#$i[$i=1].id", R"("b")"},
          {"orders.lines#$i.$i", "[0,1,0]"},
          {"orders@$o.$$.orders.lines@$l[$l.price > $o.lines[0].price].($o.id & $l.sku)",
           R"(["aink","bpen","bink"])"},
          {"orders.lines.(%.id & sku)", R"(["apen","aink","bpen"])"},
          {"orders.lines.price.%.%.id", R"(["a","a","b"])"},
          {"orders.lines[%.id='a'].sku", R"(["pen","ink"])"},
          {"orders^(lines)", "T2008"},
          {"orders.lines{price: sku}", "T1003"},
          {"orders{id: 1, 'a': 2}", "D1009"},
          {"%", "S0217"},
          {"orders@$o[0]@$p", "S0215"},
          {"orders^(id)@$o", "S0216"},
      },
      kShop);
}

TEST(JsonataLanguage, HasOperators) {
  ExpectAll({
      {"1 + 2 * 3 - 4 / 2", "5"},
      {"(1 + 2) * 3", "9"},
      {"7 % 3", "1"},
      {"-7 % 3", "-1"},
      {"-(1)", "-1"},
      {"0.1 + 0.2", "0.30000000000000004"},
      {"1 + missing", "nothing"},
      {"1 + \"a\"", "T2002"},
      {"\"a\" + 1", "T2001"},
      {"-\"a\"", "D1002"},
      {"\"a\" & 1 & true & null & missing & [1,2]", R"("a1truenull[1,2]")"},
      {"1 = 1.0 and \"a\" != \"b\"", "true"},
      {"[1,{\"a\":2}] = [1,{\"a\":2}]", "true"},
      {"missing = missing", "false"},
      {"missing != 1", "false"},
      {"1 < 2 and 2 <= 2 and 3 > 2 and 3 >= 3", "true"},
      {"\"a\" < \"b\"", "true"},
      {"\"a\" < 1", "T2009"},
      {"true < 1", "T2010"},
      {"1 in [1,2]", "true"},
      {"\"x\" in \"x\"", "true"},
      {"1 in missing", "false"},
      {"[1..3]", "[1,2,3]"},
      {"[1..1]", "[1]"},
      {"[3..1]", "[]"},
      {"[1..2, 5]", "[1,2,5]"},
      {"[1.5..2]", "T2003"},
      {"[1..\"2\"]", "T2004"},
      {"true ? 1 : 2", "1"},
      {"false ? 1", "nothing"},
      {"0 ?: 5", "5"},
      {"0 ?? 5", "0"},
      {"missing ?? 5", "5"},
      {"false or [0, 1]", "true"},
      {"true and {}", "false"},
      {"1 /* a note */ + 1", "2"},
      {"and & or & in", R"("")"},
      {"1/0", "D1001"},
      {"1e300 * 1e300 + 1", "D1001"},
      {"{\"a\": 1, \"b\": missing}", R"({"a":1})"},
      {"[1, missing, [2]]", "[1,[2]]"},
      {"\"\\u00e9\\n\\ud83d\\ude00\"", "\"é\\n😀\""},
  });
}

TEST(JsonataLanguage, HasFunctionsAndClosures) {
  ExpectAll({
      {"($f := function($x) { $x * 2 }; $f(4))", "8"},
      {"(λ($x, $y) { $x & $y })('a')", R"("a")"},
      {"($x := 1; ($x := 2); $x)", "1"},
      {"($add := function($x) { function($y) { $x + $y } }; $add(1)(2))", "3"},
      {"($f := function($n) { $n = 0 ? 1 : $n * $f($n - 1) }; $f(10))", "3628800"},
      {"($f := function($n, $r) { $n = 0 ? $r : $f($n - 1, $r + $n) }; $f(20000, 0))",
       "200010000"},
      {"($s := $substring(?, 0, 2); $s('hello'))", R"("he")"},
      {"($f := function($a, $b) { $a - $b }; $f(?, 1)(5))", "4"},
      {"\" a \" ~> $trim ~> $uppercase", R"("A")"},
      {"($f := $trim ~> $uppercase; $f(' b '))", R"("B")"},
      {"[1,2] ~> $append([3]) ~> $sum()", "6"},
      {"function($x) { 1 }", "a function"},
      {"$sum", "a function"},
      {"[1..3].function($x)<n-:n>{ $x * 2 }()", "[2,4,6]"},
      {"λ($a)<a<n>>{ $a }(1)", "[1]"},
      {"λ($a)<a<n>>{ $a }('x')", "T0412"},
      {"λ($a)<n>{ $a }('x')", "T0410"},
      {"(5).λ($a)<s-:s>{ $a }()", "T0411"},
      {"λ($a)<n<n>>{ $a }(1)", "S0401"},
      {"λ($a)<(sa<n>)>{ $a }(1)", "S0402"},
      {"nofunction(1)", "T1006"},
      {"sum(1)", "T1005"},
      {"sum(?)", "T1007"},
      {"'a'(?)", "T1008"},
      {"1 ~> 2", "T2006"},
      {"$map([1,2,3], function($v, $i, $a) { $v + $i + $count($a) })", "[4,6,8]"},
      {"$filter([1,2,3], function($v) { $v > 1 })", "[2,3]"},
      {"$reduce([1,2,3], function($a, $v) { $a + $v }, 10)", "16"},
      {"$reduce([1], function($a) { 1 })", "D3050"},
      {"$single([1,2], function($v) { $v = 2 })", "2"},
      {"$single([1,2])", "D3138"},
      {"$single([1], function($v) { false })", "D3139"},
      {"$sort([3,1,2], function($a, $b) { $a < $b })", "[3,2,1]"},
      {"$sort(['b','a'])", R"(["a","b"])"},
      {"$sort([{}, {}])", "D3070"},
      {"$each({'a': 1, 'b': 2}, function($v, $k) { $k & $v })", R"(["a1","b2"])"},
      {"$sift({'a': 1, 'b': 2}, function($v) { $v > 1 })", R"({"b":2})"},
      {"$eval('1 + 1')", "2"},
      {"($x := 5; $eval('$x + 1'))", "6"},
      {"$eval('1 +')", "D3120"},
      {"$eval('1 + \"a\"')", "D3121"},
  });
}

TEST(JsonataLanguage, TransformsCopies) {
  ExpectAll(
      {
          {"($ ~> |owner|{'age': age + 1}, 'tags'|).owner", R"({"first name":"Ada","age":37})"},
          {"$ ~> |orders.lines|{'sku': missing}| ~> $lookup('empty')", "[]"},
          {"$count(($ ~> |orders|{}, ['id', 'lines']|).orders.id)", "0"},
          {"owner ~> |$|'x'|", "T2011"},
          {"owner ~> |$|{}, 5|", "T2012"},
          {"1 ~> |$|{}|", "T0410"},
          {"missing ~> |$|{}|", "nothing"},
          {"(owner ~> |$|{'self': $}|).self.age", "36"},
      },
      kShop);
}

TEST(JsonataLanguage, RefusesWhatIsNoExpression) {
  ExpectAll({
      {"", "S0207"},          {"1 +", "S0207"},        {"(1", "S0203"},
      {"[1,2)", "S0202"},     {"1 2", "S0201"},        {"\"a", "S0101"},
      {"1e999", "S0102"},     {"\"\\y\"", "S0103"},    {"\"\\u12\"", "S0104"},
      {"`a", "S0105"},        {"/* a", "S0106"},       {"a ! b", "S0204"},
      {"function(x){1}", "S0208"}, {"a{'b':1}{'c':1}", "S0210"}, {"+ 1", "S0211"},
      {"1 := 2", "S0212"},    {"a.1", "S0213"},        {"a@b", "S0214"},
      {"//", "S0301"},        {"/a", "S0302"},         {"/(/", "S0302"},
      {"/a(?=b)/", "S0303"},  {"/(a)\\1/", "S0303"},   {"/a{2000}/", "S0303"},
      {"[1]{'a':1}[0]", "S0209"},
  });
}

TEST(JsonataLanguage, SaysWhatIsWrongAndWhere) {
  const auto parsed = Jsonata::Parse("\"é\" + (1; ]");
  ASSERT_TRUE(std::holds_alternative<JsonataError>(parsed));
  EXPECT_EQ(std::get<JsonataError>(parsed).message,
            "The symbol \"]\" cannot be used as a unary operator");
  EXPECT_EQ(std::get<JsonataError>(parsed).position, 11u);
  const auto call = Jsonata::Parse("$uppercase(1)");
  const JsonataResult result = std::get<Jsonata>(call).Evaluate(nullptr, {}, {});
  EXPECT_EQ(result.error().message,
            "Argument 1 of function \"uppercase\" does not match function signature");
  EXPECT_EQ(result.error().token, "uppercase");
}

TEST(JsonataLanguage, TakesBindingsAndKeepsWhatItOnlyHandsOn) {
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
