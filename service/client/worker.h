#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::client {

// An item of a queue, as its handler sees it.
struct Task {
  std::string queue;
  std::string input;            // JSON text
  std::string idempotency_key;  // the same each time that this task is delivered
  std::string execution;        // resource name
  // Whether the Task is over (timed out, or its execution ended): what is done for it is in vain.
  std::function<bool()> is_cancelled;
};

// What a handler returns.
struct Outcome {
  std::string output;  // JSON text
  struct Failure {
    std::string error;  // a name for Retry and Catch: at most 256 bytes
    std::string cause;  // at most 32,768 bytes
  };
  std::optional<Failure> failure;

  static Outcome Done(std::string output) { return {.output = std::move(output)}; }
  static Outcome Failed(std::string error, std::string cause) {
    return {.failure = Failure{.error = std::move(error), .cause = std::move(cause)}};
  }
};

struct WorkerOptions {
  std::string address = "localhost:7070";
  std::string project = "default";
  std::vector<std::string> queues;
  // Tasks that are held at once: those that are being done, and those that wait for a thread here.
  int items_max = 100;
  // That call the handler. 0: the thread that receives does, for handlers that never wait.
  int threads = 4;
  std::string worker_id;
  // Told of what goes wrong and mends itself: a broken stream, a result that was refused.
  std::function<void(const std::string&)> on_problem;
};

// Does tasks of queues over WorkerService's stream: takes items, calls the handler, and sends
// results until each is acknowledged, over as many streams as it takes. Heartbeats go out by
// themselves while a handler runs. A handler may be called twice for one task, with the same
// idempotency key; what it throws fails the task with the exception's message.
//
//   Worker worker({.queues = {"resize"}}, [](const Task& task) {
//     return Outcome::Done(Resize(task.input));
//   });
class Worker {
 public:
  using Handler = std::function<Outcome(const Task&)>;

  Worker(WorkerOptions options, Handler handler);
  // As Stop().
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Takes no more items, waits for handlers that run, and for the acknowledgement of their results,
  // for at most five seconds.
  void Stop();

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace millrace::client
