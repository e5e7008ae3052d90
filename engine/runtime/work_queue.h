#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace millrace {

// A few threads that do, in order of arrival, what would block a lane or an RPC's thread: reads
// from the database.
class WorkQueue {
 public:
  explicit WorkQueue(int threads);
  // Does what is queued, then stops.
  ~WorkQueue();

  // After Stop() the caller does it, so that whoever waits for an answer gets one.
  void Add(std::function<void()> work);
  void Stop();

 private:
  void Run();

  std::mutex mutex_;  // guards the queue: any thread adds, several take
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace millrace
