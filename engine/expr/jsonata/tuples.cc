#include <algorithm>

#include "engine/expr/jsonata/evaluation.h"

// Paths with steps that bind: by `@$item`, by `#$index`, or because a `%` asks for what a step came
// from. Their sequences are streams of tuples, each a context and a frame of what has been bound.

namespace millrace::jsonata_internal {

Array* Evaluation::NewTupleStream(size_t capacity) {
  Array* rows = NewSequence(capacity);
  rows->is_tuple_stream = true;
  return rows;
}

// A tuple that starts with another one's bindings.
Tuple* Evaluation::NewTuple(const Value& context, const Frame* bindings, Frame* parent) {
  auto* frame = arena_.New<Frame>();
  frame->parent = parent;
  if (bindings != nullptr) {
    frame->capacity = bindings->size + 1;
    frame->bindings = arena_.NewArray<Binding>(frame->capacity);
    std::copy_n(bindings->bindings, bindings->size, frame->bindings);
    frame->size = bindings->size;
  }
  // It is never used again for anything else.
  frame->is_captured = true;
  Capture(parent);
  return arena_.New<Tuple>(context, frame);
}

Value Evaluation::EvaluateTuplePath(const Node& path, const Value& input, Frame* frame) {
  const std::vector<Node*>& steps = path.children;
  Value current = input;
  bool is_list = input.is_array() && steps[0]->kind != NodeKind::kVariable;
  Array* rows = nullptr;
  bool is_stream = false;
  for (size_t i = 0; i < steps.size(); ++i) {
    const Node& step = *steps[i];
    is_stream = is_stream || step.is_tuple;
    if (i == 0 && step.is_cons) {
      current = Evaluate(step, input, frame);
    } else if (is_stream) {
      if (rows == nullptr) {
        rows = EvaluateTupleStep(step, is_list ? current : Value::Of(Singleton(current)), nullptr,
                                 frame);
      } else {
        rows = EvaluateTupleStep(step, Value(), rows, frame);
      }
      continue;
    } else {
      current = EvaluateStep(step, current, is_list, i + 1 == steps.size(), frame);
    }
    if (current.is_undefined() || (current.is_array() && current.size() == 0)) {
      return FinishPath(path, current, frame);
    }
    is_list = current.is_array();
  }
  if (path.grouping != nullptr) {
    return EvaluateGrouping(path.grouping->pairs, path.grouping->position, Value::Of(rows), frame);
  }
  if (path.is_tuple) return Value::Of(rows);
  Array* contexts = NewSequence(rows->size);
  for (uint32_t i = 0; i < rows->size; ++i) Push(contexts, rows->items[i].tuple()->context);
  return FinishPath(path, Value::Of(contexts), frame);
}

// Without rows there is no binding yet, and `input` is the list to begin with.
Array* Evaluation::EvaluateTupleStep(const Node& step, const Value& input, Array* rows,
                                     Frame* frame) {
  Array* out;
  if (step.kind == NodeKind::kSort) {
    out = SortTuples(step, input, rows, frame);
  } else {
    out = NewTupleStream(0);
    const size_t count = rows != nullptr ? rows->size : input.size();
    for (size_t i = 0; i < count; ++i) {
      const Tuple& row =
          rows != nullptr ? *rows->items[i].tuple() : *NewTuple(input[i], nullptr, frame);
      ExtendRow(step, row, Evaluate(step, row.context, row.frame), frame, out);
    }
  }
  return ApplyStages(step, out, frame);
}

Array* Evaluation::SortTuples(const Node& step, const Value& input, Array* rows, Frame* frame) {
  const Value sorted = EvaluateSort(step, rows != nullptr ? Value::Of(rows) : input, frame);
  Array* out = NewTupleStream(ItemCount(sorted));
  for (size_t i = 0; i < ItemCount(sorted); ++i) {
    if (rows != nullptr) {
      Push(out, ItemOf(sorted, i));
      continue;
    }
    Tuple* tuple = NewTuple(ItemOf(sorted, i), nullptr, frame);
    if (step.index != kNoName) Bind(tuple->frame, step.index, Value::Of(static_cast<double>(i)));
    Push(out, Value::Of(tuple));
  }
  return out;
}

// Adds a row for each result of a step for `row`.
void Evaluation::ExtendRow(const Node& step, const Tuple& row, const Value& result, Frame* frame,
                           Array* out) {
  const bool has_rows = result.is_tuple_stream();
  for (size_t i = 0; i < ItemCount(result); ++i) {
    const Value item = ItemOf(result, i);
    Tuple* tuple = NewTuple(item, row.frame, frame);
    if (has_rows) {
      const Tuple& inner = *item.tuple();
      tuple->context = inner.context;
      for (uint32_t j = 0; j < inner.frame->size; ++j) {
        Bind(tuple->frame, inner.frame->bindings[j].name, inner.frame->bindings[j].value);
      }
    } else {
      if (step.focus != kNoName) {
        Bind(tuple->frame, step.focus, item);
        tuple->context = row.context;
      }
      if (step.index != kNoName) Bind(tuple->frame, step.index, Value::Of(static_cast<double>(i)));
      if (step.ancestor != nullptr) Bind(tuple->frame, step.ancestor->name, row.context);
    }
    Push(out, Value::Of(tuple));
  }
}

Array* Evaluation::ApplyStages(const Node& step, Array* rows, Frame* frame) {
  for (const Stage& stage : step.stages) {
    if (stage.filter != nullptr) {
      rows = Filter(*stage.filter, Value::Of(rows), frame).array();
      continue;
    }
    for (uint32_t i = 0; i < rows->size; ++i) {
      Tuple* tuple =
          NewTuple(rows->items[i].tuple()->context, rows->items[i].tuple()->frame, frame);
      Bind(tuple->frame, stage.index_name, Value::Of(static_cast<double>(i)));
      rows->items[i] = Value::Of(tuple);
    }
  }
  return rows;
}

}  // namespace millrace::jsonata_internal
