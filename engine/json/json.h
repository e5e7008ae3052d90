#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace millrace {

struct JsonMember;
namespace json_internal {
struct Node;
// What every Node begins with.
struct Shared {
  std::atomic<uint32_t> references{1};
};
}  // namespace json_internal

// An immutable JSON value of 16 bytes. Copies share their arrays, objects and strings through an
// atomic count, so passing a value on costs nothing, and With() copies only the level it changes.
// Integers of 64 bits are exact, signed or unsigned; all other numbers are the nearest double,
// and finite. Objects keep the order of insertion. Strings are UTF-8. Thread-safe like an int.
class Json {
 public:
  enum class Kind : uint8_t { kNull, kBool, kInt, kUint, kDouble, kString, kArray, kObject };

  Json() : kind_(Kind::kNull), bits_{.int_value = 0} {}
  explicit Json(bool value);
  explicit Json(int64_t value);
  explicit Json(int value) : Json(static_cast<int64_t>(value)) {}
  explicit Json(uint64_t value);  // kInt where it fits
  explicit Json(double value);    // MILLRACE_CHECKs that it is finite
  explicit Json(absl::string_view value);
  explicit Json(const std::string& value) : Json(absl::string_view(value)) {}
  explicit Json(const char* value) : Json(absl::string_view(value)) {}
  static Json Array(std::vector<Json> elements = {});
  // Of members with one key the last wins, in the place of the first.
  static Json Object();
  static Json Object(std::vector<JsonMember> members);
  static Json Object(std::initializer_list<std::pair<absl::string_view, Json>> members);

  // The string that `text` is all of, as its AsString() gave it: shared, not copied.
  static Json ShareString(absl::string_view text);

  Json(const Json& other) : kind_(other.kind_), bits_(other.bits_) {
    if (is_shared()) AddReference();
  }
  Json(Json&& other) noexcept : kind_(other.kind_), bits_(other.bits_) {
    other.kind_ = Kind::kNull;
  }
  Json& operator=(const Json& other) { return IsIdenticalTo(other) ? *this : *this = Json(other); }
  Json& operator=(Json&& other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(bits_, other.bits_);
    return *this;
  }
  ~Json() {
    if (is_shared()) Release();
  }

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::kNull; }
  bool is_bool() const { return kind_ == Kind::kBool; }
  bool is_number() const {
    return kind_ == Kind::kInt || kind_ == Kind::kUint || kind_ == Kind::kDouble;
  }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_array() const { return kind_ == Kind::kArray; }
  bool is_object() const { return kind_ == Kind::kObject; }

  // Each MILLRACE_CHECKs the kind.
  bool AsBool() const;
  absl::string_view AsString() const;
  double AsDouble() const;  // any number
  absl::Span<const Json> elements() const;
  absl::Span<const JsonMember> members() const;

  // The number as an integer, if it is one, also when written as 3.0.
  std::optional<int64_t> ToInt64() const;
  // Elements or members; 0 for all else.
  size_t size() const;
  // How deep arrays and objects nest: 0 for a scalar, 1 for [] and {}. Known without a walk. What
  // ParseJson is to read back must stay within its depth_max.
  int depth() const;
  // The member's value, or nullptr; also for what is no object.
  const Json* Find(absl::string_view key) const;

  // This object with `key` set; or, for an array, with element `index` replaced.
  Json With(absl::string_view key, Json value) const;
  Json WithElement(size_t index, Json value) const;

  // The bytes of the compact text; kept with arrays and objects after the first call.
  size_t TextSize() const;
  std::string ToText() const;               // compact
  std::string ToPrettyText() const;         // two spaces
  void AppendText(std::string* out) const;  // compact

  // The same shared value, found without comparing contents. Equal scalars are identical.
  bool IsIdenticalTo(const Json& other) const {
    if (kind_ != other.kind_ || kind_ == Kind::kNull) return kind_ == other.kind_;
    if (kind_ == Kind::kBool) return bits_.bool_value == other.bits_.bool_value;
    return bits_.uint_value == other.bits_.uint_value;  // equal doubles have equal bits
  }
  // Numbers compare by value, objects without order.
  friend bool operator==(const Json& a, const Json& b);

 private:
  friend struct json_internal::Node;
  bool is_shared() const { return kind_ >= Kind::kString; }
  void AddReference() const { bits_.shared->references.fetch_add(1, std::memory_order_relaxed); }
  void Release() noexcept;

  Kind kind_;
  union {
    bool bool_value;
    int64_t int_value;
    uint64_t uint_value;
    double double_value;
    json_internal::Shared* shared;
  } bits_;
};

struct JsonMember {
  Json key;  // a string
  Json value;
};

// Two numbers by value: -1, 0 or 1.
int CompareNumbers(const Json& a, const Json& b);

struct JsonLimits {
  size_t text_bytes_max = 16u << 20;
  int depth_max = 128;
};

// Parses one JSON text (RFC 8259). The error is INVALID_ARGUMENT and names the rule and the byte
// offset: broken UTF-8, nesting over the limit, a number that no double holds (1e400), text after
// the value. Of duplicate keys the last wins, in the place of the first. -0 is 0.
absl::StatusOr<Json> ParseJson(absl::string_view text, const JsonLimits& limits = {});

// Shortest text that reads back as the same double: 0.1, 1e+300, 15. Without an exponent from 1e-6
// to below 1e+21.
void AppendJsonNumber(double value, std::string* out);
void AppendJsonString(absl::string_view text, std::string* out);

}  // namespace millrace
