#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace millrace::jsonata_internal {

class Regex;

enum class TokenKind { kEnd, kName, kVariable, kOperator, kString, kNumber, kLiteral, kRegex };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;  // of an operator, itself; of a string, its contents
  double number = 0;
  std::shared_ptr<const Regex> regex;
  size_t position = 0;  // the byte behind it

  bool Is(absl::string_view symbol) const { return kind == TokenKind::kOperator && text == symbol; }
};

// Splits an expression into tokens. A slash divides where an operator may stand, and begins a
// regular expression everywhere else; the parser knows which.
class Lexer {
 public:
  explicit Lexer(absl::string_view text) : text_(text) {}

  Token Next(bool expects_operator);

 private:
  char At(size_t position) const { return position < text_.size() ? text_[position] : '\0'; }
  void SkipSpaceAndComments();
  Token Finish(TokenKind kind, std::string text) const;
  Token ReadOperator();
  Token ReadString();
  void ReadEscape(std::string* out);
  char32_t ReadHexDigits();
  Token ReadNumber();
  Token ReadQuotedName();
  Token ReadName();
  Token ReadRegex();

  const absl::string_view text_;
  size_t position_ = 0;
};

}  // namespace millrace::jsonata_internal
