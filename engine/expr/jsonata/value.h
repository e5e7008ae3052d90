#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "absl/strings/string_view.h"
#include "engine/expr/jsonata/arena.h"
#include "engine/json/json.h"

namespace millrace::jsonata_internal {

struct Array;
struct Object;
struct Function;
struct Tuple;

enum class Kind : uint8_t {
  kUndefined,
  kNull,
  kBool,
  kNumber,
  kString,
  kArray,
  kObject,
  kFunction,
  kTuple,  // an element of a tuple stream; never seen by an expression
};

// What an expression works on: 16 bytes that own nothing. Strings, arrays and objects lie in the
// evaluation's arena or are borrowed from a Json that outlives the evaluation.
class Value {
 public:
  Value() = default;
  static Value Null() { return Value(Kind::kNull); }
  static Value Of(bool value) {
    Value made(Kind::kBool);
    made.bits_.boolean = value;
    return made;
  }
  static Value Of(double value) {
    Value made(Kind::kNumber);
    made.bits_.number = value;
    return made;
  }
  static Value Of(absl::string_view borrowed) {
    Value made(Kind::kString);
    made.size_ = static_cast<uint32_t>(borrowed.size());
    made.bits_.chars = borrowed.data();
    return made;
  }
  static Value Of(const char*) = delete;
  static Value Of(Array* array) {
    Value made(Kind::kArray);
    made.bits_.array = array;
    return made;
  }
  static Value Of(Object* object) {
    Value made(Kind::kObject);
    made.bits_.object = object;
    return made;
  }
  static Value Of(const Function* function) {
    Value made(Kind::kFunction);
    made.bits_.function = function;
    return made;
  }
  static Value Of(Tuple* tuple) {
    Value made(Kind::kTuple);
    made.bits_.tuple = tuple;
    return made;
  }
  // `json` is borrowed: it must stay where it is.
  static Value Borrow(const Json& json);

  Kind kind() const { return kind_; }
  bool is_undefined() const { return kind_ == Kind::kUndefined; }
  bool is_null() const { return kind_ == Kind::kNull; }
  bool is_bool() const { return kind_ == Kind::kBool; }
  bool is_number() const { return kind_ == Kind::kNumber; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_array() const { return kind_ == Kind::kArray; }
  bool is_object() const { return kind_ == Kind::kObject; }
  bool is_function() const { return kind_ == Kind::kFunction; }

  bool boolean() const { return bits_.boolean; }
  double number() const { return bits_.number; }
  absl::string_view text() const { return {bits_.chars, size_}; }
  const Function& function() const { return *bits_.function; }
  Tuple* tuple() const { return bits_.tuple; }
  // Arrays and objects are either borrowed or made, and strings perhaps all of a borrowed one.
  bool is_borrowed() const { return is_borrowed_; }
  const Json& json() const { return *bits_.json; }  // of an array or object
  Array* array() const { return is_borrowed_ ? nullptr : bits_.array; }
  Object* object() const { return is_borrowed_ ? nullptr : bits_.object; }

  // Of arrays, made ones only: the marks the language's rules ask for.
  bool is_sequence() const;
  bool is_tuple_stream() const;
  bool is_cons() const;

  // Of an array.
  size_t size() const;
  Value operator[](size_t index) const;
  // Of an object; undefined where it has no such member.
  Value Find(absl::string_view key) const;
  // How deep arrays and objects nest.
  int depth() const;
  // The very same array, object or function.
  bool IsIdenticalTo(const Value& other) const {
    return kind_ == other.kind_ && bits_.json == other.bits_.json;
  }

 private:
  explicit Value(Kind kind) : kind_(kind) {}

  Kind kind_ = Kind::kUndefined;
  bool is_borrowed_ = false;
  uint32_t size_ = 0;  // of a string
  union {
    bool boolean;
    double number;
    const char* chars;
    const Json* json;
    Array* array;
    Object* object;
    const Function* function;
    Tuple* tuple;
  } bits_ = {.json = nullptr};
};
static_assert(sizeof(Value) == 16 && std::is_trivially_copyable_v<Value>);

struct Array {
  Value* items = nullptr;
  uint32_t size = 0;
  uint32_t capacity = 0;
  int depth = 1;
  bool is_sequence = false;     // collected by a path or function: one element stands for itself
  bool keep_singleton = false;  // a sequence that stays an array even so
  bool is_cons = false;         // written as [...] in a path: not flattened into it
  bool is_tuple_stream = false;
  bool is_outer_wrapper = false;  // around an input that is an array
};

struct ObjectMember {
  absl::string_view key;
  Value value;
};

// Members in the order of insertion. With many of them, a table finds them by key.
struct Object {
  ObjectMember* members = nullptr;
  uint32_t size = 0;
  uint32_t capacity = 0;
  int depth = 1;
  uint32_t* table = nullptr;  // positions + 1 by hash; 0: free
  uint32_t table_mask = 0;
};

struct Frame;

// One row of a tuple stream: the context, and what `@`, `#` and `%` have bound on the way to it.
struct Tuple {
  Value context;
  Frame* frame = nullptr;
};

inline bool Value::is_sequence() const {
  return kind_ == Kind::kArray && !is_borrowed_ && bits_.array->is_sequence;
}
inline bool Value::is_tuple_stream() const {
  return kind_ == Kind::kArray && !is_borrowed_ && bits_.array->is_tuple_stream;
}
inline bool Value::is_cons() const {
  return kind_ == Kind::kArray && !is_borrowed_ && bits_.array->is_cons;
}
inline size_t Value::size() const { return is_borrowed_ ? bits_.json->size() : bits_.array->size; }
inline Value Value::operator[](size_t index) const {
  return is_borrowed_ ? Borrow(bits_.json->elements()[index]) : bits_.array->items[index];
}

// The number of members, and each of them in order.
size_t MemberCount(const Value& object);
ObjectMember MemberAt(const Value& object, size_t index);
const ObjectMember* FindMember(const Object& object, absl::string_view key);

// The array's `index`th; or for what is no array, undefined for all but 0, which is itself.
inline Value ItemOf(const Value& value, size_t index) {
  if (value.is_array()) return value[index];
  return value;
}
// How many items a value is when taken as a sequence: undefined is none.
inline size_t ItemCount(const Value& value) {
  if (value.is_array()) return value.size();
  return value.is_undefined() ? 0 : 1;
}

}  // namespace millrace::jsonata_internal
