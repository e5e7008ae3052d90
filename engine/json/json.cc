#include "engine/json/json.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "engine/base/check.h"
#include "engine/json/node.h"

namespace millrace {

using json_internal::Node;

namespace {

constexpr double kTwoTo63 = 9223372036854775808.0;
constexpr double kTwoTo64 = 18446744073709551616.0;

using Pairs = absl::InlinedVector<std::pair<const Json*, const Json*>, 16>;

bool NumbersEqual(const Json& a, const Json& b) {
  if (a.kind() == b.kind()) return a.IsIdenticalTo(b);
  if (a.kind() != Json::Kind::kDouble && b.kind() != Json::Kind::kDouble) return false;
  const double value = a.kind() == Json::Kind::kDouble ? a.AsDouble() : b.AsDouble();
  const Json& integer = a.kind() == Json::Kind::kDouble ? b : a;
  if (std::trunc(value) != value) return false;
  if (value >= -kTwoTo63 && value < kTwoTo63) {
    return integer.IsIdenticalTo(Json(static_cast<int64_t>(value)));
  }
  if (value < 0 || value >= kTwoTo64) return false;
  return integer.IsIdenticalTo(Json(static_cast<uint64_t>(value)));
}

// Whether two values agree in all but their children, which it adds to `pending`.
bool AgreesOutside(const Json& a, const Json& b, Pairs* pending) {
  if (a.is_number() && b.is_number()) return NumbersEqual(a, b);
  if (a.kind() != b.kind() || a.size() != b.size()) return false;
  if (a.IsIdenticalTo(b)) return true;
  if (a.is_string()) return a.AsString() == b.AsString();
  if (a.is_array()) {
    for (size_t i = 0; i < a.size(); ++i) pending->emplace_back(&a.elements()[i], &b.elements()[i]);
    return true;
  }
  if (!a.is_object()) return false;
  for (const JsonMember& member : a.members()) {
    const Json* other = b.Find(member.key.AsString());
    if (other == nullptr) return false;
    pending->emplace_back(&member.value, other);
  }
  return true;
}

}  // namespace

Json::Json(bool value) : kind_(Kind::kBool), bits_{.int_value = 0} { bits_.bool_value = value; }
Json::Json(int64_t value) : kind_(Kind::kInt), bits_{.int_value = value} {}
Json::Json(uint64_t value) : kind_(Kind::kUint), bits_{.uint_value = value} {
  if (value > static_cast<uint64_t>(INT64_MAX)) return;
  kind_ = Kind::kInt;
  bits_.int_value = static_cast<int64_t>(value);
}

Json::Json(double value) : kind_(Kind::kDouble), bits_{.double_value = value} {
  MILLRACE_CHECK(std::isfinite(value));
  if (value == 0) bits_.double_value = 0;  // -0 is 0
}

Json::Json(absl::string_view value) : Json(Node::MakeString(value)) {}

Json Json::ShareString(absl::string_view text) {
  Node* node = reinterpret_cast<Node*>(const_cast<char*>(text.data())) - 1;
  Json shared = Node::Wrap(Kind::kString, node);
  shared.AddReference();
  return shared;
}

Json Json::Array(std::vector<Json> elements) {
  return Node::MakeArray(elements.data(), elements.size());
}

Json Json::Object() { return Node::MakeObject(nullptr, 0); }

Json Json::Object(std::vector<JsonMember> members) {
  for (const JsonMember& member : members) MILLRACE_CHECK(member.key.is_string());
  return Node::MakeObject(members.data(), members.size());
}

Json Json::Object(std::initializer_list<std::pair<absl::string_view, Json>> members) {
  std::vector<JsonMember> made;
  made.reserve(members.size());
  for (const auto& [key, value] : members) made.push_back({Json(key), value});
  return Node::MakeObject(made.data(), made.size());
}

void Json::Release() noexcept {
  // Who holds the only reference needs no atomic write to drop it.
  Node* node = Node::Of(*this);
  if (node->references.load(std::memory_order_acquire) == 1 ||
      node->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    Node::Free(kind_, node);
  }
}

bool Json::AsBool() const {
  MILLRACE_CHECK(is_bool());
  return bits_.bool_value;
}

absl::string_view Json::AsString() const {
  MILLRACE_CHECK(is_string());
  return absl::string_view(Node::Of(*this)->bytes(), Node::Of(*this)->size);
}

double Json::AsDouble() const {
  MILLRACE_CHECK(is_number());
  if (kind_ == Kind::kInt) return static_cast<double>(bits_.int_value);
  if (kind_ == Kind::kUint) return static_cast<double>(bits_.uint_value);
  return bits_.double_value;
}

absl::Span<const Json> Json::elements() const {
  MILLRACE_CHECK(is_array());
  return absl::MakeConstSpan(Node::Of(*this)->elements(), Node::Of(*this)->size);
}

absl::Span<const JsonMember> Json::members() const {
  MILLRACE_CHECK(is_object());
  return absl::MakeConstSpan(Node::Of(*this)->members(), Node::Of(*this)->size);
}

std::optional<int64_t> Json::ToInt64() const {
  if (kind_ == Kind::kInt) return bits_.int_value;
  if (kind_ != Kind::kDouble) return std::nullopt;
  const double value = bits_.double_value;
  if (std::trunc(value) != value || value < -kTwoTo63 || value >= kTwoTo63) return std::nullopt;
  return static_cast<int64_t>(value);
}

size_t Json::size() const { return kind_ >= Kind::kArray ? Node::Of(*this)->size : 0; }

int Json::depth() const {
  return kind_ >= Kind::kArray ? static_cast<int>(Node::Of(*this)->depth) : 0;
}

const Json* Json::Find(absl::string_view key) const {
  return is_object() ? json_internal::FindMember(Node::Of(*this), key) : nullptr;
}

Json Json::With(absl::string_view key, Json value) const {
  std::vector<JsonMember> copy;
  copy.reserve(size() + 1);
  copy.assign(members().begin(), members().end());
  if (const Json* old = Find(key)) {
    // Both are offsets into members of the same layout.
    const auto position = reinterpret_cast<const JsonMember*>(reinterpret_cast<const char*>(old) -
                                                              offsetof(JsonMember, value)) -
                          members().data();
    copy[static_cast<size_t>(position)].value = std::move(value);
  } else {
    copy.push_back({Json(key), std::move(value)});
  }
  return Node::MakeObject(copy.data(), copy.size());
}

Json Json::WithElement(size_t index, Json value) const {
  MILLRACE_CHECK(index < elements().size());
  std::vector<Json> copy(elements().begin(), elements().end());
  copy[index] = std::move(value);
  return Node::MakeArray(copy.data(), copy.size());
}

bool operator==(const Json& a, const Json& b) {
  if (a.kind() < Json::Kind::kArray || b.kind() < Json::Kind::kArray) {
    return AgreesOutside(a, b, nullptr);  // there are no children
  }
  Pairs pending;
  pending.emplace_back(&a, &b);
  while (!pending.empty()) {
    const auto [left, right] = pending.back();
    pending.pop_back();
    if (!AgreesOutside(*left, *right, &pending)) return false;
  }
  return true;
}

int CompareNumbers(const Json& a, const Json& b) {
  if (a.kind() == Json::Kind::kInt && b.kind() == Json::Kind::kInt) {
    const int64_t left = *a.ToInt64();
    const int64_t right = *b.ToInt64();
    return left < right ? -1 : (left > right ? 1 : 0);
  }
  if (a == b) return 0;
  if (a.kind() == Json::Kind::kUint && b.kind() == Json::Kind::kUint) {
    return Node::UintOf(a) < Node::UintOf(b) ? -1 : 1;
  }
  // Of the other pairs, only integers beyond 53 bits next to a double can round to the same.
  return a.AsDouble() < b.AsDouble() ? -1 : 1;
}

}  // namespace millrace
