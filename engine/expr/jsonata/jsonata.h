#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/limits.h"
#include "engine/json/json.h"

namespace millrace {

namespace jsonata_internal {
struct Program;
}

// The States Language has no $eval, and has $partition, $range, $hash, $random(seed), $uuid and
// $parse besides.
enum class JsonataDialect { kPlain, kStatesLanguage };

// `$name` in the expression, for a name without `$`.
struct JsonataBinding {
  absl::string_view name;
  Json value;
};

// What one evaluation takes from the world around it. The same options and arguments give the same
// result, on any machine.
struct JsonataOptions {
  absl::Time now = absl::UnixEpoch();  // what $now and $millis tell, all through the evaluation
  uint64_t seed = 0;                   // of $random, $shuffle and $uuid
  JsonataLimits limits;
  int64_t* steps_used = nullptr;  // how many steps it took, if anyone asks
};

// What an expression may have for a value: JSON; nothing at all; a function, which cannot leave
// the expression; or an error in place of a value.
class JsonataResult {
 public:
  enum class Kind { kJson, kUndefined, kFunction, kError };

  static JsonataResult Of(Json json) { return JsonataResult(Kind::kJson, std::move(json), {}); }
  static JsonataResult Undefined() { return JsonataResult(Kind::kUndefined, {}, {}); }
  static JsonataResult Function() { return JsonataResult(Kind::kFunction, {}, {}); }
  static JsonataResult Error(JsonataError error) {
    return JsonataResult(Kind::kError, {}, std::move(error));
  }

  Kind kind() const { return kind_; }
  bool is_json() const { return kind_ == Kind::kJson; }
  bool is_error() const { return kind_ == Kind::kError; }
  const Json& json() const { return json_; }            // where there is none, null
  const JsonataError& error() const { return error_; }  // where there is none, empty

 private:
  JsonataResult(Kind kind, Json json, JsonataError error)
      : kind_(kind), json_(std::move(json)), error_(std::move(error)) {}

  Kind kind_;
  Json json_;
  JsonataError error_;
};

// A parsed JSONata 2 expression. Immutable, cheap to copy, thread-safe.
//
//   auto parsed = Jsonata::Parse("$sum(items.(price * quantity))");
//   if (auto* error = std::get_if<JsonataError>(&parsed)) ...
//   const JsonataResult total = std::get<Jsonata>(parsed).Evaluate(&order, {}, {});
//
// Numbers are doubles; what an expression only hands on keeps its exact value. Strings are counted
// in code points, and matches of regular expressions placed in UTF-16 units, as JavaScript has
// them. Members keep the order in which they were set. No expression takes more than the limits,
// and none makes the process fail.
class Jsonata {
 public:
  static std::variant<Jsonata, JsonataError> Parse(
      absl::string_view text, JsonataDialect dialect = JsonataDialect::kStatesLanguage);

  // `input` is `$` and `$$`; nullptr: they are undefined. Bindings of names that the expression
  // does not mention are ignored.
  JsonataResult Evaluate(const Json* input, absl::Span<const JsonataBinding> bindings,
                         const JsonataOptions& options) const;

  const std::string& text() const;

 private:
  explicit Jsonata(std::shared_ptr<const jsonata_internal::Program> program)
      : program_(std::move(program)) {}

  std::shared_ptr<const jsonata_internal::Program> program_;
};

}  // namespace millrace
