#include "engine/tasks/python_process.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/tasks/python_runner.h"

namespace millrace {
namespace {

// What a new process is good for: starting it costs some ten calls.
constexpr int kTurnCalls = 32;
constexpr int64_t kTurnNanos = 1'000'000'000;
// What the interpreter itself maps, so that a small memory limit is still the function's own.
constexpr int64_t kInterpreterBytes = 64 << 20;
constexpr size_t kHeaderBytes = 4;
// The longest result (see python_runner.cc) and what is around it.
constexpr size_t kAnswerBytesMax = (6 << 20) + (256 << 10);
constexpr size_t kReadBytes = 64 << 10;

size_t ReadLength(const char* header) {
  size_t length = 0;
  for (size_t i = 0; i < kHeaderBytes; ++i) {
    length = length << 8 | static_cast<unsigned char>(header[i]);
  }
  return length;
}

void WriteLength(size_t length, char* header) {
  for (size_t i = kHeaderBytes; i-- > 0; length >>= 8) header[i] = static_cast<char>(length & 0xff);
}

void AppendTextMember(absl::string_view key, absl::string_view value, std::string* out) {
  absl::StrAppend(out, "\"", key, "\":");
  AppendJsonString(value, out);
}

// The runner, which all processes read from the same memory.
int RunnerFile() {
  static const FileDescriptor* const file =
      new FileDescriptor(MakeSealedFile(std::string(kPythonRunner)));
  return file->get();
}

ProcessSpec MakeSpec(const FunctionCode& code, const HandlerName& handler,
                     const PythonProcess::Options& options, const CodeFolder& folder) {
  return {
      .arguments = {options.python_path, "-I", "-B", absl::StrCat("/proc/self/fd/", kChildProgram),
                    handler.module, handler.function, absl::StrCat(code.memory_bytes_max >> 20),
                    absl::StrCat(absl::ToInt64Milliseconds(code.timeout)),
                    folder.reader() ? "own" : "shared"},
      // One malloc arena: each further one maps 64 MiB that count against the memory limit.
      .environment = {"LANG=C.UTF-8", "MALLOC_ARENA_MAX=1"},
      .folder = folder.path(),
      .address_space_bytes_max = code.memory_bytes_max + kInterpreterBytes,
      .user = folder.reader(),
      .program = RunnerFile(),
      .may_isolate = options.may_isolate,
  };
}

}  // namespace

std::string MakeRequestFrame(uint64_t number, const HandlerName& handler, const Json& event,
                             const InvocationContext& context) {
  std::string frame(kHeaderBytes, '\0');
  absl::StrAppend(&frame, "{\"n\":", number, ",\"event\":");
  if (handler.takes_text()) {
    AppendJsonString(event.ToText(), &frame);
  } else {
    event.AppendText(&frame);
  }
  absl::StrAppend(&frame, ",\"context\":{\"event_id\":", context.event_id, ",");
  AppendTextMember("execution", context.execution_name, &frame);
  frame += ',';
  AppendTextMember("idempotency_key", context.idempotency_key, &frame);
  frame += ',';
  AppendTextMember("request_id", context.request_id, &frame);
  frame += ',';
  AppendTextMember("function_name", context.function_name, &frame);
  frame += "}}";
  WriteLength(frame.size() - kHeaderBytes, frame.data());
  return frame;
}

absl::StatusOr<PythonProcess> PythonProcess::Start(std::shared_ptr<const FunctionCode> code,
                                                   const Options& options, CodeFolder folder,
                                                   int64_t now_nanos) {
  MILLRACE_ASSIGN_OR_RETURN(const HandlerName handler, ParseHandlerName(code->handler));
  if (RunnerFile() < 0) return absl::UnavailableError("no room for the runner's file");
  MILLRACE_ASSIGN_OR_RETURN(ChildProcess child,
                            StartProcess(MakeSpec(*code, handler, options, folder)));
  return PythonProcess(std::move(code), std::move(folder), std::move(child), now_nanos);
}

PythonProcess::PythonProcess(std::shared_ptr<const FunctionCode> code, CodeFolder folder,
                             ChildProcess child, int64_t now_nanos)
    : code_(std::move(code)),
      folder_(std::move(folder)),
      child_(std::move(child)),
      since_nanos_(now_nanos) {}

bool PythonProcess::has_had_turn(int64_t now_nanos) const {
  return given_calls_ >= kTurnCalls || (given_calls_ > 0 && now_nanos - ready_nanos_ >= kTurnNanos);
}

bool PythonProcess::is_quiet() const {
  if (!input_.empty()) return false;
  pollfd answers{.fd = child_.answers.get(), .events = POLLIN, .revents = 0};
  return poll(&answers, 1, 0) == 0;
}

void PythonProcess::Give(PythonCall call, int64_t now_nanos) {
  MILLRACE_CHECK(is_free());
  call_ = std::move(call);
  sent_bytes_ = 0;
  since_nanos_ = now_nanos;
  ++given_calls_;
}

bool PythonProcess::Send() {
  while (call_ && sent_bytes_ < call_->frame.size()) {
    const ssize_t written = write(child_.requests.get(), call_->frame.data() + sent_bytes_,
                                  call_->frame.size() - sent_bytes_);
    if (written < 0 && errno == EINTR) continue;
    // A process that reads no more is on its way out, which its exit or its answers tell.
    if (written < 0) return errno != EAGAIN;
    sent_bytes_ += static_cast<size_t>(written);
  }
  return true;
}

PythonProcess::Received PythonProcess::Receive(ReadMode mode) {
  Received received;
  std::array<char, kReadBytes> chunk;  // not initialized: most answers are short
  // One answer is all that may come; a process that writes on and on is not to be read for ever.
  while (!received.is_closed && !received.is_broken && received.frames.empty()) {
    const ssize_t size = read(child_.answers.get(), chunk.data(), chunk.size());
    if (size > 0) input_.append(chunk.data(), static_cast<size_t>(size));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) break;
    received.is_closed = size <= 0;
    received.is_broken = size > 0 && !TakeFrames(&received.frames);
    if (mode == ReadMode::kReadOnce) break;
  }
  return received;
}

bool PythonProcess::TakeFrames(std::vector<std::string>* frames) {
  size_t start = 0;
  while (input_.size() - start >= kHeaderBytes) {
    const size_t length = ReadLength(input_.data() + start);
    if (length > kAnswerBytesMax) return false;
    if (input_.size() - start - kHeaderBytes < length) break;
    frames->push_back(input_.substr(start + kHeaderBytes, length));
    start += kHeaderBytes + length;
  }
  input_.erase(0, start);
  return true;
}

void PythonProcess::BecomeReady(int64_t now_nanos) {
  MILLRACE_CHECK(phase_ == Phase::kStarting);
  phase_ = Phase::kServing;
  since_nanos_ = ready_nanos_ = now_nanos;
}

void PythonProcess::BecomeClosed(int64_t now_nanos) {
  MILLRACE_CHECK(is_heard());
  phase_ = Phase::kClosed;
  since_nanos_ = now_nanos;
}

PythonCall PythonProcess::TakeCall(int64_t now_nanos) {
  MILLRACE_CHECK(call_.has_value());
  PythonCall call = *std::exchange(call_, std::nullopt);
  since_nanos_ = now_nanos;
  return call;
}

void PythonProcess::End(int64_t now_nanos) {
  child_.Kill();
  child_.requests.Close();
  child_.answers.Close();
  phase_ = Phase::kEnding;
  since_nanos_ = now_nanos;
}

void PythonProcess::EndByForce(int64_t now_nanos) {
  child_.KillGroup();
  since_nanos_ = now_nanos;
}

int PythonProcess::WaitForEnd() const {
  const int status = child_.WaitForEnd();
  // Whatever the function did to the process that was to see to its descendants.
  if (!child_.is_isolated && folder_.reader()) KillAllOf(*folder_.reader());
  char text[16];
  const ssize_t size = read(child_.status.get(), text, sizeof(text));
  int served = 0;
  const bool is_told =
      size > 0 && absl::SimpleAtoi(absl::string_view(text, static_cast<size_t>(size)), &served);
  return is_told ? served : status;
}

}  // namespace millrace
