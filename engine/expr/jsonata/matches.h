#pragma once

#include <functional>

#include "absl/functional/function_ref.h"
#include "engine/expr/jsonata/evaluation.h"

namespace millrace::jsonata_internal {

// One match of a pattern, which is a regular expression or a function in its place.
struct PatternMatch {
  absl::string_view text;
  double start = 0;  // in UTF-16 units for the language, in bytes besides
  double end = 0;
  size_t start_byte = 0;
  size_t end_byte = 0;
  Value groups;
};

// What calling a regular expression gives: its first match as {match, start, end, groups, next},
// where next() is the match after it; undefined where there is none.
Value ApplyRegex(Evaluation& evaluation, const Function& function, const Value& text);

// Whether there is a match at all; as ForEachMatch, but for the second match it does not ask.
bool HasMatch(Evaluation& evaluation, const Function& pattern, const Value& text, Frame* frame);

// Calls `use` for each match of `pattern` in `text` until it returns false. Throws D1004 where a
// match of nothing follows another match, and T1010 where a function does not return what a regular
// expression would.
void ForEachMatch(Evaluation& evaluation, const Function& pattern, const Value& text, Frame* frame,
                  absl::FunctionRef<bool(const PatternMatch&)> use);

// The match as functions see it that make a replacement: {match, index, groups}.
Value ToMatchObject(Evaluation& evaluation, const PatternMatch& match);

}  // namespace millrace::jsonata_internal
