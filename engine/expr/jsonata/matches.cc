#include "engine/expr/jsonata/matches.h"

#include <algorithm>

#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/regex.h"
#include "engine/expr/jsonata/utf8.h"

namespace millrace::jsonata_internal {
namespace {

// What RE2 reads in the time of a step.
constexpr size_t kBytesPerStep = 32;

Value GroupsOf(Evaluation& evaluation, const RegexMatch& match) {
  Array* groups = evaluation.NewArray(match.groups.size());
  for (const absl::string_view group : match.groups) {
    evaluation.Push(groups, group.data() == nullptr ? Value() : Value::Of(group));
  }
  return Value::Of(groups);
}

bool FindMatch(Evaluation& evaluation, const Function& regex, absl::string_view text, size_t from,
               RegexMatch* match) {
  const Regex& pattern = *regex.node->regex;
  // A pattern may have to read all the text to know that a match is one.
  if (!pattern.is_prompt()) evaluation.Steps((text.size() - from) / kBytesPerStep);
  const bool is_found = pattern.Find(text, from, match);
  if (pattern.is_prompt()) {
    evaluation.Steps(((is_found ? match->end : text.size()) - from + pattern.pattern().size()) /
                     kBytesPerStep);
  }
  evaluation.Step();
  return is_found;
}

// From the second match on, one of nothing would be found in the same place for ever.
bool FindNextMatch(Evaluation& evaluation, const Function& regex, absl::string_view text,
                   size_t from, RegexMatch* match) {
  if (from >= text.size() || !FindMatch(evaluation, regex, text, from, match)) return false;
  if (match->start == match->end) {
    Fail({.code = "D1004",
          .position = regex.node->position,
          .value = Quoted(regex.node->regex->pattern())});
  }
  return true;
}

void ForEachRegexMatch(Evaluation& evaluation, const Function& regex, absl::string_view text,
                       absl::FunctionRef<bool(const PatternMatch&)> use) {
  RegexMatch found;
  size_t units = 0;  // of UTF-16 before `from`
  size_t from = 0;
  bool is_found = FindMatch(evaluation, regex, text, 0, &found);
  while (is_found) {
    PatternMatch match{.text = text.substr(found.start, found.end - found.start),
                       .start_byte = found.start,
                       .end_byte = found.end};
    units += CountUtf16(text.substr(from, found.start - from));
    match.start = static_cast<double>(units);
    units += CountUtf16(match.text);
    match.end = static_cast<double>(units);
    match.groups = GroupsOf(evaluation, found);
    const bool goes_on = use(match);
    from = found.end;
    // It may be one that fails, even where nobody wants it.
    is_found = FindNextMatch(evaluation, regex, text, from, &found) && goes_on;
  }
}

// The byte at a position that a function has given in UTF-16 units.
size_t ByteAt(absl::string_view text, const Value& units) {
  size_t at = 0;
  for (double left = units.number(); left > 0 && at < text.size();) {
    left -= NextChar(text, &at) >= 0x10000 ? 2 : 1;
  }
  return at;
}

}  // namespace

Value ApplyRegex(Evaluation& evaluation, const Function& function, const Value& text) {
  const bool is_next = function.kind == Function::Kind::kNextMatch;
  const Value subject = is_next ? function.input : text;
  RegexMatch found;
  if (!subject.is_string()) return Value();
  const bool is_found =
      is_next ? FindNextMatch(evaluation, function, subject.text(), function.from, &found)
              : FindMatch(evaluation, function, subject.text(), 0, &found);
  if (!is_found) return Value();
  const absl::string_view whole = subject.text();
  const auto units = [&](size_t byte) {
    return Value::Of(static_cast<double>(CountUtf16(whole.substr(0, byte))));
  };
  Object* object = evaluation.NewObject(5);
  evaluation.Set(object, "match", Value::Of(whole.substr(found.start, found.end - found.start)));
  evaluation.Set(object, "start", units(found.start));
  evaluation.Set(object, "end", units(found.end));
  evaluation.Set(object, "groups", GroupsOf(evaluation, found));
  evaluation.Set(object, "next",
                 Value::Of(evaluation.NewFunction({.kind = Function::Kind::kNextMatch,
                                                   .node = function.node,
                                                   .input = subject,
                                                   .from = found.end})));
  return Value::Of(object);
}

bool HasMatch(Evaluation& evaluation, const Function& pattern, const Value& text, Frame* frame) {
  RegexMatch found;
  if (pattern.kind == Function::Kind::kRegex) {
    return FindMatch(evaluation, pattern, text.text(), 0, &found);
  }
  bool is_found = false;
  ForEachMatch(evaluation, pattern, text, frame, [&](const PatternMatch&) {
    is_found = true;
    return false;
  });
  return is_found;
}

void ForEachMatch(Evaluation& evaluation, const Function& pattern, const Value& text, Frame* frame,
                  absl::FunctionRef<bool(const PatternMatch&)> use) {
  if (pattern.kind == Function::Kind::kRegex) {
    return ForEachRegexMatch(evaluation, pattern, text.text(), use);
  }
  Arguments arguments = {text};
  Value found = evaluation.Apply(pattern, &arguments, Value(), frame);
  while (!found.is_undefined()) {
    const bool is_match = found.is_object() && found.Find("start").is_number() &&
                          found.Find("end").is_number() && found.Find("groups").is_array() &&
                          found.Find("next").is_function() && found.Find("match").is_string();
    if (!is_match) Fail("T1010");
    PatternMatch match{.text = found.Find("match").text(),
                       .start = found.Find("start").number(),
                       .end = found.Find("end").number(),
                       .start_byte = ByteAt(text.text(), found.Find("start")),
                       .end_byte = ByteAt(text.text(), found.Find("end")),
                       .groups = found.Find("groups")};
    match.end_byte = std::max(match.start_byte, match.end_byte);
    if (!use(match)) return;
    Arguments none;
    found = evaluation.Apply(found.Find("next").function(), &none, Value(), frame);
  }
}

Value ToMatchObject(Evaluation& evaluation, const PatternMatch& match) {
  Object* object = evaluation.NewObject(3);
  evaluation.Set(object, "match", Value::Of(match.text));
  evaluation.Set(object, "index", Value::Of(match.start));
  evaluation.Set(object, "groups", match.groups);
  return Value::Of(object);
}

}  // namespace millrace::jsonata_internal
