#pragma once

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "absl/types/span.h"
#include "engine/expr/jsonata/jsonata.h"

namespace millrace {

// The value of an expression as JSON text; "nothing", "a function", or the code of its error.
inline std::string Evaluated(const std::string& expression, const char* input = nullptr,
                             JsonataDialect dialect = JsonataDialect::kPlain,
                             const JsonataOptions& options = {}) {
  const auto parsed = Jsonata::Parse(expression, dialect);
  if (const auto* error = std::get_if<JsonataError>(&parsed)) return error->code;
  Json data;
  if (input != nullptr) data = *ParseJson(input);
  const JsonataResult result =
      std::get<Jsonata>(parsed).Evaluate(input == nullptr ? nullptr : &data, {}, options);
  switch (result.kind()) {
    case JsonataResult::Kind::kJson:
      return result.json().ToText();
    case JsonataResult::Kind::kUndefined:
      return "nothing";
    case JsonataResult::Kind::kFunction:
      return "a function";
    default:
      return result.error().code;
  }
}

struct JsonataCase {
  const char* expression;
  const char* expected;
};

inline void ExpectAll(absl::Span<const JsonataCase> cases, const char* input = nullptr,
                      JsonataDialect dialect = JsonataDialect::kPlain) {
  for (const JsonataCase& c : cases) {
    SCOPED_TRACE(c.expression);
    EXPECT_EQ(Evaluated(c.expression, input, dialect), c.expected);
  }
}

}  // namespace millrace
