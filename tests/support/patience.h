#pragma once

#include <chrono>

namespace millrace {

// After which a test takes what it waits for to be lost.
constexpr std::chrono::seconds kPatience{20};

}  // namespace millrace
