#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/ids.h"
#include "engine/tasks/function_host.h"
#include "tests/support/patience.h"

namespace millrace::service {

// Functions that a test answers by hand: keeps every call until then. Thread-safe.
class HandFunctions {
 public:
  struct Call {
    FunctionId function;
    Json payload;
    int64_t event_id = 0;
    int times = 0;  // that it has gone out
  };

  void Invoke(const FunctionId& function, Json payload, const InvocationContext& context,
              InvocationDone done) {
    {
      const std::lock_guard lock(mutex_);
      Kept& kept = calls_[context.idempotency_key];
      const int times = kept.call.times + 1;
      kept.call = {.function = function,
                   .payload = std::move(payload),
                   .event_id = context.event_id,
                   .times = times};
      kept.done = std::move(done);
    }
    changed_.notify_all();
  }

  // The call of a task, by its idempotency key, once it has gone out for the `times`th time. Blocks
  // until then; nullopt if that takes too long.
  std::optional<Call> Await(const std::string& idempotency_key, int times) {
    std::unique_lock lock(mutex_);
    const bool is_there = changed_.wait_for(lock, kPatience, [&] {
      const auto found = calls_.find(idempotency_key);
      return found != calls_.end() && found->second.call.times >= times;
    });
    return is_there ? std::optional(calls_[idempotency_key].call) : std::nullopt;
  }

  // False if it is not under way.
  bool Answer(const std::string& idempotency_key, const AslResult<Json>& answer) {
    InvocationDone done;
    {
      const std::lock_guard lock(mutex_);
      const auto found = calls_.find(idempotency_key);
      if (found != calls_.end()) done = std::exchange(found->second.done, nullptr);
    }
    if (done) done(answer);
    return done != nullptr;
  }

  // All calls of one execution, by idempotency key, which its uid begins.
  std::map<std::string, Call> CallsOf(const std::string& uid) {
    const std::lock_guard lock(mutex_);
    std::map<std::string, Call> calls;
    for (const auto& [key, kept] : calls_) {
      if (key.starts_with(uid)) calls[key] = kept.call;
    }
    return calls;
  }

 private:
  struct Kept {
    Call call;
    InvocationDone done;
  };
  std::mutex mutex_;  // guards calls_: lanes call, the test answers
  std::condition_variable changed_;
  std::map<std::string, Kept> calls_;
};

}  // namespace millrace::service
