#pragma once

#include <memory>
#include <optional>
#include <utility>

namespace millrace {

// An optional value that lies on the heap: where it is absent, which is to be the rule, it costs no
// more than a pointer, also to move. Copies are deep. Thread-safe like an int.
template <typename T>
class Boxed {
 public:
  Boxed() = default;
  Boxed(T value) : box_(std::make_unique<T>(std::move(value))) {}  // NOLINT: implicit like optional
  Boxed(std::optional<T> value) {                                  // NOLINT
    if (value.has_value()) box_ = std::make_unique<T>(*std::move(value));
  }
  Boxed(const Boxed& other) : box_(other.box_ ? std::make_unique<T>(*other.box_) : nullptr) {}
  Boxed(Boxed&& other) noexcept = default;
  Boxed& operator=(Boxed other) noexcept {
    box_.swap(other.box_);
    return *this;
  }

  bool has_value() const { return box_ != nullptr; }
  T& operator*() { return *box_; }
  const T& operator*() const { return *box_; }
  T* operator->() { return box_.get(); }
  const T* operator->() const { return box_.get(); }
  T& emplace() { return *(box_ = std::make_unique<T>()); }

  friend bool operator==(const Boxed& a, const Boxed& b) {
    return a.has_value() == b.has_value() && (!a.has_value() || *a == *b);
  }

 private:
  std::unique_ptr<T> box_;
};

}  // namespace millrace
