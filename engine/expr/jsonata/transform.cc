#include <vector>

#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"

// `|location|update, delete|`: a function from a value to a copy of it, in which each object at the
// location is changed.

namespace millrace::jsonata_internal {

// A copy that shares no array or object with the original, and so can be changed.
Value Evaluation::Clone(const Value& value) {
  Step();
  if (value.is_array()) {
    Array* copy = NewArray(value.size());
    for (size_t i = 0; i < value.size(); ++i) Push(copy, Clone(value[i]));
    if (value.array() != nullptr) {
      copy->is_sequence = value.array()->is_sequence;
      copy->keep_singleton = value.array()->keep_singleton;
    }
    return Value::Of(copy);
  }
  if (!value.is_object()) return value;
  Object* copy = NewObject(MemberCount(value));
  for (size_t i = 0; i < MemberCount(value); ++i) {
    const ObjectMember member = MemberAt(value, i);
    Set(copy, member.key, Clone(member.value));
  }
  return Value::Of(copy);
}

Value Evaluation::ApplyTransform(const Function& function, const Value& input) {
  if (input.is_undefined()) return input;
  if (!input.is_object() && !input.is_array()) Fail({.code = "T0410", .index = 1});
  const Node& node = *function.node;
  const uint32_t clone = names_->Find("clone");
  if (clone != kNoName && !Lookup(clone, function.frame).is_function()) {
    Fail({.code = "T2013", .position = node.position});
  }
  const Value result = Clone(input);
  const Value matches = Evaluate(*node.left, result, function.frame);
  for (size_t i = 0; i < ItemCount(matches); ++i) {
    Update(node, ItemOf(matches, i), function.frame);
  }
  return result;
}

void Evaluation::Update(const Node& node, const Value& match, Frame* frame) {
  const Value update = Evaluate(*node.right, match, frame);
  if (!update.is_undefined() && !update.is_object()) {
    Fail({.code = "T2011", .position = node.right->position, .value = Describe(update)});
  }
  Object* object = match.is_object() ? match.object() : nullptr;
  if (update.is_object() && object != nullptr) {
    // A copy of the update, for what has been matched may be a part of it.
    const Value members = Clone(update);
    for (size_t i = 0; i < MemberCount(members); ++i) {
      const ObjectMember member = MemberAt(members, i);
      Set(object, member.key, member.value);
    }
  }
  if (node.otherwise == nullptr) return;
  const Value deletions = Evaluate(*node.otherwise, match, frame);
  std::vector<absl::string_view> keys;
  for (size_t i = 0; i < ItemCount(deletions); ++i) {
    const Value key = ItemOf(deletions, i);
    if (!key.is_string()) {
      Fail({.code = "T2012", .position = node.otherwise->position, .value = Describe(deletions)});
    }
    keys.push_back(key.text());
  }
  if (object != nullptr && !keys.empty()) Remove(object, keys);
}

}  // namespace millrace::jsonata_internal
