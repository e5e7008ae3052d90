#pragma once

#include "engine/expr/jsonata/evaluation.h"

namespace millrace::jsonata_internal {

// Collects results. As long as there is only one, which is the rule, it takes no memory.
class SequenceBuilder {
 public:
  explicit SequenceBuilder(Evaluation& evaluation) : evaluation_(evaluation) {}

  void Add(Value value) {
    if (array_ == nullptr && !has_first_) {
      first_ = value;
      has_first_ = true;
      return;
    }
    evaluation_.Push(Materialize(), value);
  }

  // Adds the elements of an array, and anything else as it is.
  void AddAll(Value value) {
    if (!value.is_array()) return Add(value);
    const size_t size = value.size();
    for (size_t i = 0; i < size; ++i) Add(value[i]);
  }

  // Undefined for nothing, and one value as itself unless it is an array.
  Value Build() {
    if (array_ == nullptr && !has_first_) return Value();
    if (array_ == nullptr && !first_.is_array()) return first_;
    return Value::Of(Materialize());
  }

 private:
  Array* Materialize() {
    if (array_ == nullptr) {
      array_ = evaluation_.NewSequence(4);
      if (has_first_) evaluation_.Push(array_, first_);
    }
    return array_;
  }

  Evaluation& evaluation_;
  Value first_;
  bool has_first_ = false;
  Array* array_ = nullptr;
};

}  // namespace millrace::jsonata_internal
