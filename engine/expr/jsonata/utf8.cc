#include "engine/expr/jsonata/utf8.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace millrace::jsonata_internal {
namespace {

constexpr bool IsContinuation(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

// Letters first..last whose lower case is `offset` further; with step 2 only every other one.
struct CaseRange {
  char32_t first;
  char32_t last;
  int32_t offset;
  int step;
};

constexpr CaseRange kCases[] = {
    {0x41, 0x5A, 32, 1},     {0xC0, 0xD6, 32, 1},     {0xD8, 0xDE, 32, 1},
    {0x100, 0x12E, 1, 2},    {0x132, 0x136, 1, 2},    {0x139, 0x147, 1, 2},
    {0x14A, 0x176, 1, 2},    {0x178, 0x178, -121, 1}, {0x179, 0x17D, 1, 2},
    {0x1CD, 0x1DB, 1, 2},    {0x1DE, 0x1EE, 1, 2},    {0x1F8, 0x21E, 1, 2},
    {0x222, 0x232, 1, 2},    {0x386, 0x386, 38, 1},   {0x388, 0x38A, 37, 1},
    {0x38C, 0x38C, 64, 1},   {0x38E, 0x38F, 63, 1},   {0x391, 0x3A1, 32, 1},
    {0x3A3, 0x3AB, 32, 1},   {0x400, 0x40F, 80, 1},   {0x410, 0x42F, 32, 1},
    {0x460, 0x480, 1, 2},    {0x48A, 0x4BE, 1, 2},    {0x4C1, 0x4CD, 1, 2},
    {0x4D0, 0x52E, 1, 2},    {0x531, 0x556, 48, 1},   {0x10A0, 0x10C5, 7264, 1},
    {0x1E00, 0x1E94, 1, 2},  {0x1EA0, 0x1EFE, 1, 2},  {0x2160, 0x216F, 16, 1},
    {0x24B6, 0x24CF, 26, 1}, {0xFF21, 0xFF3A, 32, 1}, {0x10400, 0x10427, 40, 1},
};

char32_t LowerOf(char32_t c) {
  for (const CaseRange& range : kCases) {
    if (c < range.first || c > range.last) continue;
    if ((c - range.first) % static_cast<char32_t>(range.step) == 0) return c + range.offset;
  }
  return c;
}

char32_t UpperOf(char32_t c) {
  if (c == 0xB5) return 0x39C;
  if (c == 0x3C2) return 0x3A3;
  for (const CaseRange& range : kCases) {
    const char32_t upper = c - range.offset;
    if (upper < range.first || upper > range.last) continue;
    if ((upper - range.first) % static_cast<char32_t>(range.step) == 0) return upper;
  }
  return c;
}

template <typename Map>
std::string MapChars(absl::string_view text, Map map) {
  std::string mapped;
  mapped.reserve(text.size());
  for (size_t at = 0; at < text.size();) AppendChar(map(NextChar(text, &at)), &mapped);
  return mapped;
}

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isascii(c); });
}

}  // namespace

size_t CountChars(absl::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

size_t ByteOffset(absl::string_view text, size_t chars) {
  size_t at = 0;
  while (at < text.size() && chars > 0) {
    ++at;
    while (at < text.size() && IsContinuation(text[at])) ++at;
    --chars;
  }
  return at;
}

absl::string_view PrefixOf(absl::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && IsContinuation(text[bytes_max])) --bytes_max;
  return text.substr(0, bytes_max);
}

size_t CountUtf16(absl::string_view text) {
  size_t units = 0;
  for (const char c : text) {
    if (!IsContinuation(c)) units += static_cast<uint8_t>(c) >= 0xF0 ? 2 : 1;
  }
  return units;
}

char32_t NextChar(absl::string_view text, size_t* at) {
  const auto first = static_cast<uint8_t>(text[(*at)++]);
  if (first < 0x80) return first;
  const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
  char32_t c = first & (0x3F >> more);
  for (int i = 0; i < more && *at < text.size(); ++i) {
    c = (c << 6) | (static_cast<uint8_t>(text[(*at)++]) & 0x3F);
  }
  return c;
}

void AppendChar(char32_t c, std::string* out) {
  const auto byte = [out](char32_t bits) { out->push_back(static_cast<char>(bits)); };
  if (c < 0x80) return byte(c);
  if (c < 0x800) {
    byte(0xC0 | (c >> 6));
  } else {
    if (c < 0x10000) {
      byte(0xE0 | (c >> 12));
    } else {
      byte(0xF0 | (c >> 18));
      byte(0x80 | ((c >> 12) & 0x3F));
    }
    byte(0x80 | ((c >> 6) & 0x3F));
  }
  byte(0x80 | (c & 0x3F));
}

std::u32string ToUtf32(absl::string_view text) {
  std::u32string chars;
  for (size_t at = 0; at < text.size();) chars.push_back(NextChar(text, &at));
  return chars;
}

std::string ToUtf8(const std::u32string& chars) {
  std::string text;
  for (const char32_t c : chars) AppendChar(c, &text);
  return text;
}

bool IsValidUtf8(absl::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const auto first = static_cast<uint8_t>(text[at]);
    if (first >= 0x80 && first < 0xC2) return false;
    const char32_t c = NextChar(text, &at);
    std::string again;
    if (first >= 0x80) {
      AppendChar(c, &again);
      if (again != text.substr(start, at - start)) return false;
    }
    if ((c >= 0xD800 && c < 0xE000) || c > 0x10FFFF) return false;
  }
  return true;
}

std::string ReplaceSurrogates(absl::string_view text) {
  return MapChars(text, [](char32_t c) { return c >= 0xD800 && c < 0xE000 ? 0xFFFD : c; });
}

// UTF-8 orders by code point. UTF-16 differs only in that what needs two units, and so begins with
// 0xF0 or more in UTF-8, comes before U+E000..U+FFFF, which begins with 0xEE or 0xEF.
int CompareText(absl::string_view a, absl::string_view b) {
  const auto [at_a, at_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (at_a == a.end() || at_b == b.end()) {
    return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
  }
  const auto x = static_cast<uint8_t>(*at_a);
  const auto y = static_cast<uint8_t>(*at_b);
  const bool is_less = (x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0)) ? x > y : x < y;
  return is_less ? -1 : 1;
}

std::string ToUpper(absl::string_view text) {
  if (IsAscii(text)) return absl::AsciiStrToUpper(text);
  std::string upper;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = NextChar(text, &at);
    if (c == 0xDF) {
      upper += "SS";
    } else {
      AppendChar(UpperOf(c), &upper);
    }
  }
  return upper;
}

std::string ToLower(absl::string_view text) {
  return IsAscii(text) ? absl::AsciiStrToLower(text) : MapChars(text, LowerOf);
}

}  // namespace millrace::jsonata_internal
