#pragma once

#include <vector>

#include "absl/functional/function_ref.h"

namespace millrace::jsonata_internal {

// Sorts stably by merging. Whatever `is_after` says, even nonsense, it is asked about n log n pairs
// and every item stays; std::stable_sort promises that for orders only.
template <typename T>
void MergeSort(std::vector<T>* items, absl::FunctionRef<bool(const T&, const T&)> is_after) {
  const size_t size = items->size();
  std::vector<T> merged(size);
  for (size_t width = 1; width < size; width *= 2) {
    for (size_t start = 0; start < size; start += 2 * width) {
      const size_t middle = start + width < size ? start + width : size;
      const size_t end = middle + width < size ? middle + width : size;
      size_t left = start;
      size_t right = middle;
      for (size_t out = start; out < end; ++out) {
        const bool takes_right =
            right < end && (left == middle || is_after((*items)[left], (*items)[right]));
        merged[out] = (*items)[takes_right ? right++ : left++];
      }
    }
    items->swap(merged);
  }
}

}  // namespace millrace::jsonata_internal
