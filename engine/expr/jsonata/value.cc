#include "engine/expr/jsonata/value.h"

#include "absl/hash/hash.h"

namespace millrace::jsonata_internal {

Value Value::Borrow(const Json& json) {
  if (json.is_string()) {  // which most are
    Value made = Of(json.AsString());
    made.is_borrowed_ = true;
    return made;
  }
  switch (json.kind()) {
    case Json::Kind::kNull:
      return Null();
    case Json::Kind::kBool:
      return Of(json.AsBool());
    case Json::Kind::kArray:
    case Json::Kind::kObject: {
      Value made(json.is_array() ? Kind::kArray : Kind::kObject);
      made.is_borrowed_ = true;
      made.bits_.json = &json;
      return made;
    }
    default:
      return Of(json.AsDouble());
  }
}

Value Value::Find(absl::string_view key) const {
  if (is_borrowed_) {
    const Json* found = bits_.json->Find(key);
    return found == nullptr ? Value() : Borrow(*found);
  }
  const ObjectMember* found = FindMember(*bits_.object, key);
  return found == nullptr ? Value() : found->value;
}

int Value::depth() const {
  if (kind_ != Kind::kArray && kind_ != Kind::kObject) return 0;
  if (is_borrowed_) return bits_.json->depth();
  return kind_ == Kind::kArray ? bits_.array->depth : bits_.object->depth;
}

size_t MemberCount(const Value& object) {
  return object.is_borrowed() ? object.json().size() : object.object()->size;
}

ObjectMember MemberAt(const Value& object, size_t index) {
  if (!object.is_borrowed()) return object.object()->members[index];
  const JsonMember& member = object.json().members()[index];
  return {.key = member.key.AsString(), .value = Value::Borrow(member.value)};
}

const ObjectMember* FindMember(const Object& object, absl::string_view key) {
  if (object.table == nullptr) {
    for (uint32_t i = 0; i < object.size; ++i) {
      if (object.members[i].key == key) return &object.members[i];
    }
    return nullptr;
  }
  uint32_t slot = static_cast<uint32_t>(absl::HashOf(key)) & object.table_mask;
  while (object.table[slot] != 0) {
    const ObjectMember& member = object.members[object.table[slot] - 1];
    if (member.key == key) return &member;
    slot = (slot + 1) & object.table_mask;
  }
  return nullptr;
}

}  // namespace millrace::jsonata_internal
