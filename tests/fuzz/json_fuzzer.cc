// Whatever is parsed prints, and reads back as the same value.
#include <cstdint>

#include "engine/base/check.h"
#include "engine/json/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<millrace::Json> parsed = millrace::ParseJson(text);
  if (!parsed.ok()) return 0;
  const std::string printed = parsed->ToText();
  MILLRACE_CHECK(printed.size() == parsed->TextSize());
  const absl::StatusOr<millrace::Json> again = millrace::ParseJson(printed);
  MILLRACE_CHECK(again.ok() && *again == *parsed && again->ToText() == printed);
  const absl::StatusOr<millrace::Json> pretty = millrace::ParseJson(parsed->ToPrettyText());
  MILLRACE_CHECK(pretty.ok() && *pretty == *parsed);
  return 0;
}
