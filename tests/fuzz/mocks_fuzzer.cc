// Mock files: whatever is read answers some attempt of each state that it names.
#include <cstdint>

#include "engine/base/check.h"
#include "engine/runtime/mocks.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<millrace::Mocks> mocks = millrace::Mocks::Parse(text);
  if (!mocks.ok()) {
    MILLRACE_CHECK(!mocks.status().message().empty());
    return 0;
  }
  for (const std::string& state : mocks->states()) {
    MILLRACE_CHECK(mocks->Has(state));
    for (const int64_t attempt : {int64_t{0}, int64_t{1}, int64_t{1} << 40}) {
      const millrace::MockAnswer* answer = mocks->Find(state, attempt);
      if (answer == nullptr) continue;
      const auto* error = std::get_if<millrace::AslError>(&answer->answer);
      MILLRACE_CHECK(error == nullptr || error->name.has_value());
    }
  }
  return 0;
}
