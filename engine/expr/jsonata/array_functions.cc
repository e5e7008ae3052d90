#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "engine/expr/jsonata/builtins.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"
#include "engine/expr/jsonata/sorting.h"

namespace millrace::jsonata_internal {
namespace {

Value Count(const Call& call) {
  return Value::Of(call[0].is_undefined() ? 0.0 : static_cast<double>(call[0].size()));
}

Value Append(const Call& call) { return call.evaluation.Append(call[0], call[1]); }

Value Reverse(const Call& call) {
  if (call[0].is_undefined() || call[0].size() <= 1) return call[0];
  const size_t size = call[0].size();
  call.evaluation.Steps(size / 8);
  Array* reversed = call.evaluation.NewArray(size);
  for (size_t i = size; i > 0; --i) call.evaluation.Push(reversed, call[0][i - 1]);
  return Value::Of(reversed);
}

Value Shuffle(const Call& call) {
  if (call[0].is_undefined() || call[0].size() <= 1) return call[0];
  Array* shuffled = call.evaluation.NewArray(call[0].size());
  call.evaluation.PushAll(shuffled, call[0]);
  for (uint32_t i = shuffled->size - 1; i > 0; --i) {
    const auto other = static_cast<uint32_t>(call.evaluation.random().NextDouble() * (i + 1));
    std::swap(shuffled->items[i], shuffled->items[other]);
  }
  return Value::Of(shuffled);
}

// Equal values have equal hashes. Of arrays only the size and the first element count.
size_t HashOf(Evaluation& evaluation, const Value& value) {
  evaluation.Step();
  switch (value.kind()) {
    case Kind::kBool:
      return absl::HashOf(value.boolean());
    case Kind::kNumber:
      return absl::HashOf(value.number() == 0 ? 0.0 : value.number());
    case Kind::kString:
      evaluation.ChargeBytes(value.text().size());
      return absl::HashOf(value.text());
    case Kind::kArray:
      return absl::HashOf(value.size(), value.size() > 0 ? HashOf(evaluation, value[0]) : 0);
    case Kind::kObject: {
      // A sum, because the order of the members does not count.
      size_t hash = MemberCount(value);
      for (size_t i = 0; i < MemberCount(value); ++i) {
        const ObjectMember member = MemberAt(value, i);
        evaluation.Step();
        hash += absl::HashOf(member.key);
        if (member.value.kind() < Kind::kArray) {
          hash += absl::HashOf(member.key, HashOf(evaluation, member.value));
        }
      }
      return hash;
    }
    default:
      return static_cast<size_t>(value.kind());
  }
}

// Of a value in the table of those that have been seen.
constexpr size_t kBytesPerSeen = 96;

Value Distinct(const Call& call) {
  const Value& values = call[0];
  if (!values.is_array() || values.size() <= 1) return values;
  Evaluation& evaluation = call.evaluation;
  Array* distinct = evaluation.NewArray();
  distinct->is_sequence = values.is_sequence();
  absl::flat_hash_map<size_t, std::vector<Value>> seen;
  for (size_t i = 0; i < values.size(); ++i) {
    const Value value = values[i];
    std::vector<Value>& alike = seen[HashOf(evaluation, value)];
    const bool is_known = std::any_of(alike.begin(), alike.end(), [&](const Value& other) {
      return evaluation.AreEqual(value, other);
    });
    if (is_known) continue;
    evaluation.arena().Charge(kBytesPerSeen);
    alike.push_back(value);
    evaluation.Push(distinct, value);
  }
  return Value::Of(distinct);
}

// What can be sorted without a function to compare: -1, 0 or 1.
int CompareScalars(Evaluation& evaluation, const Value& a, const Value& b) {
  if (a.is_string()) return evaluation.CompareTexts(a.text(), b.text());
  return a.number() == b.number() ? 0 : a.number() < b.number() ? -1 : 1;
}

Value Sort(const Call& call) {
  const Value& values = call[0];
  if (values.is_undefined() || values.size() <= 1) return values;
  Evaluation& evaluation = call.evaluation;
  evaluation.arena().Charge(2 * values.size() * sizeof(Value));
  std::vector<Value> items;
  items.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) items.push_back(values[i]);
  if (call[1].is_function()) {
    MergeSort<Value>(&items, [&](const Value& a, const Value& b) {
      Arguments pair = {a, b};
      return evaluation.AsBoolean(
          evaluation.Apply(call[1].function(), &pair, Value::Null(), call.frame));
    });
  } else {
    const Kind kind = items[0].kind();
    const bool is_sortable = (kind == Kind::kString || kind == Kind::kNumber) &&
                             std::all_of(items.begin(), items.end(),
                                         [kind](const Value& item) { return item.kind() == kind; });
    if (!is_sortable) Fail({.code = "D3070", .index = 1});
    MergeSort<Value>(&items, [&](const Value& a, const Value& b) {
      evaluation.Step();
      return CompareScalars(evaluation, a, b) > 0;
    });
  }
  Array* sorted = evaluation.NewArray(items.size());
  for (const Value& item : items) evaluation.Push(sorted, item);
  return Value::Of(sorted);
}

Value Zip(const Call& call) {
  size_t length = call.arguments.empty() ? 0 : SIZE_MAX;
  for (const Value& argument : call.arguments) {
    length = std::min(length, argument.is_array() ? argument.size() : 0);
  }
  Array* zipped = call.evaluation.NewArray(length);
  for (size_t i = 0; i < length; ++i) {
    Array* tuple = call.evaluation.NewArray(call.arguments.size());
    for (const Value& argument : call.arguments) {
      call.evaluation.Step();
      call.evaluation.Push(tuple, argument[i]);
    }
    call.evaluation.Push(zipped, Value::Of(tuple));
  }
  return Value::Of(zipped);
}

constexpr BuiltinEntry kFunctions[] = {
    {"count", Count, "<a:n>", 1},
    {"append", Append, "<xx:a>", 2},
    {"reverse", Reverse, "<a:a>", 1},
    {"shuffle", Shuffle, "<a:a>", 1},
    {"distinct", Distinct, "<x:x>", 1},
    {"sort", Sort, "<af?:a>", 2},
    {"zip", Zip, "<a+>", 0},
};

}  // namespace

absl::Span<const BuiltinEntry> ArrayFunctions() { return kFunctions; }

}  // namespace millrace::jsonata_internal
