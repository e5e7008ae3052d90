#include "engine/tasks/python_process.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/tasks/python_runner.h"

namespace millrace {
namespace {

// Calls in line at one process. Enough to keep it busy while answers and new calls are on their
// way; few enough that a process's death sends little to another.
constexpr size_t kLineCallsMax = 32;
// Bytes in line, because the process holds what it has read against its memory limit.
constexpr size_t kLineBytesMax = 256 << 10;
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

ProcessSpec MakeSpec(const FunctionCode& code, const HandlerName& handler,
                     const std::string& python_path, const std::string& folder) {
  return {
      .arguments = {python_path, "-I", "-B", "-c", kPythonRunner, handler.module, handler.function,
                    absl::StrCat(code.memory_bytes_max >> 20),
                    absl::StrCat(absl::ToInt64Milliseconds(code.timeout))},
      // One malloc arena: each further one maps 64 MiB that count against the memory limit.
      .environment = {"LANG=C.UTF-8", "MALLOC_ARENA_MAX=1"},
      .folder = folder,
      .address_space_bytes_max = code.memory_bytes_max + kInterpreterBytes,
      .identity = UnprivilegedIdentity(),
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
                                                   const std::string& python_path,
                                                   CodeFolder folder, int64_t now_nanos) {
  MILLRACE_ASSIGN_OR_RETURN(const HandlerName handler, ParseHandlerName(code->handler));
  MILLRACE_ASSIGN_OR_RETURN(ChildProcess child,
                            StartProcess(MakeSpec(*code, handler, python_path, folder.path())));
  return PythonProcess(std::move(code), std::move(folder), std::move(child), now_nanos);
}

PythonProcess::PythonProcess(std::shared_ptr<const FunctionCode> code, CodeFolder folder,
                             ChildProcess child, int64_t now_nanos)
    : code_(std::move(code)),
      folder_(std::move(folder)),
      child_(std::move(child)),
      since_nanos_(now_nanos) {}

bool PythonProcess::wants_calls() const {
  return phase_ != Phase::kEnding && line_.size() <= kLineCallsMax / 2;
}

bool PythonProcess::HasRoomFor(const PythonCall& call) const {
  if (line_.empty()) return true;
  return line_.size() < kLineCallsMax && line_bytes_ + call.frame.size() <= kLineBytesMax;
}

void PythonProcess::Enqueue(PythonCall call, int64_t now_nanos) {
  if (line_.empty() && phase_ == Phase::kServing) since_nanos_ = now_nanos;
  line_bytes_ += call.frame.size();
  line_.push_back(std::move(call));
  has_served_ = true;
}

bool PythonProcess::Send() {
  while (sent_calls_ < line_.size()) {
    std::array<iovec, kLineCallsMax> pieces;
    int count = 0;
    size_t skip = sent_bytes_;
    for (size_t i = sent_calls_; i < line_.size() && count < static_cast<int>(kLineCallsMax); ++i) {
      std::string& frame = line_[i].frame;
      pieces[count++] = {.iov_base = frame.data() + skip, .iov_len = frame.size() - skip};
      skip = 0;
    }
    const ssize_t written = writev(child_.requests.get(), pieces.data(), count);
    if (written < 0 && errno == EINTR) continue;
    // A process that reads no more is on its way out, which its exit or its answers tell.
    if (written < 0) return errno != EAGAIN;
    sent_bytes_ += static_cast<size_t>(written);
    while (sent_calls_ < line_.size() && sent_bytes_ >= line_[sent_calls_].frame.size()) {
      sent_bytes_ -= line_[sent_calls_++].frame.size();
    }
  }
  return true;
}

PythonProcess::Received PythonProcess::Receive(ReadMode mode) {
  Received received;
  while (!received.closed) {
    const size_t before = input_.size();
    input_.resize(before + kReadBytes);
    const ssize_t size = read(child_.answers.get(), input_.data() + before, kReadBytes);
    input_.resize(before + static_cast<size_t>(std::max<ssize_t>(size, 0)));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) break;
    received.closed = size <= 0 || !TakeFrames(&received.frames);
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
  since_nanos_ = now_nanos;
}

PythonCall PythonProcess::TakeFirst(int64_t now_nanos) {
  MILLRACE_CHECK(!line_.empty());
  PythonCall call = std::move(line_.front());
  line_.pop_front();
  line_bytes_ -= call.frame.size();
  if (sent_calls_ > 0) {
    --sent_calls_;
  } else {
    sent_bytes_ = 0;  // answered before it was sent: only a process that is about to end
  }
  since_nanos_ = now_nanos;
  return call;
}

std::deque<PythonCall> PythonProcess::TakeLine() {
  sent_calls_ = sent_bytes_ = line_bytes_ = 0;
  return std::exchange(line_, {});
}

void PythonProcess::End() {
  child_.KillGroup();
  child_.requests.Close();
  child_.answers.Close();
  phase_ = Phase::kEnding;
}

}  // namespace millrace
