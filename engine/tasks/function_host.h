#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "absl/time/time.h"
#include "engine/base/asl_error.h"
#include "engine/json/json.h"

namespace millrace {

// The code of one function version, as CreateFunction stores it.
struct FunctionCode {
  std::string version_key;  // unique for this code for ever: processes are kept by it
  std::string handler;      // "module.function"
  // Exactly one is set: source text of the handler's module, or a zip archive.
  std::string source;
  std::string zip;
  absl::Duration timeout = absl::Seconds(3);
  int64_t memory_bytes_max = 256 << 20;
};

// What the handler finds in its context argument, beside its time limit.
struct InvocationContext {
  std::string execution_name;   // the execution's resource name, or "" for a direct Invoke
  int64_t event_id = 0;         // the TaskScheduled event
  std::string idempotency_key;  // the same in every try of the same task
  std::string request_id;
  std::string function_name;
  // Names this call for Cancel(), if it is not empty: unique among those under way. The function
  // does not see it.
  std::string call_id;
};

// The error of a call that Cancel() has ended.
inline constexpr char kCancelledError[] = "Function.Cancelled";

using InvocationResult = AslResult<Json>;
// Called exactly once, from any thread; must not block.
using InvocationDone = std::function<void(InvocationResult)>;

// Runs user code outside the server's process. Thread-safe. Destroying a host ends its processes
// and answers whatever is under way with an error.
class FunctionHost {
 public:
  virtual ~FunctionHost() = default;
  // Answers with the handler's return value, or with what failed: an exception gives
  // {name: its class, cause: JSON text {errorMessage, errorType, requestId, stackTrace}}, a timeout
  // States.Timeout, a process that died or used too much memory "Function.ExitError" or
  // "Function.OutOfMemory".
  virtual void Invoke(std::shared_ptr<const FunctionCode> code, Json event,
                      InvocationContext context, InvocationDone done) = 0;
  // Ends a call: one that waits is dropped; one that runs is killed, with all processes that it has
  // started. Its `done` is called as ever, with kCancelledError unless the call has just ended
  // otherwise. Does nothing if no call of this id is under way.
  virtual void Cancel(const std::string& call_id) = 0;
};

}  // namespace millrace
