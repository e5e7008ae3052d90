#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <variant>

#include "absl/container/flat_hash_map.h"
#include "engine/core/event.h"
#include "engine/runtime/work_queue.h"
#include "engine/tasks/function_host.h"
#include "engine/tasks/object_store.h"

namespace millrace {

// What a distributed Map asks of the object store.
using StoreCall = std::variant<ReadItems, WriteResults>;

// Does it; may block, as the store may. Without a store, nullptr, the call fails.
InvocationResult CallStore(ObjectStore* store, const StoreCall& call);

// A node's calls to the object store, a few at a time, on threads of their own: a store that
// answers slowly, or not at all, must hold up neither the long steps of other executions nor reads
// from the database. Thread-safe.
class StoreCalls {
 public:
  // `store` outlives this; nullptr: there is none.
  explicit StoreCalls(ObjectStore* store) : store_(store) {}
  ~StoreCalls() { Stop(); }

  // `call_id` is no other call's. `done` is called once, by any thread; not at all if the call is
  // cancelled, or waits when these stop.
  void Add(const std::string& call_id, StoreCall call, InvocationDone done);
  // Nobody waits for it any more, if it is here. What waits is dropped; what is under way asks the
  // store for no further object.
  void Cancel(const std::string& call_id);
  // Drops what waits, which the journal knows to be outstanding, and returns when the rest is done.
  void Stop();

 private:
  using IsCancelled = std::shared_ptr<std::atomic<bool>>;

  void Make(const std::string& call_id, const StoreCall& call, const InvocationDone& done,
            const IsCancelled& is_cancelled);

  ObjectStore* const store_;
  std::mutex mutex_;  // guards the rest: lanes add and cancel, threads finish
  absl::flat_hash_map<std::string, IsCancelled> under_way_;
  bool is_stopped_ = false;
  // More at a time would cost memory more than they gained: each may hold an object of 32 MiB.
  WorkQueue work_{4};
};

}  // namespace millrace
