#include "engine/expr/jsonata/lexer.h"

#include <cmath>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/regex.h"
#include "engine/expr/jsonata/utf8.h"

namespace millrace::jsonata_internal {
namespace {

constexpr absl::string_view kOperators = ".[]{}(),@#;:?+-*/%|=<>^&!~";
constexpr absl::string_view kLongOperators[] = {
    "..", ":=", "!=", ">=", "<=", "**", "~>", "?:", "??"};

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v'; }
bool IsOperator(char c) { return kOperators.find(c) != absl::string_view::npos; }

}  // namespace

Token Lexer::Finish(TokenKind kind, std::string text) const {
  return {.kind = kind, .text = std::move(text), .position = position_};
}

Token Lexer::Next(bool expects_operator) {
  SkipSpaceAndComments();
  if (position_ >= text_.size()) return Finish(TokenKind::kEnd, "(end)");
  const char c = text_[position_];
  if (!expects_operator && c == '/') return ReadRegex();
  if (IsOperator(c)) return ReadOperator();
  if (c == '"' || c == '\'') return ReadString();
  if (IsDigit(c)) return ReadNumber();
  if (c == '`') return ReadQuotedName();
  return ReadName();
}

void Lexer::SkipSpaceAndComments() {
  while (position_ < text_.size()) {
    if (IsSpace(text_[position_])) {
      ++position_;
    } else if (absl::StartsWith(text_.substr(position_), "/*")) {
      const size_t end = text_.find("*/", position_ + 2);
      if (end == absl::string_view::npos) Fail({.code = "S0106", .position = position_});
      position_ = end + 2;
    } else {
      return;
    }
  }
}

Token Lexer::ReadOperator() {
  for (const absl::string_view symbol : kLongOperators) {
    if (!absl::StartsWith(text_.substr(position_), symbol)) continue;
    position_ += symbol.size();
    return Finish(TokenKind::kOperator, std::string(symbol));
  }
  return Finish(TokenKind::kOperator, std::string(1, text_[position_++]));
}

Token Lexer::ReadString() {
  const char quote = text_[position_++];
  std::string contents;
  while (position_ < text_.size()) {
    const char c = text_[position_++];
    if (c == quote) return Finish(TokenKind::kString, std::move(contents));
    if (c == '\\') {
      ReadEscape(&contents);
    } else {
      contents.push_back(c);
    }
  }
  Fail({.code = "S0101", .position = position_});
}

void Lexer::ReadEscape(std::string* out) {
  static constexpr absl::string_view kLetters = "\"\\/bfnrt";
  static constexpr absl::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const char c = At(position_++);
  if (c == 'u') {
    char32_t unit = ReadHexDigits();
    const bool is_pair =
        unit >= 0xD800 && unit < 0xDC00 && At(position_) == '\\' && At(position_ + 1) == 'u';
    if (is_pair) {
      position_ += 2;
      unit = 0x10000 + ((unit - 0xD800) << 10) + (ReadHexDigits() - 0xDC00);
    }
    return AppendChar(unit, out);
  }
  const size_t known = c == '\0' ? absl::string_view::npos : kLetters.find(c);
  if (known == absl::string_view::npos) {
    Fail({.code = "S0103", .position = position_ - 1, .token = std::string(1, c)});
  }
  out->push_back(kMeanings[known]);
}

char32_t Lexer::ReadHexDigits() {
  char32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = At(position_ + static_cast<size_t>(i));
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) {
      Fail({.code = "S0104", .position = position_});
    }
    value = value * 16 + static_cast<char32_t>(IsDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  position_ += 4;
  return value;
}

// Without a sign: that is an operator. A dot that no digit follows is one, too.
Token Lexer::ReadNumber() {
  const size_t start = position_;
  if (text_[position_] == '0') {
    ++position_;
  } else {
    while (IsDigit(At(position_))) ++position_;
  }
  if (At(position_) == '.' && IsDigit(At(position_ + 1))) {
    ++position_;
    while (IsDigit(At(position_))) ++position_;
  }
  if ((At(position_) | 0x20) == 'e') {
    size_t at = position_ + 1;
    if (At(at) == '+' || At(at) == '-') ++at;
    if (IsDigit(At(at))) {
      position_ = at;
      while (IsDigit(At(position_))) ++position_;
    }
  }
  Token token = Finish(TokenKind::kNumber, std::string(text_.substr(start, position_ - start)));
  if (!absl::SimpleAtod(token.text, &token.number) || !std::isfinite(token.number)) {
    Fail({.code = "S0102", .position = start, .token = token.text});
  }
  return token;
}

Token Lexer::ReadQuotedName() {
  const size_t start = ++position_;
  const size_t end = text_.find('`', start);
  if (end == absl::string_view::npos) Fail({.code = "S0105", .position = text_.size()});
  position_ = end + 1;
  return Finish(TokenKind::kName, std::string(text_.substr(start, end - start)));
}

Token Lexer::ReadName() {
  const size_t start = position_;
  while (position_ < text_.size() && !IsSpace(text_[position_]) && !IsOperator(text_[position_])) {
    ++position_;
  }
  const absl::string_view name = text_.substr(start, position_ - start);
  if (name[0] == '$') return Finish(TokenKind::kVariable, std::string(name.substr(1)));
  if (name == "or" || name == "in" || name == "and") {
    return Finish(TokenKind::kOperator, std::string(name));
  }
  const bool is_literal = name == "true" || name == "false" || name == "null";
  return Finish(is_literal ? TokenKind::kLiteral : TokenKind::kName, std::string(name));
}

// The closing slash is the first outside brackets that no backslash makes a plain one.
Token Lexer::ReadRegex() {
  const size_t start = ++position_;
  int depth = 0;
  size_t backslashes = 0;  // before the character
  for (; position_ < text_.size(); ++position_) {
    const char c = text_[position_];
    if (c == '\\') {
      ++backslashes;
      continue;
    }
    if (c == '/' && depth == 0 && backslashes % 2 == 0) break;
    if (backslashes == 0) {
      if (c == '(' || c == '[' || c == '{') ++depth;
      if (c == ')' || c == ']' || c == '}') --depth;
    }
    backslashes = 0;
  }
  if (position_ >= text_.size()) Fail({.code = "S0302", .position = position_});
  const absl::string_view pattern = text_.substr(start, position_ - start);
  if (pattern.empty()) Fail({.code = "S0301", .position = position_});
  const size_t flags_start = ++position_;
  while (At(position_) == 'i' || At(position_) == 'm') ++position_;
  const absl::string_view flags = text_.substr(flags_start, position_ - flags_start);
  Token token = Finish(TokenKind::kRegex, std::string(pattern));
  token.regex = Regex::Compile(pattern,
                               {.ignores_case = absl::StrContains(flags, 'i'),
                                .is_multiline = absl::StrContains(flags, 'm')},
                               position_);
  return token;
}

}  // namespace millrace::jsonata_internal
