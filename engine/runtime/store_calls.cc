#include "engine/runtime/store_calls.h"

#include <utility>
#include <vector>

#include "engine/tasks/item_reader.h"
#include "engine/tasks/result_writer.h"

namespace millrace {
namespace {

// A store for one call, which ends between two objects when the call is cancelled.
class CancellableStore : public ObjectStore {
 public:
  CancellableStore(ObjectStore* store, const std::atomic<bool>* is_cancelled)
      : store_(store), is_cancelled_(*is_cancelled) {}

  absl::StatusOr<std::string> Get(const std::string& bucket, const std::string& key,
                                  size_t bytes_max) override {
    if (is_cancelled_) return Cancelled();
    return store_->Get(bucket, key, bytes_max);
  }
  absl::Status Put(const std::string& bucket, const std::string& key,
                   absl::string_view body) override {
    if (is_cancelled_) return Cancelled();
    return store_->Put(bucket, key, body);
  }
  absl::StatusOr<std::vector<StoredObject>> List(const std::string& bucket,
                                                 const std::string& prefix,
                                                 size_t count_max) override {
    if (is_cancelled_) return Cancelled();
    return store_->List(bucket, prefix, count_max);
  }

 private:
  static absl::Status Cancelled() { return absl::CancelledError("nobody waits for it any more"); }

  ObjectStore* const store_;
  const std::atomic<bool>& is_cancelled_;
};

}  // namespace

InvocationResult CallStore(ObjectStore* store, const StoreCall& call) {
  const auto* read = std::get_if<ReadItems>(&call);
  if (store == nullptr) {
    return AslError{
        .name = read != nullptr ? "States.ItemReaderFailed" : "States.ResultWriterFailed",
        .cause = read != nullptr
                     ? "No object store is configured here for 'ItemReader' to read from."
                     : "No object store is configured here for 'ResultWriter' to write to."};
  }
  if (read != nullptr) return ReadMapItems(*store, read->request);
  const auto& write = std::get<WriteResults>(call);
  return WriteMapResults(*store, write.request, write.results);
}

void StoreCalls::Add(const std::string& call_id, StoreCall call, InvocationDone done) {
  const auto is_cancelled = std::make_shared<std::atomic<bool>>(false);
  {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) return;
    under_way_[call_id] = is_cancelled;
  }
  work_.Add([this, call_id, call = std::move(call), done = std::move(done), is_cancelled] {
    Make(call_id, call, done, is_cancelled);
  });
}

void StoreCalls::Make(const std::string& call_id, const StoreCall& call, const InvocationDone& done,
                      const IsCancelled& is_cancelled) {
  if (*is_cancelled) return;
  CancellableStore store(store_, is_cancelled.get());
  InvocationResult result = CallStore(store_ == nullptr ? nullptr : &store, call);
  {
    const std::lock_guard lock(mutex_);
    if (under_way_.erase(call_id) == 0) return;  // cancelled
  }
  done(std::move(result));
}

void StoreCalls::Cancel(const std::string& call_id) {
  const std::lock_guard lock(mutex_);
  const auto found = under_way_.find(call_id);
  if (found == under_way_.end()) return;
  *found->second = true;
  under_way_.erase(found);
}

void StoreCalls::Stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    for (const auto& [call_id, is_cancelled] : under_way_) *is_cancelled = true;
    under_way_.clear();
  }
  work_.Stop();
}

}  // namespace millrace
