#include "engine/expr/jsonata/regex.h"

#include <re2/re2.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/utf8.h"

namespace millrace::jsonata_internal {
namespace {

constexpr absl::string_view kSpaces =
    "\\t-\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
    "\\x{feff}";
constexpr absl::string_view kAnything = "[\\x{0}-\\x{10FFFF}]";
constexpr absl::string_view kNothing = "[^\\x{0}-\\x{10FFFF}]";
constexpr absl::string_view kDot = "[^\\n\\r\\x{2028}\\x{2029}]";

[[noreturn]] void Refuse(absl::string_view why, size_t position) {
  Fail({.code = "S0303", .position = position, .text = std::string(why)});
}

// Rewrites a pattern of JavaScript as one of RE2 that matches the same.
class Translator {
 public:
  Translator(absl::string_view pattern, size_t position) : pattern_(pattern), position_(position) {}

  std::string Translate() {
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (c == '\\') {
        TranslateEscape();
      } else if (c == '[') {
        TranslateClass();
      } else if (c == '(') {
        TranslateGroup();
      } else {
        ++at_;
        NoteLoop(c);
        if (c == '.') {
          absl::StrAppend(&out_, kDot);
        } else {
          out_.push_back(c);
        }
      }
    }
    return std::move(out_);
  }

  // True without unbounded loops, and where the only one ends the pattern, so that wherever it is
  // left there is a match.
  bool is_prompt() const {
    return loops_ == 0 ||
           (loops_ == 1 && pattern_.find_first_not_of(")?", loop_end_) == absl::string_view::npos);
  }

 private:
  // At the character behind `c`.
  void NoteLoop(char c) {
    if (c == '*' || c == '+') {
      ++loops_;
      loop_end_ = at_;
    } else if (c == '{') {
      const size_t end = pattern_.find('}', at_);
      if (end == absl::string_view::npos || pattern_[end - 1] != ',') return;
      ++loops_;
      loop_end_ = end + 1;
    }
  }

  bool Consume(absl::string_view prefix) {
    if (!absl::StartsWith(pattern_.substr(at_), prefix)) return false;
    at_ += prefix.size();
    return true;
  }

  void TranslateGroup() {
    for (const absl::string_view look : {"(?=", "(?!", "(?<=", "(?<!"}) {
      if (Consume(look)) Refuse("it looks ahead or behind", position_);
    }
    if (Consume("(?:")) {
      out_ += "(?:";
    } else if (Consume("(?<")) {
      out_ += "(?P<";
    } else {
      ++at_;
      out_ += "(";
    }
  }

  void TranslateClass() {
    if (Consume("[^]")) return absl::StrAppend(&out_, kAnything);
    if (Consume("[]")) return absl::StrAppend(&out_, kNothing);
    in_class_ = true;
    out_ += Consume("[^") ? "[^" : (++at_, "[");
    while (at_ < pattern_.size() && pattern_[at_] != ']') {
      if (pattern_[at_] == '\\') {
        TranslateEscape();
      } else if (pattern_[at_] == '[') {
        out_ += "\\[";
        ++at_;
      } else {
        out_.push_back(pattern_[at_++]);
      }
    }
    in_class_ = false;
    if (Consume("]")) out_ += "]";
  }

  void TranslateEscape() {
    if (++at_ == pattern_.size()) Refuse("it ends with a backslash", position_);
    const char c = pattern_[at_++];
    if (absl::StrContains("dDwWtnrf", c) || (!in_class_ && absl::StrContains("bB", c))) {
      absl::StrAppend(&out_, "\\", absl::string_view(&c, 1));
    } else if (c == 's') {
      absl::StrAppend(&out_, in_class_ ? "" : "[", kSpaces, in_class_ ? "" : "]");
    } else if (c == 'S') {
      absl::StrAppend(&out_, in_class_ ? "\\S" : absl::StrCat("[^", kSpaces, "]"));
    } else if (c == 'v' || c == 'b') {
      AppendCode(c == 'v' ? 0x0B : 0x08);
    } else if (c == 'u' || c == 'x') {
      TranslateCode(c == 'u' ? 4 : 2, c);
    } else if (c == 'c' && at_ < pattern_.size()) {
      AppendCode(static_cast<char32_t>(pattern_[at_++] & 0x1F));
    } else if (c == '0') {
      AppendCode(0);
    } else if (c == 'k' || absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      Refuse("it refers back to a group", position_);
    } else if (absl::ascii_isalpha(static_cast<unsigned char>(c)) || !absl::ascii_isascii(c)) {
      out_.push_back(c);
    } else {
      absl::StrAppend(&out_, "\\", absl::string_view(&c, 1));
    }
  }

  // \xHH and \uHHHH; two of the latter may be one character.
  void TranslateCode(size_t digits, char letter) {
    uint32_t code = 0;
    if (!ReadCode(digits, &code)) return out_.push_back(letter);
    uint32_t low = 0;
    if (code >= 0xD800 && code < 0xDC00 && Consume("\\u") && ReadCode(4, &low)) {
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    AppendCode(code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
  }

  bool ReadCode(size_t digits, uint32_t* code) {
    const absl::string_view text = pattern_.substr(at_, digits);
    if (text.size() < digits) return false;
    for (const char c : text) {
      if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return false;
      *code = *code * 16 + static_cast<uint32_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    at_ += digits;
    return true;
  }

  void AppendCode(char32_t code) {
    absl::StrAppend(&out_, "\\x{", absl::Hex(static_cast<uint32_t>(code)), "}");
  }

  const absl::string_view pattern_;
  const size_t position_;
  size_t at_ = 0;
  bool in_class_ = false;
  int loops_ = 0;
  size_t loop_end_ = 0;
  std::string out_;
};

}  // namespace

Regex::Regex(absl::string_view pattern, std::unique_ptr<re2::RE2> regex, bool is_prompt)
    : pattern_(pattern), regex_(std::move(regex)), is_prompt_(is_prompt) {}

Regex::~Regex() = default;

std::shared_ptr<const Regex> Regex::Compile(absl::string_view pattern, RegexFlags flags,
                                            size_t position) {
  if (pattern.size() > kPatternBytesMax) Refuse("it is longer than 4096 bytes", position);
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kProgramBytesMax);
  options.set_case_sensitive(!flags.ignores_case);
  Translator translator(pattern, position);
  const std::string translated =
      absl::StrCat(flags.is_multiline ? "(?m)" : "", translator.Translate());
  auto regex = std::make_unique<re2::RE2>(translated, options);
  if (!regex->ok()) Refuse(regex->error(), position);
  return std::shared_ptr<const Regex>(new Regex(pattern, std::move(regex), translator.is_prompt()));
}

bool Regex::Find(absl::string_view text, size_t from, RegexMatch* match) const {
  std::vector<re2::StringPiece> pieces(static_cast<size_t>(regex_->NumberOfCapturingGroups() + 1));
  const re2::StringPiece subject(text.data(), text.size());
  if (!regex_->Match(subject, from, text.size(), re2::RE2::UNANCHORED, pieces.data(),
                     static_cast<int>(pieces.size()))) {
    return false;
  }
  match->start = static_cast<size_t>(pieces[0].data() - text.data());
  match->end = match->start + pieces[0].size();
  match->groups.clear();
  for (size_t i = 1; i < pieces.size(); ++i) {
    match->groups.emplace_back(pieces[i].data(), pieces[i].size());
  }
  return true;
}

}  // namespace millrace::jsonata_internal
