#include "engine/runtime/functions.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "engine/tasks/python_host.h"
#include "tests/support/memory_catalog.h"
#include "tests/support/memory_storage.h"

namespace millrace {
namespace {

// Has one function, once it can be read.
class OneFunction : public testing::MemoryCatalog {
 public:
  using MemoryCatalog::MemoryCatalog;
  absl::StatusOr<FunctionRow> GetFunction(const FunctionId& id) override {
    if (!can_be_read) return absl::UnavailableError("not now");
    return FunctionRow{.id = id,
                       .version_key = Uuid::Random(),
                       .handler = "echo.main_handler",
                       .source = "def main_handler(event, context): return event\n",
                       .timeout = absl::Seconds(60),
                       .memory_bytes_max = 256 << 20};
  }
  std::atomic<bool> can_be_read{false};
};

TEST(FunctionsTest, CancelDropsACallThatWaitsForItsCode) {
  testing::MemoryStorage storage;
  OneFunction catalog(&storage);
  PythonHost host;
  Functions functions(&catalog, &host);
  const auto call = [&](int event, const std::string& call_id) {
    auto told = std::make_shared<std::promise<InvocationResult>>();
    functions.Invoke({.project = "p", .function = "f"}, Json(event), {.call_id = call_id},
                     [told](InvocationResult result) { told->set_value(std::move(result)); });
    return told->get_future();
  };
  std::future<InvocationResult> dropped = call(1, "dropped");
  std::future<InvocationResult> kept = call(2, "kept");
  functions.Cancel("dropped");
  const InvocationResult cancelled = dropped.get();
  ASSERT_FALSE(cancelled.ok());
  EXPECT_EQ(cancelled.error().name, kCancelledError);
  catalog.can_be_read = true;
  const InvocationResult result = kept.get();
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->ToText(), "2");
}

}  // namespace
}  // namespace millrace
