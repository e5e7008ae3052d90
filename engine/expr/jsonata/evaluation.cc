#include "engine/expr/jsonata/evaluation.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/text.h"
#include "engine/expr/jsonata/utf8.h"
#include "engine/json/make_array.h"

namespace millrace::jsonata_internal {
namespace {

// Looking at the clock costs as much as some ten steps.
constexpr int64_t kStepsPerLook = 4096;
// Shorter texts are copied.
constexpr size_t kGrowingTextBytesMin = 128;
constexpr size_t kPictureBytesMax = 4096;
constexpr uint32_t kScannedMembersMax = 12;

void BuildTable(Arena& arena, Object* object) {
  uint32_t slots = 4 * kScannedMembersMax;
  while (slots < 2 * object->capacity) slots *= 2;
  object->table = arena.NewArray<uint32_t>(slots);
  std::fill_n(object->table, slots, 0u);
  object->table_mask = slots - 1;
  for (uint32_t i = 0; i < object->size; ++i) {
    uint32_t slot =
        static_cast<uint32_t>(absl::HashOf(object->members[i].key)) & object->table_mask;
    while (object->table[slot] != 0) slot = (slot + 1) & object->table_mask;
    object->table[slot] = i + 1;
  }
}

Json TextToJson(absl::string_view text) {
  // The first byte of a surrogate, and of some more.
  return absl::StrContains(text, '\xED') ? Json(ReplaceSurrogates(text)) : Json(text);
}

// What reads back as the text that JavaScript makes of it, which is a whole number, too.
Json NumberToJson(double number) {
  if (std::trunc(number) != number) return Json(number);
  if (std::fabs(number) < 9007199254740992.0) return Json(static_cast<int64_t>(number));
  std::string text;
  AppendShortest(number, &text);
  int64_t whole;
  uint64_t natural;
  if (absl::SimpleAtoi(text, &whole)) return Json(whole);
  return absl::SimpleAtoi(text, &natural) ? Json(natural) : Json(number);
}

}  // namespace

Evaluation::Evaluation(const Program& program, const Settings& settings)
    : settings_(settings),
      arena_(settings.limits.memory_bytes_max),
      random_(settings.seed),
      steps_left_(settings.limits.steps_max),
      names_(&program.names),
      program_root_(*program.root),
      globals_(program.names.size()) {
  for (uint32_t name = 1; name < names_->size(); ++name) {
    if (const Function* function = (*names_)[name].function) globals_[name] = Value::Of(function);
  }
  if (settings.limits.deadline.has_value()) {
    deadline_ = absl::Now() + *settings.limits.deadline;
    steps_checkpoint_ = std::max<int64_t>(0, steps_left_ - kStepsPerLook);
  }
}

void Evaluation::BindGlobal(absl::string_view name, const Value& value) {
  const uint32_t number = names_->Find(name);
  if (number != kNoName) globals_[number] = value;
}

void Evaluation::Checkpoint() {
  if (steps_left_ < 0) {
    Fail({.code = "D1012", .text = absl::StrCat(settings_.limits.steps_max, " steps")});
  }
  steps_checkpoint_ = std::max<int64_t>(0, steps_left_ - kStepsPerLook);
  if (absl::Now() < deadline_) return;
  Fail({.code = "D1012",
        .text =
            absl::StrCat(absl::ToInt64Milliseconds(*settings_.limits.deadline), " milliseconds")});
}

void Evaluation::CheckDepth(int depth) const {
  if (depth > settings_.limits.depth_max) Fail("D1011");
}

void Evaluation::CheckStringSize(size_t bytes) const {
  if (bytes <= settings_.limits.string_bytes_max) return;
  Fail({.code = "D2016", .value = absl::StrCat(settings_.limits.string_bytes_max)});
}

void Evaluation::ChargePicture(absl::string_view picture) {
  if (picture.size() > kPictureBytesMax) {
    Fail({.code = "D2016", .value = absl::StrCat(kPictureBytesMax)});
  }
  Steps(picture.size() * picture.size() / 64);
}

Array* Evaluation::NewArray(size_t capacity) {
  auto* array = arena_.New<Array>();
  array->items = capacity == 0 ? nullptr : arena_.NewArray<Value>(capacity);
  array->capacity = static_cast<uint32_t>(capacity);
  return array;
}

Array* Evaluation::NewSequence(size_t capacity) {
  Array* array = NewArray(capacity);
  array->is_sequence = true;
  return array;
}

void Evaluation::PushSlowly(Array* array, Value value) {
  if (array->size == array->capacity) {
    if (array->size >= settings_.limits.sequence_max) {
      Fail({.code = "D2015", .value = absl::StrCat(settings_.limits.sequence_max)});
    }
    const auto room = static_cast<uint32_t>(settings_.limits.sequence_max - array->size);
    const uint32_t more = std::min(room, std::max<uint32_t>(4, array->capacity));
    const auto* end = reinterpret_cast<const char*>(array->items + array->capacity);
    if (array->capacity == 0 || !arena_.Extend(end, more * sizeof(Value))) {
      auto* items = arena_.NewArray<Value>(array->capacity + more);
      std::copy_n(array->items, array->size, items);
      array->items = items;
    }
    array->capacity += more;
  }
  array->items[array->size++] = value;
  if (value.kind() >= Kind::kArray) {
    array->depth = std::max(array->depth, value.depth() + 1);
    CheckDepth(array->depth);
  }
}

void Evaluation::PushAll(Array* array, const Value& value) {
  if (value.is_undefined()) return;
  if (!value.is_array()) return Push(array, value);
  const size_t size = value.size();
  Steps(size / 8);
  for (size_t i = 0; i < size; ++i) Push(array, value[i]);
}

Value Evaluation::Append(const Value& a, const Value& b) {
  if (a.is_undefined()) return b;
  if (b.is_undefined()) return a;
  if (!a.is_array() || a.array() == nullptr) {
    Array* joined = NewArray();
    PushAll(joined, a);
    PushAll(joined, b);
    return Value::Of(joined);
  }
  // The elements lie where those of `a` do, if there is room behind them, which `a` gives up. So
  // that building an array piece by piece takes no more memory than a few times its end result.
  Array* front = a.array();
  if (front->capacity - front->size < ItemCount(b)) front = Grow(*front, ItemCount(b));
  Array* joined = NewArray();
  joined->items = front->items;
  joined->size = front->size;
  joined->capacity = std::exchange(front->capacity, front->size);
  joined->depth = front->depth;
  PushAll(joined, b);
  return Value::Of(joined);
}

// A copy with room for `more` elements, and for as many again.
Array* Evaluation::Grow(const Array& array, size_t more) {
  const size_t size = array.size;
  if (size + more > settings_.limits.sequence_max) {
    Fail({.code = "D2015", .value = absl::StrCat(settings_.limits.sequence_max)});
  }
  Steps(size / 8);
  Array* grown = NewArray(std::min(2 * (size + more), settings_.limits.sequence_max));
  std::copy_n(array.items, size, grown->items);
  grown->size = array.size;
  grown->depth = array.depth;
  return grown;
}

Object* Evaluation::NewObject(size_t capacity) {
  auto* object = arena_.New<Object>();
  object->members = capacity == 0 ? nullptr : arena_.NewArray<ObjectMember>(capacity);
  object->capacity = static_cast<uint32_t>(capacity);
  return object;
}

void Evaluation::Set(Object* object, absl::string_view key, const Value& value) {
  if (value.kind() >= Kind::kArray) {
    object->depth = std::max(object->depth, value.depth() + 1);
    CheckDepth(object->depth);
  }
  if (const ObjectMember* found = FindMember(*object, key)) {
    object->members[found - object->members].value = value;
    return;
  }
  if (object->size == object->capacity) {
    const uint32_t capacity = std::max<uint32_t>(4, 2 * object->capacity);
    auto* members = arena_.NewArray<ObjectMember>(capacity);
    std::copy_n(object->members, object->size, members);
    object->members = members;
    object->capacity = capacity;
    object->table = nullptr;
  }
  object->members[object->size++] = {.key = key, .value = value};
  if (object->size <= kScannedMembersMax) return;
  if (object->table == nullptr) return BuildTable(arena_, object);
  uint32_t slot = static_cast<uint32_t>(absl::HashOf(key)) & object->table_mask;
  while (object->table[slot] != 0) slot = (slot + 1) & object->table_mask;
  object->table[slot] = object->size;
}

void Evaluation::Remove(Object* object, absl::Span<const absl::string_view> keys) {
  const absl::flat_hash_set<absl::string_view> removed(keys.begin(), keys.end());
  ObjectMember* const end = object->members + object->size;
  Steps(keys.size() + object->size / 8);
  object->size = static_cast<uint32_t>(
      std::remove_if(object->members, end,
                     [&](const ObjectMember& member) { return removed.contains(member.key); }) -
      object->members);
  object->table = nullptr;
  if (object->size > kScannedMembersMax) BuildTable(arena_, object);
}

int Evaluation::CompareTexts(absl::string_view a, absl::string_view b) {
  ChargeBytes(std::min(a.size(), b.size()));
  return CompareText(a, b);
}

Value Evaluation::Text(absl::string_view text) {
  CheckStringSize(text.size());
  char* chars = arena_.AllocateText(text.size());
  std::copy(text.begin(), text.end(), chars);
  return Value::Of(absl::string_view(chars, text.size()));
}

// A text that has been made longer before is so again in its place, so that building one piece by
// piece takes no more memory than a few times its end result.
Value Evaluation::Concatenate(absl::string_view a, absl::string_view b) {
  if (b.empty()) return Value::Of(a);
  const size_t size = a.size() + b.size();
  CheckStringSize(size);
  Steps(b.size() / 4096);
  if (a.size() < kGrowingTextBytesMin) {
    char* copy = arena_.AllocateText(size);
    std::copy(b.begin(), b.end(), std::copy(a.begin(), a.end(), copy));
    return Value::Of(absl::string_view(copy, size));
  }
  const auto grows = [&](const GrowingText& text) {
    return text.end == a.data() + a.size() &&
           b.size() <= static_cast<size_t>(text.limit - text.end);
  };
  auto* growing = std::find_if(std::begin(growing_texts_), std::end(growing_texts_), grows);
  char* chars = const_cast<char*>(a.data());
  if (growing == std::end(growing_texts_)) {
    Steps(a.size() / 4096);
    growing = &growing_texts_[next_growing_text_++ % std::size(growing_texts_)];
    const size_t room = std::min(2 * size, settings_.limits.string_bytes_max);
    chars = arena_.AllocateText(room);
    std::copy(a.begin(), a.end(), chars);
    *growing = {.end = chars + a.size(), .limit = chars + room};
  }
  growing->end = std::copy(b.begin(), b.end(), growing->end);
  return Value::Of(absl::string_view(chars, size));
}

Value Evaluation::Keep(Json json) { return Value::Borrow(kept_.emplace_back(std::move(json))); }

const Function* Evaluation::NewFunction(const Function& function) {
  Capture(function.frame);
  return arena_.New<Function>(function);
}

bool Evaluation::AreEqual(const Value& a, const Value& b) {
  Step();
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kBool:
      return a.boolean() == b.boolean();
    case Kind::kNumber:
      return a.number() == b.number();
    case Kind::kString:
      if (a.text().size() != b.text().size()) return false;
      ChargeBytes(a.text().size());
      return a.text() == b.text();
    case Kind::kArray:
      if (a.IsIdenticalTo(b)) return true;
      if (a.size() != b.size()) return false;
      for (size_t i = 0; i < a.size(); ++i) {
        if (!AreEqual(a[i], b[i])) return false;
      }
      return true;
    case Kind::kObject:
      if (a.IsIdenticalTo(b)) return true;
      if (MemberCount(a) != MemberCount(b)) return false;
      for (size_t i = 0; i < MemberCount(a); ++i) {
        const ObjectMember member = MemberAt(a, i);
        const Value other = b.Find(member.key);
        if (other.is_undefined() || !AreEqual(member.value, other)) return false;
      }
      return true;
    case Kind::kFunction:
      return a.IsIdenticalTo(b);
    default:
      return true;
  }
}

// Objects made at one place have the very same keys, which then are one string.
Json Evaluation::KeyToJson(absl::string_view key) {
  const size_t slot = (reinterpret_cast<uintptr_t>(key.data()) >> 3) % std::size(printed_keys_);
  PrintedKey& printed = printed_keys_[slot];
  const bool is_same = printed.json.is_string() && printed.key.data() == key.data() &&
                       printed.key.size() == key.size();
  if (!is_same) {
    arena_.Charge(key.size());
    printed = {.key = key, .json = TextToJson(key)};
  }
  return printed.json;
}

// What has no place in JSON is left out of objects, and null in arrays.
Json Evaluation::ToJson(const Value& value) {
  switch (value.kind()) {
    case Kind::kBool:
      return Json(value.boolean());
    case Kind::kNumber: {
      const double number = value.number();
      if (!std::isfinite(number)) Fail({.code = "D1001", .value = Describe(value)});
      return NumberToJson(number);
    }
    case Kind::kString:
      if (value.is_borrowed()) return Json::ShareString(value.text());
      arena_.Charge(value.text().size());
      return TextToJson(value.text());
    case Kind::kArray: {
      if (value.is_borrowed()) return value.json();
      Steps(value.size() / 8);
      arena_.Charge(sizeof(Value) * value.size() + 32);
      return MakeJsonArray(value.size(), [this, &value](size_t i) {
        const Value element = value[i];
        const bool is_shared = element.is_string() && element.is_borrowed();
        return is_shared ? Json::ShareString(element.text()) : ToJson(element);
      });
    }
    case Kind::kObject: {
      if (value.is_borrowed()) return value.json();
      arena_.Charge(sizeof(JsonMember) * MemberCount(value) + 32);
      std::vector<JsonMember> members;
      members.reserve(MemberCount(value));
      for (size_t i = 0; i < MemberCount(value); ++i) {
        const ObjectMember member = MemberAt(value, i);
        if (member.value.is_undefined() || member.value.is_function()) continue;
        members.push_back({KeyToJson(member.key), ToJson(member.value)});
      }
      return Json::Object(std::move(members));
    }
    case Kind::kTuple:
      return ToJson(value.tuple()->context);
    default:
      return Json();
  }
}

}  // namespace millrace::jsonata_internal
