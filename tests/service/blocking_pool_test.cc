#include "service/blocking_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace millrace::service {
namespace {

TEST(BlockingPoolTest, RunsWhatIsQueuedBeforeItGoes) {
  std::atomic<int> ran{0};
  {
    BlockingPool pool({.threads = 2, .queue_max = 100});
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(pool.Submit([&] { ++ran; }));
  }
  EXPECT_EQ(ran, 100);
}

TEST(BlockingPoolTest, RefusesMoreThanItsQueueHolds) {
  std::promise<void> begun, go;
  BlockingPool pool({.threads = 1, .queue_max = 1});
  ASSERT_TRUE(pool.Submit([&] {
    begun.set_value();
    go.get_future().wait();
  }));
  begun.get_future().wait();
  EXPECT_TRUE(pool.Submit([] {}));
  EXPECT_FALSE(pool.Submit([] {}));
  go.set_value();
}

}  // namespace
}  // namespace millrace::service
