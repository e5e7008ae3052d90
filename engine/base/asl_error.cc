#include "engine/base/asl_error.h"

#include <cstdint>

namespace millrace {
namespace {

void CutTo(size_t bytes_max, std::optional<std::string>* text) {
  if (!text->has_value() || (*text)->size() <= bytes_max) return;
  const auto continues = [&](size_t at) {
    return (static_cast<uint8_t>((**text)[at]) & 0xc0) == 0x80;
  };
  size_t end = bytes_max;
  while (end > 0 && continues(end)) --end;
  (*text)->resize(end);
}

}  // namespace

void HoldToLimits(AslError* error) {
  CutTo(kErrorBytesMax, &error->name);
  CutTo(kCauseBytesMax, &error->cause);
}

}  // namespace millrace
