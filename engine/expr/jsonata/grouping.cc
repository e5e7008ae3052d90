#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"

// `{key: value, ...}`, alone as an object and behind a path as a grouping: the items with the same
// key are the context of that key's value.

namespace millrace::jsonata_internal {
namespace {

struct Group {
  absl::string_view key;
  size_t pair = 0;
  Value items;            // the only one
  Array* many = nullptr;  // or several
};

// With its place in the table that finds it by its key.
constexpr size_t kBytesPerGroup = 2 * sizeof(Group);

class Groups {
 public:
  explicit Groups(size_t expected) { groups_.reserve(expected); }

  Group* FindOrAdd(absl::string_view key, bool* is_new) {
    *is_new = false;
    if (groups_.size() < kScannedMax) {
      for (Group& group : groups_) {
        if (group.key == key) return &group;
      }
    } else {
      if (positions_.empty()) {
        for (size_t i = 0; i < groups_.size(); ++i) positions_[groups_[i].key] = i;
      }
      const auto found = positions_.find(key);
      if (found != positions_.end()) return &groups_[found->second];
      positions_[key] = groups_.size();
    }
    *is_new = true;
    groups_.push_back({.key = key});
    return &groups_.back();
  }
  const std::vector<Group>& all() const { return groups_; }

 private:
  static constexpr size_t kScannedMax = 12;

  std::vector<Group> groups_;
  absl::flat_hash_map<absl::string_view, size_t> positions_;
};

}  // namespace

// One tuple of several: what they bind to a name becomes one sequence.
Tuple* Evaluation::ReduceRows(const Value& rows, Frame* frame) {
  if (!rows.is_array()) return rows.tuple();
  const Tuple& first = *rows[0].tuple();
  Tuple* reduced = NewTuple(first.context, first.frame, frame);
  for (size_t i = 1; i < rows.size(); ++i) {
    const Tuple& row = *rows[i].tuple();
    reduced->context = Append(reduced->context, row.context);
    for (uint32_t j = 0; j < row.frame->size; ++j) {
      const Binding& binding = row.frame->bindings[j];
      Value before;
      for (uint32_t k = 0; k < reduced->frame->size; ++k) {
        if (reduced->frame->bindings[k].name == binding.name) {
          before = reduced->frame->bindings[k].value;
        }
      }
      Bind(reduced->frame, binding.name, Append(before, binding.value));
    }
  }
  return reduced;
}

Value Evaluation::EvaluateGrouping(const std::vector<Node*>& pairs, size_t position,
                                   const Value& input, Frame* frame) {
  const bool has_rows = input.is_tuple_stream();
  if (has_rows && input.size() == 0) return Value::Of(NewObject());
  Groups groups(pairs.size() / 2);
  // Nothing is one item, too, or there would be no object at all.
  const size_t count = input.is_array() && input.size() > 0 ? input.size() : 1;
  for (size_t i = 0; i < count; ++i) {
    const Value item = input.is_array() ? (input.size() > 0 ? input[i] : Value()) : input;
    for (size_t pair = 0; pair < pairs.size(); pair += 2) {
      const Value key = Evaluate(*pairs[pair], has_rows ? item.tuple()->context : item,
                                 has_rows ? item.tuple()->frame : frame);
      if (key.is_undefined()) continue;
      if (!key.is_string()) {
        Fail({.code = "T1003", .position = position, .value = Describe(key)});
      }
      bool is_new;
      Group* group = groups.FindOrAdd(key.text(), &is_new);
      if (is_new) {
        arena_.Charge(kBytesPerGroup);
        group->pair = pair;
        group->items = item;
        continue;
      }
      if (group->pair != pair) {
        Fail({.code = "D1009", .position = position, .value = Describe(key)});
      }
      if (group->many == nullptr) {
        group->many = NewArray(4);
        PushAll(group->many, group->items);
        group->items = Value::Of(group->many);
      }
      PushAll(group->many, item);
    }
  }
  Object* object = NewObject(groups.all().size());
  for (const Group& group : groups.all()) {
    Value context = group.items;
    Frame* scope = frame;
    if (has_rows) {
      const Tuple* tuple = ReduceRows(context, frame);
      context = tuple->context;
      scope = tuple->frame;
    }
    const Value value = Evaluate(*pairs[group.pair + 1], context, scope);
    if (!value.is_undefined()) Set(object, group.key, value);
  }
  return Value::Of(object);
}

}  // namespace millrace::jsonata_internal
