#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/base/asl_error.h"
#include "engine/expr/scope.h"
#include "engine/json/json.h"

namespace millrace {

namespace jsonpath_internal {
struct Query;
}

// Which texts are JSONPaths. The States Language has what RFC 9535 has, and besides `$$`,
// variables, names like `a-b`, `&` and `a\.b`, `.[0]`, `.length()`, bare words as strings, and the
// operators
// =~ /re/, in, nin, contains, size and empty. What both have means the same in both.
enum class PathDialect { kStatesLanguage, kRfc9535 };

// A parsed JSONPath: RFC 9535, with what the States Language and the Jayway library do otherwise.
// `$` is the scope's data, `$$` its context object, `$name` a variable. Immutable, cheap to copy,
// thread-safe.
class JsonPath {
 public:
  // INVALID_ARGUMENT says what is wrong and at which character.
  static absl::StatusOr<JsonPath> Parse(absl::string_view text,
                                        PathDialect dialect = PathDialect::kStatesLanguage);

  const std::string& text() const;
  bool is_root() const;       // just `$`
  bool is_definite() const;   // selects at most one value: names and indexes only
  bool is_reference() const;  // definite, on the data or the context, without negative indexes
  bool uses_context() const;  // begins with `$$`
  const std::string& variable() const;  // the `name` of `$name...`; empty otherwise

  // The values selected, in order. A query that looks at more than a million values, or selects
  // more than 100,000, gives up: Select is then empty, and Evaluate gives nullopt.
  std::vector<Json> Select(const Scope& scope) const;
  // A definite path gives its value, or nullopt when nothing is there. An indefinite one gives an
  // array of what it selects, which is empty also where the names that it begins with are missing.
  std::optional<Json> Evaluate(const Scope& scope) const;
  // As Evaluate, but without a copy of what already lies in the scope: the value is there or in
  // `made`, or nullptr.
  const Json* Find(const Scope& scope, std::optional<Json>* made) const;
  // `root` with `value` at this reference path, which makes the objects on its way. nullopt when
  // the path leads through something that is no object, or an index is out of range.
  std::optional<Json> Insert(const Json& root, const Json& value) const;
  // Why Evaluate found nothing, in Jayway's words: "Missing property in path $['a']".
  std::string MissingMessage(const Scope& scope) const;

 private:
  explicit JsonPath(std::shared_ptr<const jsonpath_internal::Query> query)
      : query_(std::move(query)) {}
  std::shared_ptr<const jsonpath_internal::Query> query_;
};

}  // namespace millrace
