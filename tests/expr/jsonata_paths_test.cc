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

TEST(JsonataPaths, FollowPathsThroughSequences) {
  ExpectAll(
      {
          {"owner.age", "36"},
          {"orders.id", R"(["a","b"])"},
          {"orders.lines.sku", R"(["pen","ink","pen"])"},
          {"orders[0].lines.price", "[2,5]"},
          {"orders[-1].id", R"("b")"},
          {"orders[5].id", "nothing"},
          {"orders[1.7].id", R"("b")"},
          {"orders.lines[0].sku", R"(["pen","pen"])"},
          {"(orders.lines)[0].sku", R"("pen")"},
          {"orders.lines[-1].price", "[5,1.5]"},
          {"orders.lines[price > 1.9].sku", R"(["pen","ink"])"},
          {"orders[id='b'].lines[]", R"([{"sku":"pen","price":1.5,"count":10}])"},
          {"orders[id='b'].id[]", R"(["b"])"},
          {"orders.lines.count", "[3,10]"},
          {"owner.tags", R"(["x"])"},
          {"owner.tags[0]", R"("x")"},
          {"owner.`first name`", R"("Ada")"},
          {R"(owner."first name")", R"("Ada")"},
          {"owner.missing.more", "nothing"},
          {"none", "null"},
          {"none.x", "nothing"},
          {"empty", "[]"},
          {"empty[0]", "nothing"},
          {"nested", "[[1,2],[3]]"},
          {"nested[0]", "[1,2]"},
          {"nested[0][0]", "1"},
          {"nested.$", "[1,2,3]"},
          {"nested.$[0]", "[1,3]"},
          {"nested[][0]", "[1,2]"},
          {"owner.*", R"(["Ada","x",36])"},
          {"owner.*[0]", R"("Ada")"},
          {"orders.*.sku", R"(["pen","ink","pen"])"},
          {"*[0]",
           R"({"id":"a","lines":[{"sku":"pen","price":2,"count":3},{"sku":"ink","price":5}]})"},
          {"**.sku", R"(["pen","ink","pen"])"},
          {"**[sku='ink'].price", "5"},
          {"orders.**.price", "[2,5,1.5]"},
          {"orders.[id]", R"([["a"],["b"]])"},
          {"orders.[id, $count(lines)]", R"([["a",2],["b",1]])"},
          {R"(orders.{"k": id})", R"([{"k":"a"},{"k":"b"}])"},
          {"orders.(lines.price)", "[2,5,1.5]"},
          {"orders.(id; $count(lines))", "[2,1]"},
          {"$.owner.age", "36"},
          {"$$.orders[1].id", R"("b")"},
          {"orders[$$.owner.age = 36].id", R"(["a","b"])"},
          {"orders[[0..1]].id", R"(["a","b"])"},
          {"orders[[1, 0, 0]].id", R"(["a","a","b"])"},
          {"orders[lines].id", R"(["a","b"])"},
          {"orders[missing].id", "nothing"},
          {"orders[true].id", R"(["a","b"])"},
          {"orders[false].id", "nothing"},
          {R"(orders["x"].id)", R"(["a","b"])"},
          {"orders.lines.$string(price)", R"(["2","5","1.5"])"},
          {"orders.lines.$sum([price, 1])", "[3,6,2.5]"},
          {"orders.$.id", R"(["a","b"])"},
          {"orders[].id", R"(["a","b"])"},
          {"orders.id[0]", R"(["a","b"])"},
          {"(orders.id)[0]", R"("a")"},
          {"[orders.id][0]", R"("a")"},
          {"owner.age.missing", "nothing"},
          {R"("owner")", R"("owner")"},
          {"'owner'.age", "36"},
          {"owner.(age + 1)", "37"},
          {"[1, 2, 3].$", "[1,2,3]"},
          {"[[1, 2], 3][0]", "[1,2]"},
          {"[1, 2, 3][$ > 1]", "[2,3]"},
          {"[{'a': 1}, {'a': [2, 3]}].a", "[1,2,3]"},
          {"{'a': [1]}.a", "[1]"},
          {"{'a': {'b': 5}}.a.b", "5"},
          {"orders.id ~> $join('+')", R"("a+b")"},
          {"[].a", "[]"},
          {"[missing]", "[]"},
          {"[]", "[]"},
          {"{}", "{}"},
      },
      kShop);
}

TEST(JsonataPaths, Sort) {
  ExpectAll(
      {
          {"orders.lines^(price).sku", R"(["pen","pen","ink"])"},
          {"orders.lines^(>price, sku).price", "[5,2,1.5]"},
          {"orders.lines^(<count).price", "[2,1.5,5]"},
          {"orders.lines^(sku, >price).[sku, price]", R"([["ink",5],["pen",2],["pen",1.5]])"},
          {"[3, 1, 2]^($)", "[1,2,3]"},
          {"[3, 1, 2]^(>$)", "[3,2,1]"},
          {"['b', 'a']^($)", R"(["a","b"])"},
          {"orders^(lines)", "T2008"},
          {"orders.lines^(sku = 'pen' ? price : 'x')", "T2007"},
          {"missing^(a)", "nothing"},
          {"orders^(id)[0].id", R"("a")"},
      },
      kShop);
}

TEST(JsonataPaths, Group) {
  ExpectAll(
      {
          {"orders.lines{sku: price}", R"({"pen":[2,1.5],"ink":5})"},
          {"orders.lines{sku: $sum(price)}", R"({"pen":3.5,"ink":5})"},
          {"orders.lines{sku: price[]}", R"({"pen":[2,1.5],"ink":[5]})"},
          {"orders.lines{sku: $}",
           R"({"pen":[{"sku":"pen","price":2,"count":3},{"sku":"pen","price":1.5,"count":10}],"ink":{"sku":"ink","price":5}})"},
          {"orders{id: lines.sku}", R"({"a":["pen","ink"],"b":"pen"})"},
          {"orders{id: $count(lines), id & 'x': 1}", R"({"a":2,"ax":1,"b":1,"bx":1})"},
          {"orders.lines{price: sku}", "T1003"},
          {"orders{id: 1, 'a': 2}", "D1009"},
          {"missing{'a': 1}", R"({"a":1})"},
          {"owner{'k': age}", R"({"k":36})"},
          {"[{'k': 'a', 'v': 1}, {'k': 'a', 'v': 2}]{k: v}", R"({"a":[1,2]})"},
          {"orders.lines[price > 1.9]{sku: price}", R"({"pen":2,"ink":5})"},
      },
      kShop);
}

TEST(JsonataPaths, BindPositions) {
  ExpectAll(
      {
          {"orders#$i.(id & $i)", R"(["a0","b1"])"},
          {"orders#$i[$i=1].id", R"("b")"},
          {"orders.lines#$i.$i", "[0,1,0]"},
          {"orders#$i.lines#$j.[$i, $j]", "[0,0,0,1,1,0]"},
          {"orders.lines^(price)#$i.[$i, sku]", R"([0,"pen",1,"pen",2,"ink"])"},
          {"orders[1]#$i.$i", "0"},
          {"(orders.lines)#$i[$i=2].sku", R"("pen")"},
      },
      kShop);
}

TEST(JsonataPaths, BindContexts) {
  ExpectAll(
      {
          {"orders@$o.$$.orders.lines@$l[$l.price > $o.lines[0].price].($o.id & $l.sku)",
           R"(["aink","bpen","bink"])"},
          {"orders@$o#$i.$$.owner.{'i': $i, 'id': $o.id, 'age': age}",
           R"([{"i":0,"id":"a","age":36},{"i":1,"id":"b","age":36}])"},
          {"orders@$o.lines.$o", "nothing"},
      },
      kShop);
}

TEST(JsonataPaths, FindParents) {
  ExpectAll(
      {
          {"orders.lines.(%.id & sku)", R"(["apen","aink","bpen"])"},
          {"orders.lines.price.%.%.id", R"(["a","a","b"])"},
          {"orders.lines[%.id='a'].sku", R"(["pen","ink"])"},
          {"orders.lines.{'o': %.id, 's': sku}",
           R"([{"o":"a","s":"pen"},{"o":"a","s":"ink"},{"o":"b","s":"pen"}])"},
          {"orders.(lines.%.id)", R"(["a","a","b"])"},
          {"owner.tags.%.age", "36"},
          {"orders.lines^(%.id).sku", R"(["pen","ink","pen"])"},
          {"orders.lines.sku.%.price", "[2,5,1.5]"},
          {"%", "S0217"},
          {"%.a", "S0217"},
          {"orders.%.%", "S0217"},
      },
      kShop);
}

TEST(JsonataPaths, TransformCopies) {
  ExpectAll(
      {
          {"($ ~> |owner|{'age': age + 1}, 'tags'|).owner", R"({"first name":"Ada","age":37})"},
          {"($ ~> |owner|{'age': age + 1}|).owner.age", "37"},
          {"($ ~> |orders.lines|{'total': price * count}|).orders.lines.total", "[6,15]"},
          {"$ ~> |orders.lines|{'sku': missing}| ~> $lookup('empty')", "[]"},
          {"$count(($ ~> |orders|{}, ['id', 'lines']|).orders.id)", "0"},
          {"($ ~> |orders|{}, 'id'|).orders[0]",
           R"({"lines":[{"sku":"pen","price":2,"count":3},{"sku":"ink","price":5}]})"},
          {"(owner ~> |$|{'self': $}|).self.age", "36"},
          {"owner.age & (owner ~> |$|{'age': 1}|).age & owner.age", R"("36136")"},
          {"($t := |owner|{'x': 1}|; $t($)).owner.x", "1"},
          {"($ ~> |missing|{'x': 1}|).none", "null"},
          {"($ ~> |**[sku='pen']|{'sku': 'pencil'}|).orders.lines.sku",
           R"(["pencil","ink","pencil"])"},
          {"owner ~> |$|'x'|", "T2011"},
          {"owner ~> |$|{}, 5|", "T2012"},
          {"owner ~> |$|{}, [5]|", "T2012"},
          {"owner ~> |$|missing|", R"({"first name":"Ada","tags":["x"],"age":36})"},
          {"1 ~> |$|{}|", "T0410"},
          {"missing ~> |$|{}|", "nothing"},
      },
      kShop);
}

}  // namespace
}  // namespace millrace
