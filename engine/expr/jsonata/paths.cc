#include <cmath>
#include <utility>

#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"
#include "engine/expr/jsonata/sequence_builder.h"
#include "engine/expr/jsonata/text.h"
#include "engine/json/member_finder.h"

// Paths. Each step maps a sequence to the next one: it is evaluated for each item, and the results
// are flattened. A sequence of one item that is no array is here that item itself.

namespace millrace::jsonata_internal {
Value Evaluation::EvaluatePath(const Node& path, const Value& input, Frame* frame) {
  if (path.has_tuple_step) return EvaluateTuplePath(path, input, frame);
  const std::vector<Node*>& steps = path.children;
  Value current = input;
  // A path that begins with a variable has nothing to do with the input.
  bool is_list = input.is_array() && steps[0]->kind != NodeKind::kVariable;
  for (size_t i = 0; i < steps.size(); ++i) {
    const Node& step = *steps[i];
    const bool is_last = i + 1 == steps.size();
    if (!is_list && step.is_plain_name && current.is_object()) {
      // Most steps are the member of an object, which needs no sequence.
      const Value found = current.Find(step.text);
      if (!found.is_array()) {
        Step();
        CheckDepth(depth_ + 1);
        current = found;
        if (found.is_undefined()) break;
        continue;
      }
    }
    if (i == 0 && step.is_cons) {
      current = Evaluate(step, input, frame);
    } else {
      current = EvaluateStep(step, current, is_list, is_last, frame);
    }
    if (current.is_undefined() || (current.is_array() && current.size() == 0)) break;
    is_list = current.is_array();
  }
  return FinishPath(path, current, frame);
}

Value Evaluation::FinishPath(const Node& path, Value result, Frame* frame) {
  if (path.keep_array && !result.is_undefined()) {
    if (!result.is_array() || (result.is_cons() && !result.is_sequence())) {
      Array* sequence = NewSequence(1);
      Push(sequence, result);
      result = Value::Of(sequence);
    }
    if (result.is_sequence()) result.array()->keep_singleton = true;
  }
  if (path.grouping == nullptr) return result;
  return EvaluateGrouping(path.grouping->pairs, path.grouping->position, result, frame);
}

Value Evaluation::EvaluateItem(const Node& step, const Value& item, Frame* frame) {
  Value result;
  if (step.is_bare && step.kind == NodeKind::kName) {
    Enter();
    result = LookupName(item, step.text);
    --depth_;
  } else {
    result = Evaluate(step, item, frame);
  }
  return step.stages.empty() ? result : FilterStage(step.stages, result, frame);
}

// Hands what each item of the array has under that name to `add`.
template <typename Add>
void Evaluation::EvaluateNames(absl::string_view name, const Value& array, const Add& add) {
  MemberFinder finder(name);
  const auto value_in = [&](const Json& object) {
    const Json* found = finder.FindIn(object);
    return found == nullptr ? Value() : Value::Borrow(*found);
  };
  if (array.is_borrowed()) {
    for (const Json& item : array.json().elements()) {
      Step();
      add(item.is_object() ? value_in(item) : LookupName(Value::Borrow(item), name));
    }
    return;
  }
  for (size_t i = 0, size = array.size(); i < size; ++i) {
    Step();
    const Value item = array[i];
    const bool is_borrowed_object = item.is_object() && item.is_borrowed();
    add(is_borrowed_object ? value_in(item.json()) : LookupName(item, name));
  }
}

Value Evaluation::EvaluateStep(const Node& step, const Value& input, bool is_list, bool is_last,
                               Frame* frame) {
  if (step.kind == NodeKind::kSort) {
    return FilterStage(step.stages, EvaluateSort(step, input, frame), frame);
  }
  if (!is_list) {
    const Value result = EvaluateItem(step, input, frame);
    if (!result.is_array() || (is_last && !result.is_sequence())) return result;
    if (!is_last && !result.is_cons()) return result.size() == 0 ? Value() : result;
    SequenceBuilder sequence(*this);
    result.is_cons() ? sequence.Add(result) : sequence.AddAll(result);
    return sequence.Build();
  }
  SequenceBuilder sequence(*this);
  size_t results = 0;
  Value last;
  const auto add = [&](Value result) {
    if (result.is_undefined()) return;
    ++results;
    last = result;
    result.is_cons() ? sequence.Add(result) : sequence.AddAll(result);
  };
  if (step.is_plain_name) {
    CheckDepth(depth_ + 1);
    EvaluateNames(step.text, input, add);
  } else {
    for (size_t i = 0, size = input.size(); i < size; ++i) {
      add(EvaluateItem(step, input[i], frame));
    }
  }
  // An array that is the only result stays the array that it is.
  if (is_last && results == 1 && last.is_array() && !last.is_sequence()) return last;
  return sequence.Build();
}

Value Evaluation::LookupName(const Value& input, absl::string_view name) {
  if (input.is_object()) return input.Find(name);
  if (!input.is_array()) return Value();
  SequenceBuilder sequence(*this);
  for (size_t i = 0, size = input.size(); i < size; ++i) {
    Step();
    const Value found = LookupName(input[i], name);
    if (!found.is_undefined()) sequence.AddAll(found);
  }
  return sequence.Build();
}

Value Evaluation::EvaluateWildcard(const Value& input) {
  const bool is_wrapped =
      input.is_array() && input.array() != nullptr && input.array()->is_outer_wrapper;
  const Value value = is_wrapped ? input[0] : input;
  Array* results = NewSequence();
  const auto add = [&](const Value& item) {
    Step();
    if (item.is_array()) {
      Flatten(item, results);
      results->is_sequence = false;
    } else {
      Push(results, item);
    }
  };
  if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) add(value[i]);
  } else if (value.is_object()) {
    for (size_t i = 0; i < MemberCount(value); ++i) add(MemberAt(value, i).value);
  }
  return Value::Of(results);
}

void Evaluation::Flatten(const Value& value, Array* out) {
  Step();
  if (!value.is_array()) return Push(out, value);
  for (size_t i = 0; i < value.size(); ++i) Flatten(value[i], out);
}

Value Evaluation::EvaluateDescendants(const Value& input) {
  if (input.is_undefined()) return input;
  Array* results = NewSequence();
  CollectDescendants(input, results);
  return Value::Of(results);
}

void Evaluation::CollectDescendants(const Value& value, Array* out) {
  Step();
  if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) CollectDescendants(value[i], out);
    return;
  }
  Push(out, value);
  if (!value.is_object()) return;
  for (size_t i = 0; i < MemberCount(value); ++i) {
    CollectDescendants(MemberAt(value, i).value, out);
  }
}

Value Evaluation::FilterStage(const std::vector<Stage>& stages, Value value, Frame* frame) {
  for (const Stage& stage : stages) {
    if (stage.filter != nullptr) value = Filter(*stage.filter, value, frame);
  }
  return value;
}

// Whether a predicate's value keeps the item at `index`; and if it is several numbers, how often.
bool Evaluation::Selects(const Value& verdict, size_t index, size_t size, size_t* times) {
  *times = 1;
  const auto is_index = [&](const Value& number) {
    double at = std::floor(number.number());
    if (at < 0) at += static_cast<double>(size);
    return at == static_cast<double>(index);
  };
  if (IsNumber(verdict)) return is_index(verdict);
  if (!verdict.is_array()) return AsBoolean(verdict);
  Steps(verdict.size() / 8);
  for (size_t i = 0; i < verdict.size(); ++i) {
    if (!IsNumber(verdict[i])) return AsBoolean(verdict);
  }
  *times = 0;
  Steps(verdict.size());
  for (size_t i = 0; i < verdict.size(); ++i) *times += is_index(verdict[i]) ? 1 : 0;
  return *times > 0;
}

Value Evaluation::Filter(const Node& predicate, const Value& input, Frame* frame) {
  const size_t size = ItemCount(input);
  const bool is_tuple_stream = input.is_tuple_stream();
  if (predicate.kind == NodeKind::kNumber && predicate.predicates.empty() && !is_tuple_stream) {
    double index = std::floor(predicate.literal.number());
    if (index < 0) index += static_cast<double>(size);
    if (index < 0 || index >= static_cast<double>(size)) return Value();
    return ItemOf(input, static_cast<size_t>(index));
  }
  // What is not there is not kept, but the predicate may fail over it.
  if (input.is_undefined()) return Evaluate(predicate, input, frame), Value();
  Array* rows = is_tuple_stream ? NewTupleStream(0) : nullptr;
  SequenceBuilder sequence(*this);
  for (size_t i = 0; i < size; ++i) {
    const Value item = ItemOf(input, i);
    const Value context = is_tuple_stream ? item.tuple()->context : item;
    Frame* scope = is_tuple_stream ? item.tuple()->frame : frame;
    size_t times;
    if (!Selects(Evaluate(predicate, context, scope), i, size, &times)) continue;
    for (; times > 0; --times) rows != nullptr ? Push(rows, item) : sequence.Add(item);
  }
  return rows != nullptr ? Value::Of(rows) : sequence.Build();
}

}  // namespace millrace::jsonata_internal
