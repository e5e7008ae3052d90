#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "engine/expr/jsonata/builtins.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"
#include "engine/expr/jsonata/utf8.h"

namespace millrace::jsonata_internal {
namespace {

// What stays as it is in a part of a URL, and what besides that in a whole one.
constexpr absl::string_view kUnreserved = "-_.!~*'()";
constexpr absl::string_view kReserved = ";/?:@&=+$,#";

Value Base64Encode(const Call& call) {
  if (call[0].is_undefined()) return Value();
  return call.evaluation.Text(absl::Base64Escape(call[0].text()));
}

int Base64Digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  return c == '/' || c == '_' ? 63 : -1;
}

// Skips what is no digit. Bytes that are not UTF-8 are taken for Latin-1.
Value Base64Decode(const Call& call) {
  if (call[0].is_undefined()) return Value();
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : call[0].text()) {
    if (c == '=') break;
    const int digit = Base64Digit(c);
    if (digit < 0) continue;
    bits = (bits << 6) | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>((bits >> count) & 0xFF));
  }
  if (IsValidUtf8(bytes)) return call.evaluation.Text(bytes);
  std::string text;
  for (const char c : bytes) AppendChar(static_cast<uint8_t>(c), &text);
  return call.evaluation.Text(text);
}

[[noreturn]] void FailUrl(const char* function, absl::string_view url) {
  Fail({.code = "D3140", .value = Describe(Value::Of(url)), .text = function});
}

Value Encode(const Call& call, absl::string_view kept, const char* function) {
  if (call[0].is_undefined()) return Value();
  static constexpr char kHex[] = "0123456789ABCDEF";
  if (!IsValidUtf8(call[0].text())) FailUrl(function, ReplaceSurrogates(call[0].text()));
  std::string encoded;
  for (const char c : call[0].text()) {
    const auto byte = static_cast<uint8_t>(c);
    if (absl::ascii_isalnum(byte) || absl::StrContains(kUnreserved, c) ||
        absl::StrContains(kept, c)) {
      encoded.push_back(c);
    } else {
      encoded.push_back('%');
      encoded.push_back(kHex[byte >> 4]);
      encoded.push_back(kHex[byte & 15]);
    }
  }
  return call.evaluation.Text(encoded);
}

Value Decode(const Call& call, absl::string_view kept, const char* function) {
  if (call[0].is_undefined()) return Value();
  const absl::string_view text = call[0].text();
  std::string decoded;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded.push_back(text[at]);
      continue;
    }
    const absl::string_view digits = text.substr(at + 1, 2);
    if (digits.size() < 2 || !absl::ascii_isxdigit(static_cast<uint8_t>(digits[0])) ||
        !absl::ascii_isxdigit(static_cast<uint8_t>(digits[1]))) {
      FailUrl(function, text);
    }
    const std::string byte = absl::HexStringToBytes(digits);
    decoded += absl::StrContains(kept, byte) ? std::string(text.substr(at, 3)) : byte;
    at += 2;
  }
  if (!IsValidUtf8(decoded)) FailUrl(function, text);
  return call.evaluation.Text(decoded);
}

Value EncodeUrl(const Call& call) { return Encode(call, kReserved, "encodeUrl"); }
Value EncodeUrlComponent(const Call& call) { return Encode(call, "", "encodeUrlComponent"); }
Value DecodeUrl(const Call& call) { return Decode(call, kReserved, "decodeUrl"); }
Value DecodeUrlComponent(const Call& call) { return Decode(call, "", "decodeUrlComponent"); }

constexpr BuiltinEntry kFunctions[] = {
    {"base64encode", Base64Encode, "<s-:s>", 1},
    {"base64decode", Base64Decode, "<s-:s>", 1},
    {"encodeUrl", EncodeUrl, "<s-:s>", 1},
    {"encodeUrlComponent", EncodeUrlComponent, "<s-:s>", 1},
    {"decodeUrl", DecodeUrl, "<s-:s>", 1},
    {"decodeUrlComponent", DecodeUrlComponent, "<s-:s>", 1},
};

}  // namespace

absl::Span<const BuiltinEntry> EncodingFunctions() { return kFunctions; }

}  // namespace millrace::jsonata_internal
