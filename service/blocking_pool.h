#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace millrace::service {

// A few threads for calls that wait for the database, so that those of gRPC never do. The queue is
// bounded: when the database is slow, callers are told to come back instead of being kept waiting.
// Thread-safe.
class BlockingPool {
 public:
  struct Options {
    int threads = 6;
    size_t queue_max = 1024;
  };
  explicit BlockingPool(const Options& options);
  // Runs what is queued to its end.
  ~BlockingPool();

  // False if the queue is full. `job` must not throw.
  bool Submit(std::function<void()> job);

 private:
  void Run();

  const size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace millrace::service
