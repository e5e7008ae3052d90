#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "engine/json/json.h"

namespace millrace::json_internal {

// What the copies of one string, array or object share: this header, and behind it, in the same
// allocation, the bytes, elements or members. Nothing but the counts changes once it is built.
struct Node : Shared {
  uint32_t depth = 0;
  size_t size = 0;
  std::atomic<size_t> text_size{0};   // 0: not yet known
  std::unique_ptr<uint64_t[]> index;  // of an object with many members, see object_index.cc
  size_t index_mask = 0;

  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  Json* elements() { return reinterpret_cast<Json*>(this + 1); }
  JsonMember* members() { return reinterpret_cast<JsonMember*>(this + 1); }

  static Node* Of(const Json& json) { return static_cast<Node*>(json.bits_.shared); }
  static Json Wrap(Json::Kind kind, Node* node) {
    Json json;
    json.kind_ = kind;
    json.bits_.shared = node;
    return json;
  }

  static uint64_t UintOf(const Json& json) { return json.bits_.uint_value; }

  static Json MakeString(absl::string_view text);
  // Each moves from the range it is given.
  static Json MakeArray(Json* first, size_t count);
  static Json MakeObject(JsonMember* first, size_t count);
  static Json MakeArrayOf(size_t count, absl::FunctionRef<Json(size_t)> make);

  // Frees a node whose last reference is gone, and all that it alone held.
  static void Free(Json::Kind kind, Node* node) noexcept;
};

// Objects with more members than this have an index.
inline constexpr size_t kScannedMembersMax = 16;

// Makes the keys unique: the last value wins, in the place of the first. Returns how many are left.
size_t RemoveDuplicates(JsonMember* members, size_t count);
void BuildIndex(Node* object);
const Json* FindMember(Node* object, absl::string_view key);

}  // namespace millrace::json_internal
