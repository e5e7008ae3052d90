#include "engine/expr/jsonata/ancestry.h"

#include "engine/expr/jsonata/error.h"

namespace millrace::jsonata_internal {
namespace {

void SeekParent(Node* node, AncestorSlot* slot);

void SeekInPath(Node* path, AncestorSlot* slot) {
  path->is_tuple = true;
  size_t at = path->children.size();
  do {
    SeekParent(path->children[--at], slot);
  } while (slot->level > 0 && at > 0);
}

// Looks for the slot's ancestor in one step, and makes the step bind it if it is found.
void SeekParent(Node* node, AncestorSlot* slot) {
  switch (node->kind) {
    case NodeKind::kName:
    case NodeKind::kWildcard:
      if (--slot->level > 0) return;
      if (node->ancestor == nullptr) {
        node->ancestor = slot->parent;
      } else {
        slot->parent->name = node->ancestor->name;
      }
      node->is_tuple = true;
      return;
    case NodeKind::kParent:
      ++slot->level;
      return;
    case NodeKind::kBlock:
      if (node->children.empty()) return;
      node->is_tuple = true;
      return SeekParent(node->children.back(), slot);
    case NodeKind::kPath:
      return SeekInPath(node, slot);
    default:
      Fail({.code = "S0217", .position = node->position, .token = node->text});
  }
}

}  // namespace

void PushAncestry(Node* parent, const Node& child) {
  parent->seeking.insert(parent->seeking.end(), child.seeking.begin(), child.seeking.end());
  if (child.kind == NodeKind::kParent) parent->seeking.push_back(child.slot);
}

void ResolveAncestry(Node* path) {
  const std::vector<Node*>& steps = path->children;
  Node* last = steps.back();
  std::vector<AncestorSlot*> slots = last->seeking;
  if (last->kind == NodeKind::kParent) slots.push_back(last->slot);
  for (AncestorSlot* slot : slots) {
    size_t at = steps.size() - 1;
    while (slot->level > 0) {
      if (at == 0) {
        path->seeking.push_back(slot);
        break;
      }
      Node* step = steps[--at];
      // Steps that bind the focus stay where they are: of several in a row only the first counts.
      while (at > 0 && step->focus != kNoName && steps[at - 1]->focus != kNoName) {
        step = steps[--at];
      }
      SeekParent(step, slot);
    }
  }
}

void ResolvePredicateAncestry(Node* step, const Node& predicate) {
  for (AncestorSlot* slot : predicate.seeking) {
    if (slot->level == 1) {
      SeekParent(step, slot);
    } else {
      --slot->level;
    }
  }
  PushAncestry(step, predicate);
}

}  // namespace millrace::jsonata_internal
