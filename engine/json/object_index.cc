#include <cstring>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"
#include "engine/json/member_finder.h"
#include "engine/json/node.h"

// An index is an open hash table of a power of two slots, at most half full. A slot holds the upper
// half of the key's hash and, below it, the member's position plus one; 0 is a free slot.
// absl::Hash is seeded per process, so nobody can choose keys that collide.
namespace millrace::json_internal {
namespace {

constexpr uint64_t kPositionMask = 0xffffffffu;

bool SameText(const Json& key, absl::string_view text) {
  Node* node = Node::Of(key);
  return node->size == text.size() && std::memcmp(node->bytes(), text.data(), text.size()) == 0;
}

uint64_t HashOf(absl::string_view text) { return absl::Hash<absl::string_view>()(text); }

size_t SlotsFor(size_t count) {
  size_t slots = 32;
  while (slots < 2 * count) slots *= 2;
  return slots;
}

// The slot where `text` is, or else the free slot where it belongs.
uint64_t* FindSlot(uint64_t* slots, size_t mask, uint64_t hash, const JsonMember* members,
                   absl::string_view text) {
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const uint64_t slot = slots[at];
    if (slot == 0) return &slots[at];
    if (((slot ^ hash) & ~kPositionMask) != 0) continue;
    if (SameText(members[(slot & kPositionMask) - 1].key, text)) return &slots[at];
  }
}

uint64_t MakeSlot(uint64_t hash, size_t position) {
  return (hash & ~kPositionMask) | (position + 1);
}

size_t RemoveDuplicatesOfFew(JsonMember* members, size_t count) {
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i) {
    const absl::string_view key = members[i].key.AsString();
    size_t first = 0;
    while (first < kept && !SameText(members[first].key, key)) ++first;
    if (first < kept) {
      members[first].value = std::move(members[i].value);
      continue;
    }
    if (kept != i) members[kept] = std::move(members[i]);
    ++kept;
  }
  return kept;
}

}  // namespace

size_t RemoveDuplicates(JsonMember* members, size_t count) {
  if (count <= kScannedMembersMax) return RemoveDuplicatesOfFew(members, count);
  std::vector<uint64_t> slots(SlotsFor(count));
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i) {
    const absl::string_view key = members[i].key.AsString();
    const uint64_t hash = HashOf(key);
    uint64_t* slot = FindSlot(slots.data(), slots.size() - 1, hash, members, key);
    if (*slot != 0) {
      members[(*slot & kPositionMask) - 1].value = std::move(members[i].value);
      continue;
    }
    if (kept != i) members[kept] = std::move(members[i]);
    *slot = MakeSlot(hash, kept);
    ++kept;
  }
  return kept;
}

void BuildIndex(Node* object) {
  if (object->size <= kScannedMembersMax) return;
  const size_t slots = SlotsFor(object->size);
  object->index = std::make_unique<uint64_t[]>(slots);
  object->index_mask = slots - 1;
  const JsonMember* members = object->members();
  for (size_t i = 0; i < object->size; ++i) {
    const absl::string_view key = members[i].key.AsString();
    const uint64_t hash = HashOf(key);
    *FindSlot(object->index.get(), object->index_mask, hash, members, key) = MakeSlot(hash, i);
  }
}

const Json* FindMember(Node* object, absl::string_view key) {
  JsonMember* members = object->members();
  if (object->index == nullptr) {
    for (size_t i = 0; i < object->size; ++i) {
      if (SameText(members[i].key, key)) return &members[i].value;
    }
    return nullptr;
  }
  const uint64_t slot =
      *FindSlot(object->index.get(), object->index_mask, HashOf(key), members, key);
  return slot == 0 ? nullptr : &members[(slot & kPositionMask) - 1].value;
}

}  // namespace millrace::json_internal

namespace millrace {

using json_internal::Node;

const Json* MemberFinder::FindIn(const Json& object) {
  if (!object.is_object()) return nullptr;
  Node* node = Node::Of(object);
  const JsonMember* members = node->members();
  if (place_ < node->size && json_internal::SameText(members[place_].key, key_)) {
    return &members[place_].value;
  }
  const Json* found = json_internal::FindMember(node, key_);
  if (found != nullptr) {
    // Both are offsets into members of the same layout.
    const size_t bytes = static_cast<size_t>(reinterpret_cast<const char*>(found) -
                                             reinterpret_cast<const char*>(members));
    place_ = bytes / sizeof(JsonMember);
  }
  return found;
}

}  // namespace millrace
