#include "engine/json/node.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/json/make_array.h"

namespace millrace::json_internal {
namespace {

static_assert(sizeof(Json) == 16);
static_assert(sizeof(Node) % alignof(JsonMember) == 0);

// Deeper values are freed without recursion, which would use up the stack.
constexpr uint32_t kRecursionDepthMax = 256;

Node* Allocate(size_t payload_bytes) {
  return new (::operator new(sizeof(Node) + payload_bytes)) Node;
}

void Deallocate(Node* node) {
  node->~Node();
  ::operator delete(node);
}

template <typename Visit>
void ForEachChild(Json::Kind kind, Node* node, Visit visit) {
  if (kind == Json::Kind::kArray) {
    for (size_t i = 0; i < node->size; ++i) visit(&node->elements()[i]);
  } else if (kind == Json::Kind::kObject) {
    for (size_t i = 0; i < node->size; ++i) {
      visit(&node->members()[i].key);
      visit(&node->members()[i].value);
    }
  }
}

// Moves the children of deep nodes out before their parent goes, so that each node is freed with
// nothing deep below it.
void FreeDeep(Json::Kind kind, Node* node) {
  std::vector<Json> pending;
  const auto keep = [&pending](Json* child) {
    if (child->depth() > 0) pending.push_back(std::move(*child));
  };
  ForEachChild(kind, node, keep);
  ForEachChild(kind, node, [](Json* child) { child->~Json(); });
  Deallocate(node);
  while (!pending.empty()) {
    Json next = std::move(pending.back());
    pending.pop_back();
    Node* shared = Node::Of(next);
    // A count of one is ours, so that nobody else can be looking.
    if (shared->references.load(std::memory_order_acquire) == 1) {
      ForEachChild(next.kind(), shared, keep);
      shared->depth = 1;
    }
  }
}

}  // namespace

Json Node::MakeString(absl::string_view text) {
  Node* node = Allocate(text.size());
  node->size = text.size();
  if (!text.empty()) std::memcpy(node->bytes(), text.data(), text.size());
  return Wrap(Json::Kind::kString, node);
}

Json Node::MakeArray(Json* first, size_t count) {
  Node* node = Allocate(count * sizeof(Json));
  node->size = count;
  int depth = 0;
  for (size_t i = 0; i < count; ++i) {
    const Json* made = new (&node->elements()[i]) Json(std::move(first[i]));
    if (made->kind() >= Json::Kind::kArray) depth = std::max(depth, made->depth());
  }
  node->depth = static_cast<uint32_t>(depth + 1);
  return Wrap(Json::Kind::kArray, node);
}

Json Node::MakeArrayOf(size_t count, absl::FunctionRef<Json(size_t)> make) {
  Node* node = Allocate(count * sizeof(Json));
  node->depth = 1;
  Json array = Wrap(Json::Kind::kArray, node);  // frees what there is if `make` throws
  int depth = 0;
  for (; node->size < count; ++node->size) {
    const Json* made = new (&node->elements()[node->size]) Json(make(node->size));
    if (made->kind() >= Json::Kind::kArray) depth = std::max(depth, made->depth());
  }
  node->depth = static_cast<uint32_t>(depth + 1);
  return array;
}

Json Node::MakeObject(JsonMember* first, size_t count) {
  MILLRACE_CHECK(count < (uint64_t{1} << 32) - 1);
  count = RemoveDuplicates(first, count);
  Node* node = Allocate(count * sizeof(JsonMember));
  node->size = count;
  int depth = 0;
  for (size_t i = 0; i < count; ++i) {
    const JsonMember* made = new (&node->members()[i]) JsonMember(std::move(first[i]));
    if (made->value.kind() >= Json::Kind::kArray) depth = std::max(depth, made->value.depth());
  }
  node->depth = static_cast<uint32_t>(depth + 1);
  BuildIndex(node);
  return Wrap(Json::Kind::kObject, node);
}

void Node::Free(Json::Kind kind, Node* node) noexcept {
  if (node->depth > kRecursionDepthMax) return FreeDeep(kind, node);
  ForEachChild(kind, node, [](Json* child) { child->~Json(); });
  Deallocate(node);
}

}  // namespace millrace::json_internal

namespace millrace {

Json MakeJsonArray(size_t count, absl::FunctionRef<Json(size_t)> make) {
  return json_internal::Node::MakeArrayOf(count, make);
}

}  // namespace millrace
