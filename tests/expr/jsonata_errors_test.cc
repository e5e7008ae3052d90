#include <gtest/gtest.h>

#include "tests/expr/jsonata_cases.h"

namespace millrace {
namespace {

constexpr size_t kNowhere = std::string::npos;

struct ErrorCase {
  const char* expression;
  const char* code;
  const char* message;
  size_t position;
  const char* token;
};

JsonataError ErrorOf(const char* expression) {
  auto parsed = Jsonata::Parse(expression, JsonataDialect::kPlain);
  if (auto* error = std::get_if<JsonataError>(&parsed)) return *error;
  return std::get<Jsonata>(parsed).Evaluate(nullptr, {}, {}).error();
}

void ExpectErrors(absl::Span<const ErrorCase> cases) {
  for (const ErrorCase& c : cases) {
    SCOPED_TRACE(c.expression);
    const JsonataError error = ErrorOf(c.expression);
    EXPECT_EQ(error.code, c.code);
    EXPECT_EQ(error.message, c.message);
    EXPECT_EQ(error.position.value_or(kNowhere), c.position);
    EXPECT_EQ(error.token, c.token);
  }
}

TEST(JsonataErrors, OfTexts) {
  ExpectErrors({
      {"", "S0207", "Unexpected end of expression", 0, "(end)"},
      {"1 +", "S0207", "Unexpected end of expression", 3, "(end)"},
      {"(1", "S0203", "Expected \")\" before end of expression", 2, "(end)"},
      {"[1,2)", "S0202", "Expected \"]\", got \")\"", 5, ")"},
      {"1 2", "S0201", R"(Syntax error: "2")", 3, "2"},
      {R"("a)", "S0101", "String literal must be terminated by a matching quote", 2, ""},
      {"1e999", "S0102", R"(Number out of range: "1e999")", 0, "1e999"},
      {R"("\y")", "S0103", R"(Unsupported escape sequence: \"y")", 2, "y"},
      {R"("\u12")", "S0104", R"(The escape sequence \u must be followed by 4 hex digits)", 3, ""},
      {"`a", "S0105", "Quoted property name must be terminated with a backquote (`)", 2, ""},
      {"/* a", "S0106", "Comment has no closing tag", 0, ""},
      {"a ! b", "S0204", R"(Unknown operator: "!")", 3, "!"},
      {"function(x){1}", "S0208",
       "Parameter 1 of function definition must be a variable name (start with $)", 10, "x"},
      {"a{'b':1}{'c':1}", "S0210", "Each step can only have one grouping expression", 9, ""},
      {"+ 1", "S0211", R"(The symbol "+" cannot be used as a unary operator)", 1, "+"},
      {"1 := 2", "S0212", "The left side of := must be a variable name (start with $)", 1, "1"},
      {"a.1", "S0213", "The literal value 1 cannot be used as a step within a path expression", 3,
       ""},
      {"a@b", "S0214", R"(The right side of "@" must be a variable name (start with $))", 3, "@"},
      {"a#1", "S0214", R"(The right side of "#" must be a variable name (start with $))", 3, "#"},
      {"//", "S0301", "Empty regular expressions are not allowed", 1, ""},
      {"/a", "S0302", "No terminating / in regular expression", 2, ""},
      {"/(/", "S0302", "No terminating / in regular expression", 3, ""},
      {"[1]{'a':1}[0]", "S0209", "A predicate cannot follow a grouping expression in a step", 11,
       ""},
      {"{'a'}", "S0202", R"(Expected ":", got "}")", 5, "}"},
      {"{'a':}", "S0211", R"(The symbol "}" cannot be used as a unary operator)", 6, "}"},
      {"a[", "S0207", "Unexpected end of expression", 2, "(end)"},
      {"a.", "S0207", "Unexpected end of expression", 2, "(end)"},
      {"?", "S0211", R"(The symbol "?" cannot be used as a unary operator)", 1, "?"},
      {"a ? : 1", "S0211", R"(The symbol ":" cannot be used as a unary operator)", 5, ":"},
      {"@", "S0211", R"(The symbol "@" cannot be used as a unary operator)", 1, "@"},
      {"%", "S0217", "The object representing the 'parent' cannot be derived from this expression",
       1, ""},
      {"a@$x[0]@$y", "S0215", "A context variable binding must precede any predicates on a step", 8,
       ""},
      {"a^(b)@$c", "S0216",
       "A context variable binding must precede the 'order-by' clause on a step", 6, ""},
      {"a[0]@$x", "S0215", "A context variable binding must precede any predicates on a step", 5,
       ""},
      {"|a|", "S0207", "Unexpected end of expression", 3, "(end)"},
      {"λ($a)<n<n>>{ $a }", "S0401", "Type parameters can only be applied to functions and arrays",
       8, ""},
      {"λ($a)<(sa<n>)>{ $a }", "S0402",
       "Choice groups containing parameterized types are not supported", 7, ""},
      {"function($x) 1", "S0202", R"(Expected "{", got "1")", 14, "1"},
      {"function($x){1", "S0203", R"(Expected "}" before end of expression)", 14, "(end)"},
      {"1 ~> ", "S0207", "Unexpected end of expression", 5, "(end)"},
  });
}

TEST(JsonataErrors, OfEvaluations) {
  ExpectErrors({
      {"$uppercase(1)", "T0410",
       R"(Argument 1 of function "uppercase" does not match function signature)", 11, "uppercase"},
      {"$substring('a', 'b')", "T0410",
       R"(Argument 2 of function "substring" does not match function signature)", 11, "substring"},
      {"(5).$uppercase()", "T0411",
       R"(Context value is not a compatible type with argument 1 of function "uppercase")", 15,
       "uppercase"},
      {"$sum(['a'])", "T0412", R"(Argument 1 of function "sum" must be an array of "numbers")", 5,
       "sum"},
      {"$join([1])", "T0412", R"(Argument 1 of function "join" must be an array of "strings")", 6,
       "join"},
      {R"(-"a")", "D1002", R"(Cannot negate a non-numeric value: "a")", 1, "-"},
      {"{1: 2}", "T1003", "Key in object structure must evaluate to a string; got: 1", 1, ""},
      {"$match('ab', /x*/)", "D1004", "Regular expression matches zero length string", 17, "match"},
      {"sum(1)", "T1005", "Attempted to invoke a non-function. Did you mean $sum?", 4, "sum"},
      {"nofunction(1)", "T1006", "Attempted to invoke a non-function", 11, "nofunction"},
      {"sum(?)", "T1007", "Attempted to partially apply a non-function. Did you mean $sum?", 4,
       "sum"},
      {"nofunction(?)", "T1008", "Attempted to partially apply a non-function", 11, "nofunction"},
      {"{'k': 1, 'k': 2}", "D1009", R"(Multiple key definitions evaluate to same key: "k")", 1, ""},
      {"$match('a', function($s) { {'x': 1} })", "T1010",
       R"(The matcher function argument passed to function "match" does not return the correct object structure)",
       7, "match"},
      {R"("a" + 1)", "T2001", R"(The left side of the "+" operator must evaluate to a number)", 5,
       "+"},
      {R"(1 - "a")", "T2002", R"(The right side of the "-" operator must evaluate to a number)", 3,
       "-"},
      {"[1.5..2]", "T2003", "The left side of the range operator (..) must evaluate to an integer",
       6, ".."},
      {R"([1.."2"])", "T2004",
       "The right side of the range operator (..) must evaluate to an integer", 4, ".."},
      {"1 ~> 2", "T2006",
       "The right side of the function application operator ~> must be a function", 4, "~>"},
      {"[{'a': 1}, {'a': 'x'}]^(a)", "T2007",
       R"(Type mismatch when comparing values 1 and "x" in order-by clause)", 23, ""},
      {"[{'a': 1}, {'a': []}]^(a)", "T2008",
       "The expressions within an order-by clause must evaluate to numeric or string values", 22,
       ""},
      {R"("a" < 1)", "T2009",
       R"(The values "a" and 1 either side of operator "<" must be of the same data type)", 5, "<"},
      {"true < 1", "T2010",
       R"(The expressions either side of operator "<" must evaluate to numeric or string values)",
       6, "<"},
      {"{'a': 1} ~> |$|5|", "T2011",
       "The insert/update clause of the transform expression must evaluate to an object: 5", 16,
       ""},
      {"{'a': 1} ~> |$|{}, 5|", "T2012",
       "The delete clause of the transform expression must evaluate to a string or array of "
       "strings: 5",
       20, ""},
      {"[1..10000001]", "D2014",
       "The size of the sequence allocated by the range operator (..) must not exceed 1e7.  "
       "Attempted to allocate 10000001.",
       4, ""},
      {"$string(1/0)", "D3001", "Attempting to invoke string function on Infinity or NaN", 8,
       "string"},
      {"$replace('a', '', 'b')", "D3010",
       "Second argument of replace function cannot be an empty string", 9, "replace"},
      {"$replace('a', 'a', 'b', -1)", "D3011",
       "Fourth argument of replace function must evaluate to a positive number", 9, "replace"},
      {"$replace('ab', /b/, function($m) { 1 })", "D3012",
       "Attempted to replace a matched string with a non-string value", 9, "replace"},
      {"$split('a', ',', -1)", "D3020",
       "Third argument of split function must evaluate to a positive number", 7, "split"},
      {"$number('a')", "D3030", R"(Unable to cast value to a number: "a")", 8, "number"},
      {"$match('a', /a/, -1)", "D3040",
       "Third argument of match function must evaluate to a positive number", 7, "match"},
      {"$reduce([1, 2], function($a) { 1 })", "D3050",
       "The second argument of reduce function must be a function with at least two arguments", 8,
       "reduce"},
      {"$sqrt(-4)", "D3060", "The sqrt function cannot be applied to a negative number: -4", 6,
       "sqrt"},
      {"$power(10, 400)", "D3061",
       "The power function has resulted in a value that cannot be represented as a JSON number: "
       "base=10, exponent=400",
       7, "power"},
      {"$sort([{}, {}])", "D3070",
       "The single argument form of the sort function can only be applied to an array of strings "
       "or an array of numbers.  Use the second argument to specify a comparison function",
       6, "sort"},
      {"$formatNumber(1, '0;0;0')", "D3080",
       "The picture string must only contain a maximum of two sub-pictures", 14, "formatNumber"},
      {"$formatNumber(1, '0.0.0')", "D3081",
       "The sub-picture must not contain more than one instance of the 'decimal-separator' "
       "character",
       14, "formatNumber"},
      {"$formatBase(1, 40)", "D3100",
       "The radix of the formatBase function must be between 2 and 36.  It was given 40", 12,
       "formatBase"},
      {"$toMillis('yesterday')", "D3110",
       R"(The argument of the toMillis function must be an ISO 8601 formatted timestamp. Given "yesterday")",
       10, "toMillis"},
      {"$eval('1 +')", "D3120",
       R"(Syntax error in expression passed to function eval: "Unexpected end of expression")", 6,
       "eval"},
      {R"($eval('1 + "a"'))", "D3121",
       R"(Dynamic error evaluating the expression passed to function eval: "The right side of the \"+\" operator must evaluate to a number")",
       6, "eval"},
      {"$formatInteger(1, '#')", "D3130",
       R"(Formatting or parsing an integer as a sequence starting with "#" is not supported by this implementation)",
       15, "formatInteger"},
      {"$formatInteger(1, '0٠')", "D3131",
       "In a decimal digit pattern, all digits must be from the same decimal group", 15,
       "formatInteger"},
      {"$fromMillis(0, '[q]')", "D3132",
       R"(Unknown component specifier "q" in date/time picture string)", 12, "fromMillis"},
      {"$fromMillis(0, '[YN]')", "D3133",
       R"(The 'name' modifier can only be applied to months and days in the date/time picture string, not "Y")",
       12, "fromMillis"},
      {"$fromMillis(0, '[Z00000]')", "D3134",
       "The timezone integer format specifier cannot have more than four digits", 12, "fromMillis"},
      {"$fromMillis(0, '[Y')", "D3135",
       "No matching closing bracket ']' in date/time picture string", 12, "fromMillis"},
      {"$toMillis('2018-W03', '[X]-W[W]')", "D3136",
       "The date/time picture string is missing specifiers required to parse the timestamp", 10,
       "toMillis"},
      {"$error('stop')", "D3137", "stop", 7, "error"},
      {"$error()", "D3137", "$error() function evaluated", 7, "error"},
      {"$single([1, 2])", "D3138",
       "The $single() function expected exactly 1 matching result.  Instead it matched more.", 8,
       "single"},
      {"$single([1], function($v) { false })", "D3139",
       "The $single() function expected exactly 1 matching result.  Instead it matched 0.", 8,
       "single"},
      {"$decodeUrl('%E0%A4%A')", "D3140", R"(Malformed URL passed to $decodeUrl(): "%E0%A4%A")", 11,
       "decodeUrl"},
      {"$assert(false, 'stop')", "D3141", "stop", 8, "assert"},
      {"$assert(false)", "D3141", "$assert() statement failed", 8, "assert"},
  });
}

TEST(JsonataErrors, OfRegularExpressionsThatLinearTimeDoesNotAllow) {
  for (const char* expression : {"/a(?=b)/", "/a(?!b)/", "/(?<=a)b/", "/(a)\\1/", "/a{2000}/"}) {
    EXPECT_EQ(ErrorOf(expression).code, "S0303") << expression;
  }
}

TEST(JsonataErrors, ArePlacedInCharacters) {
  const JsonataError error = ErrorOf("\"é😀\" + (1; ]");
  EXPECT_EQ(error.code, "S0211");
  EXPECT_EQ(error.position, 12u);
}

}  // namespace
}  // namespace millrace
