#include "engine/languages/asl/variable_names.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "engine/expr/jsonata/builtins.h"

namespace millrace::asl {
namespace {

bool IsNameStart(char c) {
  return absl::ascii_isalpha(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool IsNamePart(char c) { return IsNameStart(c) || absl::ascii_isdigit(c); }

// Where the quoted text that begins at `begin` ends: behind its last quote.
size_t EndOfQuotes(absl::string_view text, size_t begin) {
  const char quote = text[begin];
  for (size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == quote) return i + 1;
    if (text[i] == '\\' && quote != '`') ++i;
  }
  return text.size();
}

size_t EndOfName(absl::string_view text, size_t begin) {
  while (begin < text.size() && IsNamePart(text[begin])) ++begin;
  return begin;
}

size_t SkipSpace(absl::string_view text, size_t at) {
  while (at < text.size() && absl::ascii_isspace(text[at])) ++at;
  return at;
}

// A `$name` of an expression, and what is done with it there.
struct Mention {
  absl::string_view name;
  bool is_bound = false;  // a parameter, or to the left of `:=`
  bool is_called = false;
};

// What lies before `at`, without spaces, is the keyword of a lambda: its parameters follow.
bool BeginsParameters(absl::string_view text, size_t at) {
  const absl::string_view before = absl::StripTrailingAsciiWhitespace(text.substr(0, at));
  return absl::EndsWith(before, "function") || absl::EndsWith(before, "\xCE\xBB");  // λ
}

// Splits an expression only as far as its variables need it.
std::vector<Mention> MentionsIn(absl::string_view text) {
  std::vector<Mention> mentions;
  bool in_parameters = false;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"' || c == '\'' || c == '`') {
      i = EndOfQuotes(text, i);
    } else if (absl::StartsWith(text.substr(i), "/*")) {
      const size_t end = text.find("*/", i + 2);
      i = end == absl::string_view::npos ? text.size() : end + 2;
    } else if (c == '$' && i + 1 < text.size() && IsNameStart(text[i + 1])) {
      const size_t end = EndOfName(text, i + 1);
      const absl::string_view rest = text.substr(SkipSpace(text, end));
      mentions.push_back({.name = text.substr(i + 1, end - i - 1),
                          .is_bound = in_parameters || absl::StartsWith(rest, ":="),
                          .is_called = absl::StartsWith(rest, "(")});
      i = end;
    } else {
      if (c == '(' && BeginsParameters(text, i)) in_parameters = true;
      if (c == ')') in_parameters = false;
      // `@$item` and `#$index` bind too.
      const size_t next = SkipSpace(text, i + 1);
      if ((c == '@' || c == '#') && next < text.size() && text[next] == '$') {
        const size_t end = EndOfName(text, next + 1);
        mentions.push_back({.name = text.substr(next + 1, end - next - 1), .is_bound = true});
        i = end;
      } else {
        ++i;
      }
    }
  }
  return mentions;
}

}  // namespace

std::vector<absl::string_view> VariablesInPath(absl::string_view text) {
  std::vector<absl::string_view> names;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '\'' || text[i] == '"') {
      i = EndOfQuotes(text, i);
    } else if (text[i] != '$') {
      ++i;
    } else if (i + 1 < text.size() && IsNameStart(text[i + 1])) {
      const size_t end = EndOfName(text, i + 1);
      names.push_back(text.substr(i + 1, end - i - 1));
      i = end;
    } else {
      i += absl::StartsWith(text.substr(i), "$$") ? 2 : 1;
    }
  }
  return names;
}

std::vector<absl::string_view> VariablesInExpression(absl::string_view text) {
  const std::vector<Mention> mentions = MentionsIn(text);
  std::vector<absl::string_view> names;
  for (const Mention& mention : mentions) {
    if (mention.is_bound || mention.is_called || mention.name == "states") continue;
    const bool is_bound = std::any_of(mentions.begin(), mentions.end(), [&](const Mention& other) {
      return other.is_bound && other.name == mention.name;
    });
    if (is_bound || jsonata_internal::FindBuiltin(mention.name, true) != nullptr) continue;
    names.push_back(mention.name);
  }
  return names;
}

}  // namespace millrace::asl
