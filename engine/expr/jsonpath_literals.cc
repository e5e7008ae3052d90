#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "engine/expr/jsonpath_parser.h"

// Quoted names, literals and patterns in a JSONPath.
namespace millrace::jsonpath_internal {
namespace {

void AppendUtf8(uint32_t code, std::string* out) {
  const auto tail = [&](int shift) {
    out->push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3f)));
  };
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xc0 | (code >> 6)));
    tail(0);
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xe0 | (code >> 12)));
    tail(6);
    tail(0);
  } else {
    out->push_back(static_cast<char>(0xf0 | (code >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace

bool Parser::ParseQuoted(std::string* text) {
  const char quote = text_[at_++];
  while (!AtEnd()) {
    const char c = text_[at_];
    if (c == quote) {
      ++at_;
      return true;
    }
    if (static_cast<uint8_t>(c) < 0x20) return Fail("a control character");
    ++at_;
    if (c != '\\') {
      text->push_back(c);
    } else if (!ParseEscape(quote, text)) {
      return false;
    }
  }
  return Fail("no closing quote");
}

bool Parser::ParseEscape(char quote, std::string* text) {
  const char c = Peek();
  constexpr absl::string_view kLetters = "btnfr/\\";
  constexpr absl::string_view kMeanings = "\b\t\n\f\r/\\";
  if (c == 'u') return ParseUnicodeEscape(text);
  if (c == quote && !AtEnd()) {
    text->push_back(c);
  } else if (const size_t known = kLetters.find(c); known != absl::string_view::npos) {
    text->push_back(kMeanings[known]);
  } else {
    return Fail("an unknown escape");
  }
  ++at_;
  return true;
}

bool Parser::ParseUnicodeEscape(std::string* text) {
  uint32_t code = 0;
  if (!ParseHex4(&code)) return false;
  if (code >= 0xdc00 && code < 0xe000) return Fail("half of a surrogate pair");
  if (code >= 0xd800 && code < 0xdc00) {
    uint32_t low = 0;
    if (!Take("\\")) return Fail("half of a surrogate pair");
    if (!ParseHex4(&low)) return false;
    if (low < 0xdc00 || low >= 0xe000) return Fail("half of a surrogate pair");
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  AppendUtf8(code, text);
  return true;
}

bool Parser::ParseHex4(uint32_t* code) {
  if (!Take("u")) return Fail("no \\u");
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = absl::ascii_tolower(static_cast<uint8_t>(Peek()));
    if (!absl::ascii_isxdigit(static_cast<uint8_t>(c))) return Fail("no hexadecimal digit");
    *code = *code * 16 + static_cast<uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return true;
}

bool Parser::ParseNumber(Json* number) {
  constexpr absl::string_view kNumberBytes = "+-.0123456789eE";
  size_t end = at_;
  while (end < text_.size() && kNumberBytes.find(text_[end]) != absl::string_view::npos) ++end;
  const absl::StatusOr<Json> parsed = ParseJson(text_.substr(at_, end - at_));
  if (!parsed.ok()) return Fail("not a number");
  *number = *parsed;
  at_ = end;
  return true;
}

bool Parser::ParseLiteral(Json* literal) {
  if (Peek() == '\'' || Peek() == '"') {
    std::string text;
    if (!ParseQuoted(&text)) return false;
    *literal = Json(text);
    return true;
  }
  if (Peek() == '-' || absl::ascii_isdigit(static_cast<uint8_t>(Peek()))) {
    return ParseNumber(literal);
  }
  if (lenient_ && Peek() == '[') return ParseArrayLiteral(literal);
  std::string word;
  while (IsNameByte(0) || (lenient_ && Peek() == '-')) word.push_back(text_[at_++]);
  if (word == "null") {
    *literal = Json();
  } else if (word == "true" || word == "false") {
    *literal = Json(word == "true");
  } else if (lenient_ && !word.empty()) {
    *literal = Json(word);  // the States Language's examples leave quotes away
  } else {
    return Fail("no value");
  }
  return true;
}

bool Parser::ParseArrayLiteral(Json* array) {
  std::vector<Json> elements;
  if (++depth_ > kDepthMax) return Fail("nesting too deep");
  ++at_;
  SkipSpace();
  if (!Take("]")) {
    do {
      SkipSpace();
      if (!ParseLiteral(&elements.emplace_back())) return false;
      SkipSpace();
    } while (Take(","));
    if (!Take("]")) return Fail("no ']'");
  }
  --depth_;
  *array = Json::Array(std::move(elements));
  return true;
}

bool Parser::ParsePattern(std::shared_ptr<const RE2>* pattern) {
  if (!Take("/")) return Fail("no '/'");
  std::string text;
  while (!AtEnd() && Peek() != '/') {
    if (Peek() == '\\' && Peek(1) == '/')
      ++at_;
    else if (Peek() == '\\')
      text.push_back(text_[at_++]);
    if (!AtEnd()) text.push_back(text_[at_++]);
  }
  if (!Take("/")) return Fail("no '/' after the pattern");
  std::string flags;
  while (Peek() == 'i' || Peek() == 'm' || Peek() == 's') flags.push_back(text_[at_++]);
  if (!flags.empty()) text = "(?" + flags + ")" + text;
  RE2::Options options;
  options.set_log_errors(false);
  auto compiled = std::make_shared<RE2>(text, options);
  if (!compiled->ok()) return Fail("a pattern that RE2 does not accept");
  *pattern = std::move(compiled);
  return true;
}

std::shared_ptr<const RE2> CompilePattern(absl::string_view pattern) {
  std::string translated;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      translated.push_back(c);
      translated.push_back(pattern[++i]);
    } else if (c == '.' && !in_class) {
      translated += "[^\\n\\r]";
    } else {
      if (c == '[') in_class = true;
      if (c == ']') in_class = false;
      translated.push_back(c);
    }
  }
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  auto compiled = std::make_shared<RE2>(translated, options);
  return compiled->ok() ? compiled : nullptr;
}

}  // namespace millrace::jsonpath_internal
