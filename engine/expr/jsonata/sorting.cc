#include "engine/expr/jsonata/sorting.h"

#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"
#include "engine/expr/jsonata/sequence_builder.h"

namespace millrace::jsonata_internal {
namespace {

bool IsSortable(const Value& value) { return value.is_string() || value.is_number(); }

// -1, 0 or 1 by one term. What has no such key comes last, also in descending order.
int CompareKeys(Evaluation& evaluation, const Value& a, const Value& b, bool is_descending,
                size_t position) {
  if (a.is_undefined()) return b.is_undefined() ? 0 : 1;
  if (b.is_undefined()) return -1;
  if (!IsSortable(a) || !IsSortable(b)) {
    Fail({.code = "T2008", .position = position, .value = Describe(IsSortable(a) ? b : a)});
  }
  if (a.kind() != b.kind()) {
    Fail({.code = "T2007", .position = position, .value = Describe(a), .value2 = Describe(b)});
  }
  int order;
  if (a.is_number()) {
    order = a.number() == b.number() ? 0 : a.number() < b.number() ? -1 : 1;
  } else {
    order = evaluation.CompareTexts(a.text(), b.text());
  }
  return is_descending ? -order : order;
}

}  // namespace

// Each item's key is evaluated once per term, and that of a later term only where the terms before
// it do not decide.
Value Evaluation::EvaluateSort(const Node& sort, const Value& input, Frame* frame) {
  const size_t count = ItemCount(input);
  if (count < 2) {
    if (!input.is_array() || input.is_tuple_stream()) return input;
    SequenceBuilder sequence(*this);
    sequence.AddAll(input);
    return sequence.Build();
  }
  const bool has_rows = input.is_tuple_stream();
  const size_t terms = sort.terms.size();
  arena_.Charge(count * (terms * sizeof(Value) + 2 * sizeof(uint32_t)));
  std::vector<Value> keys(count * terms, Placeholder());
  const auto key = [&](size_t item, size_t term) {
    Value& cached = keys[item * terms + term];
    if (IsPlaceholder(cached)) {
      const Value value = input[item];
      cached = has_rows ? Evaluate(*sort.terms[term].expression, value.tuple()->context,
                                   value.tuple()->frame)
                        : Evaluate(*sort.terms[term].expression, value, frame);
    }
    return cached;
  };
  std::vector<uint32_t> order(count);
  for (uint32_t i = 0; i < count; ++i) order[i] = i;
  MergeSort<uint32_t>(&order, [&](const uint32_t& a, const uint32_t& b) {
    Step();
    for (size_t term = 0; term < terms; ++term) {
      const Value left = key(a, term);
      const int compared =
          CompareKeys(*this, left, key(b, term), sort.terms[term].is_descending, sort.position);
      if (compared != 0) return compared > 0;
    }
    return false;
  });
  Array* sorted = NewSequence(count);
  sorted->is_tuple_stream = has_rows;
  for (const uint32_t i : order) Push(sorted, input[i]);
  return Value::Of(sorted);
}

}  // namespace millrace::jsonata_internal
