#include "engine/expr/jsonata/arena.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/expr/jsonata/error.h"

namespace millrace::jsonata_internal {

void Arena::Charge(size_t bytes) {
  if (bytes > bytes_left_) Fail({.code = "D2017", .value = absl::StrCat(bytes_max_)});
  bytes_left_ -= bytes;
}

char* Arena::NewBlock(size_t bytes) {
  const size_t size = std::max(bytes, std::min(block_bytes_, std::max(bytes, bytes_left_)));
  Charge(size);
  block_bytes_ = std::min(2 * block_bytes_, kBlockBytesMax);
  blocks_.push_back(std::unique_ptr<char[]>(new char[size]));
  top_ = blocks_.back().get();
  end_ = top_ + size;
  return top_;
}

}  // namespace millrace::jsonata_internal
