#include <gtest/gtest.h>

#include "tests/expr/jsonata_cases.h"

namespace millrace {
namespace {

TEST(JsonataClosures, AreCalledAppliedAndCombined) {
  ExpectAll({
      {"($f := function($x) { $x * 2 }; $f(4))", "8"},
      {"(λ($x, $y) { $x & $y })('a')", R"("a")"},
      {"(function() { 5 })()", "5"},
      {"(function($x) { $x })(1, 2)", "1"},
      {"($x := 1; $f := function() { $x }; $x := 2; $f())", "2"},
      {"($add := function($x) { function($y) { $x + $y } }; $add(1)(2))", "3"},
      {"($f := function($n) { $n = 0 ? 1 : $n * $f($n - 1) }; $f(10))", "3628800"},
      {"($even := function($n) { $n = 0 ? true : $odd($n - 1) }; $odd := function($n) { $n = 0 ? "
       "false : $even($n - 1) }; $even(1001))",
       "false"},
      {"($f := function($n, $r) { $n = 0 ? $r : $f($n - 1, $r + $n) }; $f(20000, 0))", "200010000"},
      {"($y := λ($f) { λ($x) { $x($x) }(λ($g) { $f(λ($a) { ($g($g))($a) }) }) }; $y(λ($f) { λ($n) "
       "{ $n < 2 ? 1 : $n * $f($n - 1) } })(6))",
       "720"},
      {"($counter := function($n) { ($m := $n + 1; function() { $m }) }; $a := $counter(1); $b := "
       "$counter(5); [$a(), $b()])",
       "[2,6]"},
      {"($s := $substring(?, 0, 2); $s('hello'))", R"("he")"},
      {"($f := function($a, $b) { $a - $b }; $f(?, 1)(5))", "4"},
      {"($f := function($a, $b, $c) { [$a, $b, $c] }; $f(?, 2, ?)(1, 3))", "[1,2,3]"},
      {"($p := $power(2, ?); $map([1..4], $p))", "[2,4,8,16]"},
      {"$substring(?, ?)('abc', 1)", R"("bc")"},
      {"($f := $sum; $f([1, 2]))", "3"},
      {"($fs := [$sum, $max]; $fs[1]([4, 9]))", "9"},
      {"($o := {'f': function($x) { $x + 1 }}; $o.f(2))", "3"},
      {R"(" a " ~> $trim ~> $uppercase)", R"("A")"},
      {"($f := $trim ~> $uppercase; $f(' b '))", R"("B")"},
      {"($f := $trim ~> $length; $map([' a ', 'bb'], $f))", "[1,2]"},
      {"[1, 2] ~> $append([3]) ~> $sum()", "6"},
      {"5 ~> function($x) { $x + 1 }", "6"},
      {"5 ~> (function($x) { $x + 1 })", "6"},
      {"'a' ~> $string ~> 5", "T2006"},
      {"function($x) { 1 }", "a function"},
      {"$sum", "a function"},
      {"[1..3].(function($x)<n-:n> { $x * 2 })()", "[2,4,6]"},
      {"'abc'.$length()", "nothing"},
      {"'abc'.$substring(1)", "nothing"},
      {"5.$string()", "S0213"},
      {"nofunction(1)", "T1006"},
      {"sum(1)", "T1005"},
      {"sum(?)", "T1007"},
      {"'a'(?)", "T1008"},
      {"'a'(1)", "T1006"},
      {"$x(1)", "T1006"},
      {"$x(?)", "T1008"},
      {"1 ~> 2", "T2006"},
      {"missing ~> $string", "nothing"},
      {"$map([1, 2], λ($x) { $x > 1 ? $string($x) : $x })", R"([1,"2"])"},
      {"($fib := function($n, $a, $b) { $n = 0 ? $a : $fib($n - 1, $b, $a + $b) }; $fib(80, 0, 1))",
       "23416728348467684"},
      {"$map([1, 2], function($v) { ($w := $v * 2; $w + 1) })", "[3,5]"},
      {"(1; $f := function() { $ }; {'a': 1}.$f())", "nothing"},
      {"$filter([1, 2, 3], $boolean ~> $not)", "nothing"},
      {"$sort([{'n': 'b', 'v': 1}, {'n': 'a', 'v': 1}], λ($l, $r) { $l.v > $r.v }).n",
       R"(["b","a"])"},
  });
}

TEST(JsonataClosures, HaveSignatures) {
  ExpectAll({
      {"λ($a)<a<n>>{ $a }(1)", "[1]"},
      {"λ($a)<a<n>>{ $a }([1, 2])", "[1,2]"},
      {"λ($a)<a<n>>{ $a }(['x'])", "T0412"},
      {"λ($a)<a<n>>{ $a }('x')", "T0412"},
      {"λ($a)<n>{ $a }('x')", "T0410"},
      {"λ($a)<n>{ $a }()", "T0410"},
      {"λ($a, $b)<ns?>{ [$a, $b] }(1)", "[1]"},
      {"λ($a, $b)<ns?>{ [$a, $b] }(1, 'b')", R"([1,"b"])"},
      {"λ($a, $b)<ns?>{ [$a, $b] }(1, 2)", "T0410"},
      {"λ($a)<n+>{ $a }(1, 2)", "1"},
      {"λ($a)<(sn)>{ $a }('x')", R"("x")"},
      {"λ($a)<(sn)>{ $a }(true)", "T0410"},
      {"λ($a)<f>{ $a(2) }(function($x) { $x })", "2"},
      {"λ($a)<f<n:n>>{ $a(2) }(function($x) { $x })", "2"},
      {"λ($a)<f>{ 1 }(2)", "T0410"},
      {"λ($a)<o>{ $a }({'k': 1})", R"({"k":1})"},
      {"λ($a)<b>{ $a }(false)", "false"},
      {"λ($a)<l>{ $a }(null)", "null"},
      {"λ($a)<x>{ $a }(missing)", "nothing"},
      {"λ($a)<j>{ $a }($sum)", "T0410"},
      {"λ($a)<s-:s>{ $a }()", "nothing"},
      {"'ctx'.λ($a)<s-:s>{ $a }()", "nothing"},
      {"(5).λ($a)<s-:s>{ $a }()", "T0411"},
      {"'p'.λ($a, $b)<s-s>{ $a & $b }('q')", "nothing"},
      {"λ($a)<n<n>>{ $a }(1)", "S0401"},
      {"λ($a)<(sa<n>)>{ $a }(1)", "S0402"},
      {"function($a, $b)<n?a<s>>{ $type($a) }(['x'])", R"("array")"},
      {"function($a, $b)<s?a<n>>{ [$a, $b] }('x', [1])", R"(["x",1])"},
      {"function($a)<(s)?a<s>:a<n>>{ $string($a) }([[1]])", R"("[[1]]")"},
  });
}

}  // namespace
}  // namespace millrace
