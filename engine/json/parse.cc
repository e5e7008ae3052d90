#include <charconv>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>

#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/strings/charconv.h"
#include "absl/strings/str_cat.h"
#include "engine/json/json.h"
#include "engine/json/node.h"

namespace millrace {
namespace {

using boost::json::error_code;
using json_internal::Node;
using BoostView = boost::json::string_view;

// nullopt when it is too large for a double.
std::optional<Json> ParseNumber(absl::string_view text) {
  const char* const first = text.data();
  const char* const last = first + text.size();
  int64_t integer = 0;
  if (const auto [end, error] = std::from_chars(first, last, integer);
      error == std::errc() && end == last) {
    return Json(integer);
  }
  uint64_t natural = 0;
  if (const auto [end, error] = std::from_chars(first, last, natural);
      error == std::errc() && end == last) {
    return Json(natural);
  }
  double value = 0;
  if (std::from_chars(first, last, value).ec == std::errc()) return Json(value);
  // Out of range: only this tells too large from too small, which is 0.
  absl::from_chars(first, last, value);
  if (std::fabs(value) > 1 || !std::isfinite(value)) return std::nullopt;
  return Json(value);
}

// Builds the value from the tokens of Boost's parser, which checks the grammar and the UTF-8.
// Values wait on a stack until their array or object ends; a member is two of them.
class Builder {
 public:
  static constexpr size_t max_object_size = static_cast<size_t>(-1);
  static constexpr size_t max_array_size = static_cast<size_t>(-1);
  static constexpr size_t max_key_size = static_cast<size_t>(-1);
  static constexpr size_t max_string_size = static_cast<size_t>(-1);

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_comment_part(BoostView, error_code&) { return true; }
  bool on_comment(BoostView, error_code&) { return true; }

  bool on_array_end(size_t count, error_code&) {
    Json* const first = stack_.data() + (stack_.size() - count);
    return Replace(count, Node::MakeArray(first, count));
  }

  bool on_object_end(size_t count, error_code&) {
    members_.clear();
    members_.reserve(count);
    Json* next = stack_.data() + (stack_.size() - 2 * count);
    for (size_t i = 0; i < count; ++i, next += 2) {
      members_.push_back({std::move(next[0]), std::move(next[1])});
    }
    return Replace(2 * count, Node::MakeObject(members_.data(), count));
  }

  bool on_string_part(BoostView part, size_t, error_code&) { return Keep(part); }
  bool on_string(BoostView part, size_t, error_code&) { return Push(Json(Finish(part))); }
  bool on_key_part(BoostView part, size_t, error_code&) { return Keep(part); }
  bool on_key(BoostView part, size_t, error_code&) { return Push(SharedKey(Finish(part))); }
  bool on_number_part(BoostView part, error_code&) { return Keep(part); }
  bool on_int64(int64_t, BoostView part, error_code& error) { return Number(part, error); }
  bool on_uint64(uint64_t, BoostView part, error_code& error) { return Number(part, error); }
  bool on_double(double, BoostView part, error_code& error) { return Number(part, error); }
  bool on_bool(bool value, error_code&) { return Push(Json(value)); }
  bool on_null(error_code&) { return Push(Json()); }

  Json TakeResult() { return std::move(stack_.back()); }

 private:
  bool Push(Json json) {
    stack_.push_back(std::move(json));
    return true;
  }

  bool Replace(size_t count, Json by) {
    stack_.resize(stack_.size() - count);
    return Push(std::move(by));
  }

  bool Keep(BoostView part) {
    parts_.append(part.data(), part.size());
    has_parts_ = true;
    return true;
  }

  // The token's whole text; valid until the next token.
  absl::string_view Finish(BoostView last) {
    if (!has_parts_) return absl::string_view(last.data(), last.size());
    parts_.append(last.data(), last.size());
    whole_.swap(parts_);
    parts_.clear();
    has_parts_ = false;
    return whole_;
  }

  bool Number(BoostView part, error_code& error) {
    std::optional<Json> number = ParseNumber(Finish(part));
    if (number.has_value()) return Push(*std::move(number));
    error = boost::json::make_error_code(boost::json::error::exponent_overflow);
    return false;
  }

  // Objects of one array mostly have the same keys, which then share their text.
  Json SharedKey(absl::string_view key) {
    constexpr size_t kSlots = 64;
    if (key.size() > 32) return Json(key);
    if (known_keys_.empty()) known_keys_.resize(kSlots);
    Json& known = known_keys_[absl::Hash<absl::string_view>()(key) % kSlots];
    if (known.is_null() || known.AsString() != key) known = Json(key);
    return known;
  }

  std::vector<Json> stack_;
  std::vector<JsonMember> members_;
  std::vector<Json> known_keys_;
  std::string parts_, whole_;
  bool has_parts_ = false;
};

std::string Describe(const error_code& code, int depth_max) {
  using Error = boost::json::error;
  if (code == Error::too_deep) return absl::StrCat("nesting deeper than ", depth_max);
  if (code == Error::incomplete) return "the text ends too early";
  if (code == Error::extra_data) return "text after the value";
  if (code == Error::exponent_overflow) return "a number that no double holds";
  if (code == Error::illegal_leading_surrogate || code == Error::illegal_trailing_surrogate ||
      code == Error::expected_utf16_escape) {
    return "half of a surrogate pair";
  }
  return code.message();
}

absl::Status Refusal(absl::string_view reason, size_t offset) {
  return absl::InvalidArgumentError(absl::StrCat("Not JSON: ", reason, " at byte ", offset, "."));
}

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}  // namespace

absl::StatusOr<Json> ParseJson(absl::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.text_bytes_max) {
    return absl::InvalidArgumentError(absl::StrCat(
        "The JSON text has ", text.size(), " bytes, more than ", limits.text_bytes_max, "."));
  }
  boost::json::parse_options options;
  options.max_depth = static_cast<size_t>(limits.depth_max);
  boost::json::basic_parser<Builder> parser(options);
  error_code error;
  size_t offset = parser.write_some(false, text.data(), text.size(), error);
  if (error) {
    return Refusal(Describe(error, limits.depth_max), offset);
  }
  while (offset < text.size() && IsSpace(text[offset])) ++offset;
  if (offset < text.size()) return Refusal("text after the value", offset);
  return parser.handler().TakeResult();
}

}  // namespace millrace
