#pragma once

#include <mutex>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "engine/base/ids.h"
#include "engine/runtime/executions.h"

namespace millrace {

// Somebody who waits for an execution's end, until he is answered or gives up, whichever comes
// first. Lanes keep those of the executions that they hold; one that has given up is taken out by
// lane_message::ForgetWaiters. Thread-safe.
class EndWaiter {
 public:
  explicit EndWaiter(Executions::ExecutionDone done) : done_(std::move(done)) {}

  // Calls `done`, if nothing has yet and he has not given up.
  void Answer(const absl::StatusOr<ExecutionView>& answer) {
    if (const Executions::ExecutionDone done = Take()) done(answer);
  }
  // He is on the way to the lane of this execution.
  void GoTo(const ExecutionKey& key) {
    const std::lock_guard lock(mutex_);
    key_ = key;
  }
  // `done` is not called any more, but for being given back here; and the execution whose lane is
  // to forget him, if there is one. A lane that he is still on the way to will not take him.
  struct GivenUp {
    Executions::ExecutionDone done;  // null: he was answered, or has given up already
    std::optional<ExecutionKey> key;
  };
  GivenUp GiveUp() {
    const std::lock_guard lock(mutex_);
    return {.done = std::exchange(done_, nullptr), .key = key_};
  }
  bool is_over() const {
    const std::lock_guard lock(mutex_);
    return done_ == nullptr;
  }

 private:
  Executions::ExecutionDone Take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(done_, nullptr);
  }

  mutable std::mutex mutex_;  // guards the rest: lanes answer, callers give up
  Executions::ExecutionDone done_;
  std::optional<ExecutionKey> key_;
};

}  // namespace millrace
