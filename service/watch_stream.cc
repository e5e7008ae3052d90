#include "service/watch_stream.h"

#include <algorithm>
#include <utility>

#include "millrace/v1/execution.pb.h"
#include "service/convert/execution.h"
#include "service/reply.h"
#include "service/request.h"

namespace millrace::service {
namespace {

// Clients accept messages of 4 MiB by default.
constexpr size_t kMessageBytesMax = 1u << 20;
constexpr size_t kQueuedBytesMax = 4u << 20;

}  // namespace

void WatchStream::Begin(grpc::ServerWriteReactor<grpc::ByteBuffer>* writer, int64_t after_id) {
  {
    const std::lock_guard lock(mutex_);
    writer_ = writer;
    last_id_ = after_id;
  }
  Subscribe(after_id);
}

void WatchStream::Subscribe(int64_t after_id) {
  int subscription = 0;
  std::shared_ptr<Executions::Waiting> old;
  {
    const std::lock_guard lock(mutex_);
    subscription = ++subscription_;
    old = std::move(watch_);
  }
  old.reset();
  const std::weak_ptr<WatchStream> weak = weak_from_this();
  std::shared_ptr<Executions::Waiting> watch =
      executions_->Watch(id_, after_id,
                         {.events =
                              [weak, subscription](const std::vector<HistoryEventView>& events) {
                                const std::shared_ptr<WatchStream> self = weak.lock();
                                if (self == nullptr) return;
                                Calls::Guard(*self, [&] { self->Receive(subscription, events); });
                              },
                          .end =
                              [weak, subscription](const absl::Status& status) {
                                const std::shared_ptr<WatchStream> self = weak.lock();
                                if (self != nullptr) self->ReceiveEnd(subscription, status);
                              }});
  const std::lock_guard lock(mutex_);
  if (writer_ != nullptr && subscription == subscription_) watch_.swap(watch);
}

void WatchStream::Receive(int subscription, const std::vector<HistoryEventView>& events) {
  const std::lock_guard lock(mutex_);
  if (subscription != subscription_ || writer_ == nullptr || end_.has_value() || behind_) return;
  if (queued_bytes_ > kQueuedBytesMax) {
    behind_ = true;
    return;
  }
  Queue(events);
  WriteOrFinish();
}

void WatchStream::ReceiveEnd(int subscription, const absl::Status& status) {
  const std::lock_guard lock(mutex_);
  if (subscription != subscription_ || end_.has_value() || behind_) return;
  end_ = status;
  WriteOrFinish();
}

void WatchStream::Queue(const std::vector<HistoryEventView>& events) {
  v1::WatchExecutionResponse response;
  size_t bytes = 0;
  const auto flush = [&] {
    if (response.events().empty()) return;
    queue_.push_back(Serialize(response));
    queued_bytes_ += queue_.back().Length();
    response.Clear();
    bytes = 0;
  };
  for (const HistoryEventView& event : events) {
    v1::HistoryEvent proto = ToProto(event);
    const size_t event_bytes = proto.ByteSizeLong();
    if (bytes + event_bytes > kMessageBytesMax) flush();
    bytes += event_bytes;
    *response.add_events() = std::move(proto);
    last_id_ = event.id;
  }
  flush();
}

void WatchStream::WriteOrFinish() {
  if (writing_ || writer_ == nullptr) return;
  if (!queue_.empty()) {
    written_ = std::move(queue_.front());
    queue_.pop_front();
    writing_ = true;
    writer_->StartWrite(&written_);
  } else if (end_.has_value()) {
    std::exchange(writer_, nullptr)->Finish(ToGrpcStatus(*end_));
  }
}

void WatchStream::WriteDone(bool ok) {
  int64_t after_id = 0;
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    queued_bytes_ -= std::min(queued_bytes_, written_.Length());
    written_.Clear();
    if (!ok) {
      queue_.clear();
      end_ = absl::CancelledError("the client has gone");
    }
    WriteOrFinish();
    if (!behind_ || writing_ || writer_ == nullptr) return;
    behind_ = false;
    after_id = last_id_;
  }
  Subscribe(after_id);
}

void WatchStream::End(const absl::Status& status) {
  const std::lock_guard lock(mutex_);
  queue_.clear();
  end_ = status;
  WriteOrFinish();
}

void WatchStream::Drop() {
  std::shared_ptr<Executions::Waiting> watch;  // goes without the lock
  const std::lock_guard lock(mutex_);
  ++subscription_;
  watch.swap(watch_);
}

}  // namespace millrace::service
