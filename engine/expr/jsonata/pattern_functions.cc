#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/expr/jsonata/builtins.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"
#include "engine/expr/jsonata/matches.h"
#include "engine/expr/jsonata/utf8.h"

// The functions that look for a text or a pattern in another text.

namespace millrace::jsonata_internal {
namespace {

// How often a function is to do its work at most; a negative limit fails with `code`.
size_t LimitOf(const Value& limit, const char* code, size_t index) {
  if (!limit.is_number()) return std::numeric_limits<size_t>::max();
  if (limit.number() < 0) Fail({.code = code, .value = Describe(limit), .index = index});
  return static_cast<size_t>(std::min(std::ceil(limit.number()), 1e15));
}

Value Contains(const Call& call) {
  if (call[0].is_undefined() || call[1].is_undefined()) return Value();
  if (!call[1].is_function()) {
    return Value::Of(absl::StrContains(call[0].text(), call[1].text()));
  }
  return Value::Of(HasMatch(call.evaluation, call[1].function(), call[0], call.frame));
}

Value Match(const Call& call) {
  if (call[0].is_undefined()) return Value();
  const size_t limit = LimitOf(call[2], "D3040", 3);
  Array* matches = call.evaluation.NewSequence();
  if (limit == 0 || !call[1].is_function()) return Value::Of(matches);
  ForEachMatch(
      call.evaluation, call[1].function(), call[0], call.frame, [&](const PatternMatch& match) {
        call.evaluation.Push(matches, Value::Of(ToMatchObject(call.evaluation, match).object()));
        return matches->size < limit;
      });
  return Value::Of(matches);
}

Value Split(const Call& call) {
  if (call[0].is_undefined()) return Value();
  Evaluation& evaluation = call.evaluation;
  const size_t limit = LimitOf(call[2], "D3020", 3);
  Array* parts = evaluation.NewArray();
  const absl::string_view text = call[0].text();
  if (limit == 0) return Value::Of(parts);
  if (call[1].is_function()) {
    size_t start = 0;
    ForEachMatch(evaluation, call[1].function(), call[0], call.frame,
                 [&](const PatternMatch& match) {
                   const size_t end = std::max(start, match.start_byte);
                   evaluation.Push(parts, Value::Of(text.substr(start, end - start)));
                   start = match.end_byte;
                   return parts->size < limit;
                 });
    if (parts->size < limit) evaluation.Push(parts, Value::Of(text.substr(start)));
    return Value::Of(parts);
  }
  if (!call[1].is_string()) Fail({.code = "T0410", .index = 2});
  const absl::string_view separator = call[1].text();
  size_t start = 0;
  while (parts->size < limit) {
    evaluation.Step();
    size_t end = text.find(separator, start);
    if (separator.empty()) {
      if (start == text.size()) break;
      end = start + ByteOffset(text.substr(start), 1);
    }
    if (end == absl::string_view::npos) {
      evaluation.Push(parts, Value::Of(text.substr(start)));
      break;
    }
    evaluation.Push(parts, Value::Of(text.substr(start, end - start)));
    start = end + separator.size();
  }
  return Value::Of(parts);
}

// Appends the replacement for one match: $0 is the match, $1 to $9.. its groups, and $$ a dollar.
void Substitute(Evaluation& evaluation, absl::string_view replacement, const PatternMatch& match,
                std::string* out) {
  const size_t groups = match.groups.size();
  const size_t digits_max = absl::StrCat(std::max<size_t>(groups, 1)).size();
  size_t at = 0;
  while (at < replacement.size()) {
    evaluation.Step();
    evaluation.CheckStringSize(out->size());
    const size_t dollar = std::min(replacement.find('$', at), replacement.size());
    absl::StrAppend(out, replacement.substr(at, dollar - at));
    at = dollar + 1;
    if (dollar == replacement.size()) return;
    const char next = at < replacement.size() ? replacement[at] : '\0';
    if (next == '$' || next == '0') {
      absl::StrAppend(out, next == '$' ? "$" : match.text);
      ++at;
      continue;
    }
    size_t digits = 0;
    size_t number = 0;
    while (digits < digits_max && at + digits < replacement.size() &&
           absl::ascii_isdigit(static_cast<unsigned char>(replacement[at + digits]))) {
      number = number * 10 + static_cast<size_t>(replacement[at + digits++] - '0');
    }
    if (digits > 1 && number > groups) {
      number /= 10;
      --digits;
    }
    if (digits == 0) {
      out->push_back('$');
      continue;
    }
    if (number >= 1 && number <= groups && match.groups[number - 1].is_string()) {
      absl::StrAppend(out, match.groups[number - 1].text());
    }
    at += digits;
  }
}

void ReplaceMatches(const Call& call, size_t limit, std::string* out) {
  Evaluation& evaluation = call.evaluation;
  const absl::string_view text = call[0].text();
  size_t position = 0;
  size_t count = 0;
  ForEachMatch(evaluation, call[1].function(), call[0], call.frame, [&](const PatternMatch& match) {
    const size_t start = std::max(position, match.start_byte);
    absl::StrAppend(out, text.substr(position, start - position));
    position = match.end_byte;
    if (call[2].is_function()) {
      const Value made =
          evaluation.Call(call[2].function(), {ToMatchObject(evaluation, match)}, call.frame);
      if (!made.is_string()) Fail({.code = "D3012", .value = Describe(made)});
      absl::StrAppend(out, made.text());
    } else if (call[2].is_string()) {
      Substitute(evaluation, call[2].text(), match, out);
    }
    evaluation.CheckStringSize(out->size());
    return ++count < limit;
  });
  absl::StrAppend(out, text.substr(position));
}

Value Replace(const Call& call) {
  if (call[0].is_undefined()) return Value();
  if (call[1].is_string() && call[1].text().empty()) {
    Fail({.code = "D3010", .value = "\"\"", .index = 2});
  }
  const size_t limit = LimitOf(call[3], "D3011", 4);
  if (call[1].is_undefined()) Fail({.code = "T0410", .index = 2});
  if (limit == 0) return call[0];
  std::string replaced;
  if (call[1].is_function()) {
    ReplaceMatches(call, limit, &replaced);
    return call.evaluation.Text(replaced);
  }
  const absl::string_view text = call[0].text();
  const absl::string_view pattern = call[1].text();
  const absl::string_view replacement = call[2].is_string() ? call[2].text() : "";
  size_t position = 0;
  for (size_t count = 0; count < limit; ++count) {
    const size_t found = text.find(pattern, position);
    if (found == absl::string_view::npos) break;
    call.evaluation.Step();
    absl::StrAppend(&replaced, text.substr(position, found - position), replacement);
    call.evaluation.CheckStringSize(replaced.size());
    position = found + pattern.size();
  }
  absl::StrAppend(&replaced, text.substr(position));
  return call.evaluation.Text(replaced);
}

constexpr BuiltinEntry kFunctions[] = {
    {"contains", Contains, "<s-(sf):b>", 2},
    {"match", Match, "<s-f<s:o>n?:a<o>>", 3},
    {"replace", Replace, "<s-(sf)(sf)n?:s>", 4},
    {"split", Split, "<s-(sf)n?:a<s>>", 3},
};

}  // namespace

absl::Span<const BuiltinEntry> PatternFunctions() { return kFunctions; }

}  // namespace millrace::jsonata_internal
