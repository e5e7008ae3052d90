#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/runtime/task_queues.h"
#include "engine/runtime/task_token.h"
#include "millrace/v1/worker.pb.h"
#include "service/calls.h"

namespace millrace::service {

// One worker's stream (WorkerService.Work): what it says goes to the queues, and their mail to it.
// While one message is being written, mail gathers for the next: so batches grow with the load,
// and nothing waits for a batch to fill. Thread-safe.
class WorkerStream : public OpenCall, public std::enable_shared_from_this<WorkerStream> {
 public:
  using Reactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

  WorkerStream(TaskQueues* queues, Reactor* reactor) : queues_(queues), reactor_(reactor) {}

  // The first message. After an error the caller ends the stream.
  absl::Status Open(const v1::WorkRequest& request);
  // The others.
  absl::Status Hear(const v1::WorkRequest& request);
  // Whether the worker is to be heard on now, rather than when it has been told what is due to it:
  // then this says true to nobody until `read_on` is called.
  bool MayRead(std::function<void()> read_on);
  void WriteDone(bool ok);
  // Ends the stream as soon as what there is has been written; with OK, what is due is told first.
  void End(const absl::Status& status) override;
  // The last call: gives up what the worker holds.
  void Drop();

 private:
  // Writes what there is to be told, unless a write is under way.
  void Pump();
  bool WriteOnce();
  void SetEnd(const absl::Status& status);  // with the lock
  // False if there is nothing.
  bool Fill(v1::WorkResponse* response);
  void AddItem(const QueuedTask& task, v1::WorkResponse* response);
  void TakeResults(const v1::WorkRequest& request);
  std::vector<TaskId> ReadTokens(const google::protobuf::RepeatedPtrField<std::string>& tokens);
  void Refuse(int64_t result, absl::string_view reason, absl::string_view message);

  TaskQueues* const queues_;
  // Only the thread that reads uses these.
  std::optional<TaskTokens> tokens_read_;
  int64_t results_ = 0;

  // Set once, by Open().
  std::shared_ptr<TaskQueues::Session> session_;
  // Only the thread that writes uses it: there is one at a time.
  std::optional<TaskTokens> tokens_made_;

  std::mutex mutex_;      // guards the rest: lanes wake, gRPC's threads read and write
  Reactor* reactor_;      // null once it has finished
  v1::WorkResponse own_;  // what this stream has to say itself
  int64_t untold_results_ = 0;
  std::function<void()> read_on_;
  bool is_writing_ = false;
  bool is_woken_ = false;  // since the write under way began
  std::optional<absl::Status> end_;
  grpc::ByteBuffer written_;
};

}  // namespace millrace::service
