#pragma once

#include <cstdint>
#include <deque>
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
  std::string frame;
  InvocationDone done;
};

// The frame of a call: what python_runner.h says a request is.
std::string MakeRequestFrame(uint64_t number, const HandlerName& handler, const Json& event,
                             const InvocationContext& context);

// One Python process that serves one function version, and the line of calls that were given to
// it. It answers them one by one in their order; the first in line is the one that it runs. Used
// by one thread only, which must be the one that started it and must outlive it.
class PythonProcess {
 public:
  // kStarting until the interpreter runs; kEnding once it was killed and only its exit is awaited.
  enum class Phase { kStarting, kServing, kEnding };

  // What came from the process: an answer to the first in line, or the end of its usefulness.
  struct Received {
    std::vector<std::string> frames;
    bool closed = false;  // no more will come
  };

  // Puts the code into a folder and starts the process there.
  static absl::StatusOr<PythonProcess> Start(std::shared_ptr<const FunctionCode> code,
                                             const std::string& python_path, CodeFolder folder,
                                             int64_t now_nanos);

  Phase phase() const { return phase_; }
  const FunctionCode& code() const { return *code_; }
  const ChildProcess& child() const { return child_; }
  const std::deque<PythonCall>& line() const { return line_; }
  // Since when the first in line is first, or since when the line is empty, or the process
  // starting.
  int64_t since_nanos() const { return since_nanos_; }
  // Whether it had a call since it was started.
  bool has_served() const { return has_served_; }

  // Whether the line has come down so far that filling it is worth a write.
  bool wants_calls() const;
  // Whether one more call fits. An empty line takes a call of any size.
  bool HasRoomFor(const PythonCall& call) const;
  void Enqueue(PythonCall call, int64_t now_nanos);
  // Sends as much of the line as the pipe takes. False if more is left to send.
  bool Send();

  // Reads what is there; kReadAll until there is nothing more, as after the process's end.
  enum class ReadMode { kReadOnce, kReadAll };
  Received Receive(ReadMode mode);
  // The interpreter runs: the first in line begins now.
  void BecomeReady(int64_t now_nanos);
  // Takes the first out of the line: the next one begins now.
  PythonCall TakeFirst(int64_t now_nanos);
  // Takes all that is left of the line.
  std::deque<PythonCall> TakeLine();

  // Kills the process and its children and closes the pipes.
  void End();
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
  std::deque<PythonCall> line_;
  size_t line_bytes_ = 0;
  size_t sent_calls_ = 0;  // of the line, from its start, written completely
  size_t sent_bytes_ = 0;  // of the call after them
  std::string input_;
  int64_t since_nanos_;
  bool has_served_ = false;
};

}  // namespace millrace
