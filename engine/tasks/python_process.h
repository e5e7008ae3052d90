#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/tasks/function_code.h"
#include "engine/tasks/function_host.h"
#include "engine/tasks/process.h"

namespace millrace {

// One invocation on its way: the frame to send, and whom to tell.
struct PythonCall {
  uint64_t number = 0;
  std::string id;  // for Cancel(); may be empty
  std::string frame;
  InvocationDone done;
};

// The frame of a call: what python_runner.h says a request is.
std::string MakeRequestFrame(uint64_t number, const HandlerName& handler, const Json& event,
                             const InvocationContext& context);

// One Python process that serves one function version, and the one call that it runs. It gets the
// next call only after its answer to the last, so that whatever comes from it at any time is about
// that call. Used by one thread only, which must be the one that started it and must outlive it.
class PythonProcess {
 public:
  // kStarting until the interpreter runs; kClosed once it has closed its answers, and should be on
  // its way out; kEnding once it was killed and only its exit is awaited.
  enum class Phase { kStarting, kServing, kClosed, kEnding };

  // What came from the process: answers, or the end of its usefulness.
  struct Received {
    std::vector<std::string> frames;
    bool is_closed = false;  // no more will come
    bool is_broken = false;  // what came is no answer
  };

  struct Options {
    std::string python_path;
    bool may_isolate = true;
  };

  // Starts the process in a folder that has its code.
  static absl::StatusOr<PythonProcess> Start(std::shared_ptr<const FunctionCode> code,
                                             const Options& options, CodeFolder folder,
                                             int64_t now_nanos);

  Phase phase() const { return phase_; }
  const FunctionCode& code() const { return *code_; }
  const ChildProcess& child() const { return child_; }
  const std::optional<PythonCall>& call() const { return call_; }
  // Since when it runs its call, or is idle, or in its phase.
  int64_t since_nanos() const { return since_nanos_; }
  // Whether it has had a fair share of calls since it was started, when other functions wait for a
  // process.
  bool has_had_turn(int64_t now_nanos) const;
  // Whether it is one that answers could still come from.
  bool is_heard() const { return phase_ == Phase::kStarting || phase_ == Phase::kServing; }
  bool was_ready() const { return ready_nanos_ != 0; }
  // Whether the next call can be given to it.
  bool is_free() const { return phase_ == Phase::kServing && !call_; }
  // Between calls: whether nothing has come since the last answer. Otherwise the function writes
  // answers of its own, and the next call is not to be mistaken for their sender.
  bool is_quiet() const;

  void Give(PythonCall call, int64_t now_nanos);
  // Sends as much of the call as the pipe takes. False if more is left to send.
  bool Send();

  // Reads what is there; kReadAll until there is nothing more, as after the process's end.
  enum class ReadMode { kReadOnce, kReadAll };
  Received Receive(ReadMode mode);
  // The interpreter runs.
  void BecomeReady(int64_t now_nanos);
  // It has closed its answers: how it ends, which is soon known, tells why.
  void BecomeClosed(int64_t now_nanos);
  PythonCall TakeCall(int64_t now_nanos);

  // Kills the process and its descendants and closes the pipes.
  void End(int64_t now_nanos);
  // Again, for one that was asked to end and has not.
  void EndByForce(int64_t now_nanos);
  // Waits for its end and returns the wait status of the process that served.
  int WaitForEnd() const;
  // The folder, to be removed where that holds up nobody.
  CodeFolder TakeFolder() { return std::move(folder_); }

 private:
  PythonProcess(std::shared_ptr<const FunctionCode> code, CodeFolder folder, ChildProcess child,
                int64_t now_nanos);
  // Moves complete frames from `input_`. False if the bytes are no frames of ours.
  bool TakeFrames(std::vector<std::string>* frames);

  std::shared_ptr<const FunctionCode> code_;
  CodeFolder folder_;
  ChildProcess child_;
  Phase phase_ = Phase::kStarting;
  std::optional<PythonCall> call_;
  size_t sent_bytes_ = 0;  // of the call
  std::string input_;
  int64_t since_nanos_;
  int64_t ready_nanos_ = 0;
  int given_calls_ = 0;
};

}  // namespace millrace
