#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace millrace::jsonata_internal {

// Where one evaluation makes its values. All are freed together at its end, so that they need no
// counts and may refer to each other in circles; and the bytes taken are the measure of memory.
class Arena {
 public:
  explicit Arena(size_t bytes_max) : bytes_left_(bytes_max), bytes_max_(bytes_max) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void* Allocate(size_t bytes) {
    bytes = (bytes + 7) & ~size_t{7};
    char* at = AlignedTop();
    if (at > end_ || bytes > static_cast<size_t>(end_ - at)) at = NewBlock(bytes);
    top_ = at + bytes;
    return at;
  }

  template <typename T, typename... Args>
  T* New(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (Allocate(sizeof(T))) T{std::forward<Args>(args)...};
  }

  template <typename T>
  T* NewArray(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return static_cast<T*>(Allocate(count * sizeof(T)));
  }

  // Makes what begins at `first` and ends at `last` longer in its place, if nothing has been
  // allocated behind it and the block has room.
  bool Extend(const char* last, size_t bytes) {
    if (last != top_ || bytes > static_cast<size_t>(end_ - top_)) return false;
    top_ += bytes;
    return true;
  }

  // Unaligned bytes, whose end is the top.
  char* AllocateText(size_t bytes) {
    if (bytes > static_cast<size_t>(end_ - top_)) top_ = NewBlock(bytes);
    char* at = top_;
    top_ += bytes;
    return at;
  }

  // Counts bytes that lie elsewhere. Fails with D2017 as every allocation does.
  void Charge(size_t bytes);

 private:
  static constexpr size_t kInlineBytes = 3072;
  static constexpr size_t kBlockBytesMax = 256u << 10;

  char* AlignedTop() const {
    return reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(top_) + 7) & ~uintptr_t{7});
  }
  char* NewBlock(size_t bytes);

  alignas(16) char inline_[kInlineBytes];
  char* top_ = inline_;
  char* end_ = inline_ + kInlineBytes;
  size_t bytes_left_;
  const size_t bytes_max_;
  size_t block_bytes_ = 8u << 10;
  std::vector<std::unique_ptr<char[]>> blocks_;
};

}  // namespace millrace::jsonata_internal
