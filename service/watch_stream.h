#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/runtime/executions.h"
#include "service/calls.h"

namespace millrace::service {

// One WatchExecution: writes an execution's history to a client as the runtime hands it over. A
// client that reads too slowly costs a few MiB at most: what does not fit is dropped, and watched
// again from the last event that was kept once the client has caught up. Thread-safe.
class WatchStream : public OpenCall, public std::enable_shared_from_this<WatchStream> {
 public:
  WatchStream(Executions* executions, ExecutionId id)
      : executions_(executions), id_(std::move(id)) {}

  // `writer` stays until after its Finish(), which this calls once.
  void Begin(grpc::ServerWriteReactor<grpc::ByteBuffer>* writer, int64_t after_id);
  void WriteDone(bool ok);
  // Ends the stream as soon as the write that is under way is done.
  void End(const absl::Status& status) override;
  // The last call: gives up the watch.
  void Drop();

 private:
  void Subscribe(int64_t after_id);
  void Receive(int subscription, const std::vector<HistoryEventView>& events);
  void ReceiveEnd(int subscription, const absl::Status& status);
  void Queue(const std::vector<HistoryEventView>& events);  // `mutex_` is held, as in those below
  void WriteOrFinish();

  Executions* const executions_;
  const ExecutionId id_;
  std::mutex mutex_;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* writer_ = nullptr;  // null once it has finished
  std::shared_ptr<Executions::Waiting> watch_;
  int subscription_ = 0;  // callbacks of earlier ones are dropped
  std::deque<grpc::ByteBuffer> queue_;
  size_t queued_bytes_ = 0;
  grpc::ByteBuffer written_;  // while `writing_`
  bool writing_ = false;
  int64_t last_id_ = 0;  // of the events that were queued
  bool behind_ = false;  // events after `last_id_` have been dropped
  std::optional<absl::Status> end_;
};

}  // namespace millrace::service
