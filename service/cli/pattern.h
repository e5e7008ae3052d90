#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/json/json.h"

namespace millrace::cli {

// How texts that belong to the service ({"$soft": ...}) are compared.
enum class SoftTexts { kAnyString, kEqual };

// Where `actual` does not match the pattern `expected`, and why: "/a/0: expected 1, got 2". nullopt
// if it matches. Patterns are literal JSON, in which an object of one key stands for more:
//   {"$any": type}         any value of the type, or "any"
//   {"$parts": [p, ...]}   a string that begins with the first part, ends with the last and has the
//                          rest in order between them
//   {"$soft": pattern}     a text that may be worded otherwise
//   {"$json": pattern}     a string that is JSON text
//   {"$optional": pattern} a member that may be missing
//   {"$has": {...}}        an object with at least these members
//   {"$oneof": [...]}      one of several
std::optional<std::string> FindDifference(const Json& expected, const Json& actual,
                                          SoftTexts soft_texts);

// The pattern's only key, if it stands for more than itself: "$any"; else "".
absl::string_view PatternKind(const Json& expected);

}  // namespace millrace::cli
