#include <openssl/evp.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/expr/intrinsic_functions.h"

namespace millrace::intrinsics_internal {
namespace {

constexpr size_t kCharactersMax = 10'000;

bool IsContinuation(char c) { return (static_cast<uint8_t>(c) & 0xc0) == 0x80; }

bool IsTooLong(absl::string_view text) {
  return text.size() -
             static_cast<size_t>(std::count_if(text.begin(), text.end(), IsContinuation)) >
         kCharactersMax;
}

// As the service prints values into text: null, {Arg1=1, Arg2=[]}, [a, b]. Nested below the depth
// that definitions and inputs have, as JSON.
void AppendFormatted(const Json& json, int depth_left, std::string* out) {
  if (json.is_string()) {
    absl::StrAppend(out, json.AsString());
  } else if (depth_left == 0 || (!json.is_array() && !json.is_object())) {
    json.AppendText(out);
  } else if (json.is_array()) {
    absl::string_view separator = "[";
    for (const Json& element : json.elements()) {
      absl::StrAppend(out, std::exchange(separator, ", "));
      AppendFormatted(element, depth_left - 1, out);
    }
    absl::StrAppend(out, json.size() == 0 ? "[]" : "]");
  } else {
    absl::string_view separator = "{";
    for (const JsonMember& member : json.members()) {
      absl::StrAppend(out, std::exchange(separator, ", "), member.key.AsString(), "=");
      AppendFormatted(member.value, depth_left - 1, out);
    }
    absl::StrAppend(out, json.size() == 0 ? "{}" : "}");
  }
}

// How many bytes the UTF-8 character at the front has; 0 for none.
size_t CharacterSize(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t size = first >= 0xf0 ? 4 : (first >= 0xe0 ? 3 : 2);
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  if (first == 0xe0 && byte(1) < 0xa0) return 0;  // longer than needed
  if (first == 0xed && byte(1) > 0x9f) return 0;  // surrogates
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) > 0x8f) return 0;
  return size;
}

// With the place of each.
template <typename Use>
void ForEachCharacter(absl::string_view text, Use use) {
  for (size_t at = 0; at < text.size();) {
    const size_t size = std::max<size_t>(CharacterSize(text.substr(at)), 1);
    use(at, text.substr(at, size));
    at += size;
  }
}

// Bytes that are no UTF-8 become U+FFFD, because a Json string holds nothing else.
std::string ToUtf8(absl::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const size_t size = CharacterSize(bytes);
    absl::StrAppend(&text, size == 0 ? "\xef\xbf\xbd" : bytes.substr(0, size));
    bytes.remove_prefix(size == 0 ? 1 : size);
  }
  return text;
}

const EVP_MD* AlgorithmNamed(absl::string_view name) {
  if (name == "MD5") return EVP_md5();
  if (name == "SHA-1") return EVP_sha1();
  if (name == "SHA-256") return EVP_sha256();
  if (name == "SHA-384") return EVP_sha384();
  if (name == "SHA-512") return EVP_sha512();
  return nullptr;
}

}  // namespace

// No data of a state may be larger, so what is larger is not made.
constexpr size_t kFormattedBytesMax = 16 << 20;

AslResult<Json> Format(const Arguments& arguments) {
  const Json& form = arguments.values[0];
  if (!form.is_string()) return Failure("the first argument must be a string");
  const absl::string_view text = form.AsString();
  std::string out;
  size_t next = 1;
  for (size_t i = 0; i < text.size(); ++i) {
    const char following = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] == '\\' && absl::string_view("'{}\\").find(following) != absl::string_view::npos) {
      out.push_back(text[++i]);
    } else if (text[i] == '{' && following == '}') {
      if (next == arguments.values.size()) return Failure("there are more {} than arguments");
      AppendFormatted(arguments.values[next++], 128, &out);
      if (out.size() > kFormattedBytesMax) return Failure("the result is larger than 16 MiB");
      ++i;
    } else {
      out.push_back(text[i]);
    }
  }
  if (next < arguments.values.size()) return Failure("there are more arguments than {}");
  return Json(out);
}

AslResult<Json> StringToJson(const Arguments& arguments) {
  if (!arguments.values[0].is_string()) return Failure("the argument must be a string");
  const absl::string_view text = arguments.values[0].AsString();
  if (absl::StripAsciiWhitespace(text).empty()) return Json();
  absl::StatusOr<Json> json = ParseJson(text);
  if (!json.ok()) return Failure(json.status().message());
  return *std::move(json);
}

AslResult<Json> JsonToString(const Arguments& arguments) {
  return Json(arguments.values[0].ToText());
}

AslResult<Json> StringSplit(const Arguments& arguments) {
  if (!arguments.values[0].is_string() || !arguments.values[1].is_string()) {
    return Failure("the arguments must be strings");
  }
  absl::flat_hash_set<absl::string_view> splitters;
  ForEachCharacter(arguments.values[1].AsString(),
                   [&](size_t, absl::string_view character) { splitters.insert(character); });
  const absl::string_view whole = arguments.values[0].AsString();
  std::vector<Json> pieces;
  size_t first = 0;
  const auto end_piece = [&](size_t end, size_t next) {
    if (end > first) pieces.push_back(Json(whole.substr(first, end - first)));
    first = next;
  };
  ForEachCharacter(whole, [&](size_t at, absl::string_view character) {
    if (splitters.contains(character)) end_piece(at, at + character.size());
  });
  end_piece(whole.size(), whole.size());
  return Json::Array(std::move(pieces));
}

AslResult<Json> Base64Encode(const Arguments& arguments) {
  if (!arguments.values[0].is_string()) return Failure("the argument must be a string");
  const absl::string_view text = arguments.values[0].AsString();
  if (IsTooLong(text)) return Failure("the text has more than 10000 characters");
  return Json(absl::Base64Escape(text));
}

AslResult<Json> Base64Decode(const Arguments& arguments) {
  if (!arguments.values[0].is_string()) return Failure("the argument must be a string");
  const absl::string_view text = arguments.values[0].AsString();
  if (IsTooLong(text)) return Failure("the text has more than 10000 characters");
  std::string bytes;
  if (!absl::Base64Unescape(text, &bytes)) return Failure("the argument is not Base64");
  return Json(ToUtf8(bytes));
}

AslResult<Json> Hash(const Arguments& arguments) {
  const Json& data = arguments.values[0];
  if (!arguments.values[1].is_string()) return Failure("the algorithm must be a string");
  const EVP_MD* algorithm = AlgorithmNamed(arguments.values[1].AsString());
  if (algorithm == nullptr) {
    return Failure("the algorithm must be MD5, SHA-1, SHA-256, SHA-384 or SHA-512");
  }
  const std::string text = data.is_string() ? std::string(data.AsString()) : data.ToText();
  if (IsTooLong(text)) return Failure("the data has more than 10000 characters");
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  MILLRACE_CHECK(EVP_Digest(text.data(), text.size(), digest, &size, algorithm, nullptr) == 1);
  return Json(
      absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), size)));
}

}  // namespace millrace::intrinsics_internal
