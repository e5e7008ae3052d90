#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "engine/base/clock.h"
#include "engine/base/ids.h"
#include "engine/runtime/storage.h"

namespace millrace {

// What all parts of this node share: who it is, and what it last heard from the database.
// Thread-safe.
class Node {
 public:
  Node(NodeIncarnation me, std::string address) : me_(me), address_(std::move(address)) {}

  const NodeIncarnation& me() const { return me_; }
  const std::string& address() const { return address_; }

  int64_t NextBatch() { return ++batches_; }

  // The database that this node has read, and until when its writes count.
  struct Lease {
    DatabaseToken token;
    absl::Time deadline = absl::InfinitePast();
  };
  Lease lease() const {
    const std::lock_guard lock(mutex_);
    return lease_;
  }
  // Whether `token` is a new one: all that was read before is then to be forgotten. Only heartbeats
  // tell, which come one after the other: what another thread read may be older.
  bool SeeToken(const DatabaseToken& token) {
    const std::lock_guard lock(mutex_);
    if (lease_.token == token) return false;
    lease_.token = token;
    return true;
  }
  // After a successful compare, with the database's time then.
  void ExtendDeadline(absl::Time database_now) {
    const std::lock_guard lock(mutex_);
    lease_.deadline = database_now + absl::Seconds(60);
  }

  // Tasks go out only while the node knows that others see it alive.
  void ConfirmHeartbeat() { confirmed_nanos_ = SteadyNanos(); }
  int64_t confirmed_nanos() const { return confirmed_nanos_; }
  bool MayDispatch() const { return SteadyNanos() - confirmed_nanos_ < 4'000'000'000; }

 private:
  const NodeIncarnation me_;
  const std::string address_;
  std::atomic<int64_t> batches_{0};
  std::atomic<int64_t> confirmed_nanos_{0};
  mutable std::mutex mutex_;  // guards lease_: the heartbeat writes it, every lane reads it
  Lease lease_;
};

}  // namespace millrace
