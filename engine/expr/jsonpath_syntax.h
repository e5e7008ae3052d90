#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/json/json.h"
#include "re2/re2.h"

// What a JSONPath's text is parsed into. Built by jsonpath_parser.h, walked by
// jsonpath_evaluator.h, and never changed in between.
namespace millrace::jsonpath_internal {

struct Filter;

struct Selector {
  enum class Kind : uint8_t { kName, kIndex, kSlice, kWildcard, kFilter };
  Kind kind = Kind::kName;
  std::string name;
  int64_t index = 0;
  std::optional<int64_t> start, end;  // of a slice
  int64_t step = 1;
  std::shared_ptr<const Filter> filter;
};

struct Segment {
  bool descendant = false;
  std::vector<Selector> selectors;
};

struct Query {
  enum class Root : uint8_t { kData, kContext, kVariable, kCurrent };
  std::string text;  // of the outermost query only
  Root root = Root::kData;
  std::string variable;
  std::vector<Segment> segments;
  bool is_length = false;   // ends with `.length()`
  bool is_singular = true;  // names and indexes only
};

enum class Function : uint8_t { kLength, kCount, kMatch, kSearch, kValue };

// One side of a comparison, or an argument.
struct Operand {
  enum class Kind : uint8_t { kLiteral, kQuery, kCall };
  Kind kind = Kind::kLiteral;
  Json literal;
  Query query;
  Function function = Function::kLength;
  std::vector<Operand> arguments;
  std::shared_ptr<const RE2> pattern;  // of match and search, where it is a literal
};

// A condition on `@`.
struct Filter {
  enum class Kind : uint8_t { kOr, kAnd, kNot, kTest, kCompare };
  enum class Operator : uint8_t {
    kEqual,
    kNotEqual,
    kLess,
    kLessOrEqual,
    kGreater,
    kGreaterOrEqual,
    kMatchesPattern,  // the other operators are the Jayway library's
    kIn,
    kNotIn,
    kContains,
    kSize,
    kEmpty,
  };
  Kind kind = Kind::kTest;
  Operator comparison = Operator::kEqual;
  std::vector<Filter> children;  // of Or, And and Not
  Operand left;                  // what kTest tests
  Operand right;
};

}  // namespace millrace::jsonpath_internal
