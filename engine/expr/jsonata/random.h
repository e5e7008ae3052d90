#pragma once

#include <cstdint>

namespace millrace::jsonata_internal {

// Numbers that look random and follow from a seed alone (SplitMix64).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t NextBits() {
    uint64_t bits = (state_ += 0x9E3779B97F4A7C15u);
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9u;
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBu;
    return bits ^ (bits >> 31);
  }
  // From 0 to below 1.
  double NextDouble() { return static_cast<double>(NextBits() >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_;
};

}  // namespace millrace::jsonata_internal
