#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace millrace {

// Why an expression cannot be parsed or evaluated. The codes and messages are those of the
// reference implementation; what only this one refuses has codes of its own:
//   D2016 a string too long, D2017 too much memory,
//   S0303 a regular expression that is invalid, or that RE2 cannot run (look-around, \1).
struct JsonataError {
  std::string code;                // "T1006"
  std::string message;             // "Attempted to invoke a non-function"
  std::optional<size_t> position;  // in the expression, in characters: behind the token at fault
  std::string token;               // the operator, name or function at fault; may be empty
};

namespace jsonata_internal {

// An error on its way out. It is thrown, because it comes from deep inside and is rare; it never
// leaves Jsonata::Parse or Evaluate. The texts fill the holes of the code's message, which needs to
// wait, for the function that was called is only known farther up.
struct Failure {
  const char* code = "";
  std::optional<size_t> position;
  std::optional<std::string> token;
  std::string value;   // JSON
  std::string value2;  // JSON
  size_t index = 0;
  std::string text;  // the whole message, or a name in it
};

JsonataError ToError(const Failure& failure);
std::string Quoted(absl::string_view text);

[[noreturn]] void Fail(const char* code);
[[noreturn]] void Fail(Failure failure);

}  // namespace jsonata_internal
}  // namespace millrace
