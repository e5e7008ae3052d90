#include "service/client/worker.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>

#include "millrace/v1/worker.grpc.pb.h"

namespace millrace::client {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBackOffMin{100};
constexpr std::chrono::milliseconds kBackOffMax{5000};
constexpr std::chrono::seconds kResendAfter{1};
constexpr std::chrono::seconds kStopPatience{5};
constexpr int kListedMax = 10'000;  // of results or tokens in a message
constexpr size_t kMessageBytes = 1 << 20;
// A server takes messages of 4 MiB.
constexpr size_t kOutputBytesMax = (4 << 20) - 1000;
constexpr size_t kErrorBytesMax = 256;
constexpr size_t kCauseBytesMax = 32'768;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// How many bytes the character at the front of `text` has; 0 if that is none of UTF-8.
size_t CharacterBytes(const char* text, size_t left) {
  const auto lead = static_cast<unsigned char>(*text);
  if (lead < 0x80) return 1;
  const size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || bytes > left) return 0;
  for (size_t i = 1; i < bytes; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool is_short = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool is_surrogate = lead == 0xed && second >= 0xa0;
  const bool is_beyond = lead == 0xf4 && second >= 0x90;
  return is_short || is_surrogate || is_beyond ? 0 : bytes;
}

bool IsUtf8(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const size_t bytes = CharacterBytes(text.data() + at, text.size() - at);
    if (bytes == 0) return false;
    at += bytes;
  }
  return true;
}

// What a server takes of a text: at most so much of it, in whole characters, with '?' for what is
// none.
std::string Presentable(const std::string& text, size_t bytes_max) {
  std::string presentable;
  for (size_t at = 0; at < text.size();) {
    const size_t bytes = CharacterBytes(text.data() + at, text.size() - at);
    if (presentable.size() + std::max<size_t>(bytes, 1) > bytes_max) break;
    presentable += bytes == 0 ? "?" : text.substr(at, bytes);
    at += std::max<size_t>(bytes, 1);
  }
  return presentable;
}

void SetFailure(const Outcome::Failure& failure, v1::TaskResult* result) {
  result->mutable_failure()->set_error(Presentable(failure.error, kErrorBytesMax));
  result->mutable_failure()->set_cause(Presentable(failure.cause, kCauseBytesMax));
}

// An outcome that no server would take fails the task, and says why.
void SetOutcome(Outcome outcome, v1::TaskResult* result) {
  if (outcome.failure.has_value()) return SetFailure(*outcome.failure, result);
  if (outcome.output.size() > kOutputBytesMax) {
    return SetFailure({.error = "InvalidResult", .cause = "the output is over 4 MiB"}, result);
  }
  if (!IsUtf8(outcome.output)) {
    return SetFailure({.error = "InvalidResult", .cause = "the output is no UTF-8"}, result);
  }
  result->set_output(std::move(outcome.output));
}

}  // namespace

// All that a worker is. Its threads: one that keeps the stream and the heartbeats, those that call
// the handler, and gRPC's own, which read and write.
class Worker::State : public std::enable_shared_from_this<Worker::State> {
 public:
  State(WorkerOptions options, Handler handler)
      : options_(std::move(options)), handler_(std::move(handler)) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);  // an item is as large as its workflow's data may be
    // A server that is gone without a word is noticed.
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
    arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    stub_ = v1::WorkerService::NewStub(
        grpc::CreateCustomChannel(options_.address, grpc::InsecureChannelCredentials(), arguments));
  }

  void Begin() {
    for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { RunHandlers(); });
    keeper_ = std::thread([this] { Keep(); });
  }

  void Stop() {
    {
      std::unique_lock lock(mutex_);
      if (is_stopping_) return;
      is_stopping_ = true;
      waiting_.clear();
      changed_.notify_all();
      handlers_.notify_all();
      changed_.wait_for(lock, kStopPatience, [this] {
        return running_ == 0 && results_.empty() && unacknowledged_.empty();
      });
      is_stopped_ = true;
      if (stream_ != nullptr) stream_->context.TryCancel();
      changed_.notify_all();
    }
    keeper_.join();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  // A task that this worker has.
  struct Held {
    std::atomic<bool> is_cancelled{false};
    std::optional<Clock::duration> heartbeat;
    bool is_done = false;  // its result is on its way
  };
  struct Waiting {
    std::string token;
    Task task;
  };

  class Stream : public grpc::ClientBidiReactor<v1::WorkRequest, v1::WorkResponse> {
   public:
    Stream(std::shared_ptr<State> state, v1::WorkRequest hello)
        : state_(std::move(state)), written_(std::move(hello)) {}

    void Begin(v1::WorkerService::Stub& stub) {
      stub.async()->Work(&context, this);
      // The keeper's and the handlers' threads write: until the last read has failed, when
      // nobody writes any more, gRPC is to keep the call.
      AddHold();
      StartRead(&read_);
      StartWrite(&written_);
      StartCall();
    }
    void Write(v1::WorkRequest request) {
      written_ = std::move(request);
      StartWrite(&written_);
    }
    void OnReadDone(bool ok) override {
      if (!ok) {
        state_->CloseStream(*this);
        return RemoveHold();
      }
      state_->Hear(*this, read_);
      StartRead(&read_);
    }
    void OnWriteDone(bool ok) override { state_->WriteDone(*this, ok); }
    void OnDone(const grpc::Status& status) override { state_->EndStream(*this, status); }

    grpc::ClientContext context;
    // The rest is guarded by the state's mutex.
    bool is_writing = true;
    int64_t results = 0;  // sent over this stream
    Clock::time_point beaten_at = Clock::now();

   private:
    const std::shared_ptr<State> state_;
    v1::WorkRequest written_;
    v1::WorkResponse read_;
  };

  void Report(const std::string& problem) {
    if (options_.on_problem) options_.on_problem(problem);
  }

  // ---- The stream: opened again when it breaks, and kept alive.

  void Keep() {
    std::unique_lock lock(mutex_);
    while (!is_stopped_) {
      const Clock::time_point now = Clock::now();
      ResendReturned(now);
      if (stream_ == nullptr && now >= open_at_) OpenStream();
      if (stream_ != nullptr && !stream_->is_writing) {
        WriteResults();
        if (!stream_->is_writing && now - stream_->beaten_at >= BeatInterval()) Beat();
      }
      changed_.wait_for(lock, std::min<Clock::duration>(BeatInterval() / 4, kBackOffMin));
    }
    changed_.wait(lock, [this] { return streams_ == 0; });
  }

  void OpenStream() {
    v1::WorkRequest request;
    v1::WorkerHello& hello = *request.mutable_hello();
    hello.set_parent("projects/" + options_.project);
    for (const std::string& queue : options_.queues) hello.add_queues(queue);
    hello.set_items_max(options_.items_max);
    hello.set_worker_id(options_.worker_id);
    // Those that are being done first: of the others the results say as much.
    for (const bool is_done : {false, true}) {
      for (const auto& [token, held] : held_) {
        if (hello.held_task_tokens_size() == kListedMax) break;
        if (held->is_done == is_done) hello.add_held_task_tokens(token);
      }
    }
    ++streams_;
    // Deletes itself with its OnDone, which EndStream sees.
    stream_ = new Stream(shared_from_this(), std::move(request));
    stream_->Begin(*stub_);
  }

  // Nobody writes to it from now on.
  void CloseStream(Stream& stream) {
    const std::lock_guard lock(mutex_);
    if (stream_ == &stream) stream_ = nullptr;
    open_at_ = Clock::time_point::max();  // not before its end
  }

  void EndStream(Stream& stream, const grpc::Status& status) {
    bool is_last = false;
    {
      const std::lock_guard lock(mutex_);
      is_last = is_stopped_;
      if (stream_ == &stream) stream_ = nullptr;
      --streams_;
      // In their order, before what has not been sent yet.
      for (auto it = unacknowledged_.rbegin(); it != unacknowledged_.rend(); ++it) {
        results_.push_front(std::move(it->second));
      }
      unacknowledged_.clear();
      open_at_ = Clock::now() + back_off_;
      back_off_ = std::min(back_off_ * 2, kBackOffMax);
      changed_.notify_all();
    }
    if (!status.ok() && !is_last) Report("the stream has ended: " + status.error_message());
    delete &stream;
  }

  // As often as the server asks for, and as the Tasks that this worker does.
  Clock::duration BeatInterval() const {
    Clock::duration interval = heartbeat_interval_;
    for (const auto& [token, held] : held_) {
      if (held->heartbeat.has_value()) interval = std::min(interval, *held->heartbeat / 3);
    }
    return interval;
  }

  void Beat() {
    v1::WorkRequest request;
    for (const auto& [token, held] : held_) {
      if (held->heartbeat.has_value() && request.heartbeats_size() < kListedMax) {
        request.add_heartbeats(token);
      }
    }
    stream_->beaten_at = Clock::now();
    Send(std::move(request));
  }

  // With the lock, as those that follow.
  void Send(v1::WorkRequest request) {
    stream_->is_writing = true;
    stream_->Write(std::move(request));
  }

  void WriteResults() {
    if (results_.empty() || stream_ == nullptr || stream_->is_writing) return;
    v1::WorkRequest request;
    size_t bytes = 0;
    while (!results_.empty() && request.results_size() < kListedMax) {
      bytes += results_.front().ByteSizeLong() + 10;
      if (bytes > kMessageBytes && request.results_size() > 0) break;
      v1::TaskResult result = std::move(results_.front());
      results_.pop_front();
      *request.add_results() = result;
      unacknowledged_.emplace(++stream_->results, std::move(result));
    }
    Send(std::move(request));
  }

  void WriteDone(Stream& stream, bool ok) {
    const std::lock_guard lock(mutex_);
    stream.is_writing = !ok;  // a broken stream is written no more
    if (ok && stream_ == &stream) WriteResults();
  }

  // ---- What the server says.

  void Hear(Stream& stream, const v1::WorkResponse& response) {
    std::vector<Waiting> mine;
    {
      const std::lock_guard lock(mutex_);
      if (response.has_terms()) {
        back_off_ = kBackOffMin;
        const auto& interval = response.terms().heartbeat_interval();
        heartbeat_interval_ =
            std::chrono::seconds(interval.seconds()) + std::chrono::nanoseconds(interval.nanos());
      }
      for (const int64_t number : response.acknowledged()) Forget(number);
      for (const int64_t number : response.returned()) {
        const auto found = unacknowledged_.find(number);
        if (found == unacknowledged_.end()) continue;
        returned_.emplace(Clock::now() + kResendAfter, std::move(found->second));
        unacknowledged_.erase(found);
      }
      for (const v1::ResultRefusal& refusal : response.refusals()) TakeRefusal(refusal);
      for (const std::string& token : response.cancelled()) {
        if (const auto found = held_.find(token); found != held_.end()) {
          found->second->is_cancelled = true;
        }
      }
      for (const v1::WorkItem& item : response.items()) Accept(item, &mine);
      if (is_stopping_) changed_.notify_all();
    }
    for (const v1::ResultRefusal& refusal : response.refusals()) {
      Report("a result was refused: " + refusal.reason() + ": " + refusal.message());
    }
    for (Waiting& waiting : mine) Do(std::move(waiting));
    if (!mine.empty()) {
      const std::lock_guard lock(mutex_);
      if (stream_ == &stream) WriteResults();
    }
  }

  // The task still waits for a result: that this one was none.
  void TakeRefusal(const v1::ResultRefusal& refusal) {
    const auto found = unacknowledged_.find(refusal.result());
    if (refusal.reason() != "INVALID_RESULT" || found == unacknowledged_.end() ||
        found->second.has_failure()) {
      return Forget(refusal.result());
    }
    v1::TaskResult& again = results_.emplace_back();
    again.set_task_token(found->second.task_token());
    SetFailure({.error = "InvalidResult", .cause = refusal.message()}, &again);
    unacknowledged_.erase(found);
  }

  // A result that is settled: its task may only now be delivered as another one.
  void Forget(int64_t number) {
    const auto found = unacknowledged_.find(number);
    if (found == unacknowledged_.end()) return;
    held_.erase(found->second.task_token());
    unacknowledged_.erase(found);
  }

  void Accept(const v1::WorkItem& item, std::vector<Waiting>* mine) {
    if (is_stopping_) return;
    const auto [found, is_new] = held_.try_emplace(item.task_token());
    if (!is_new) return;  // delivered again before its result is settled
    auto held = std::make_shared<Held>();
    if (item.has_heartbeat_timeout()) {
      held->heartbeat = std::chrono::seconds(item.heartbeat_timeout().seconds()) +
                        std::chrono::nanoseconds(item.heartbeat_timeout().nanos());
    }
    found->second = held;
    Waiting waiting{.token = item.task_token(),
                    .task = {.queue = item.queue(),
                             .input = item.input(),
                             .idempotency_key = item.idempotency_key(),
                             .execution = item.execution(),
                             .is_cancelled = [held] { return held->is_cancelled.load(); }}};
    if (options_.threads == 0) {
      ++running_;
      mine->push_back(std::move(waiting));
    } else {
      waiting_.push_back(std::move(waiting));
      handlers_.notify_one();
    }
  }

  void ResendReturned(Clock::time_point now) {
    while (!returned_.empty() && returned_.begin()->first <= now) {
      results_.push_back(std::move(returned_.begin()->second));
      returned_.erase(returned_.begin());
    }
  }

  // ---- The handler.

  void RunHandlers() {
    while (true) {
      Waiting waiting;
      {
        std::unique_lock lock(mutex_);
        handlers_.wait(lock, [this] { return !waiting_.empty() || is_stopping_; });
        if (waiting_.empty()) return;
        waiting = std::move(waiting_.front());
        waiting_.pop_front();
        ++running_;
      }
      Do(std::move(waiting));
      const std::lock_guard lock(mutex_);
      WriteResults();
    }
  }

  void Do(Waiting waiting) {
    v1::TaskResult result;
    Outcome outcome;
    try {
      outcome = handler_(waiting.task);
    } catch (const std::exception& error) {
      outcome = Outcome::Failed("HandlerFailed", error.what());
    } catch (...) {
      outcome = Outcome::Failed("HandlerFailed", "the handler threw what is no std::exception");
    }
    result.set_task_token(waiting.token);
    SetOutcome(std::move(outcome), &result);
    const std::lock_guard lock(mutex_);
    if (const auto held = held_.find(waiting.token); held != held_.end()) {
      held->second->is_done = true;
    }
    results_.push_back(std::move(result));
    --running_;
    if (is_stopping_) changed_.notify_all();
  }

  const WorkerOptions options_;
  const Handler handler_;
  std::unique_ptr<v1::WorkerService::Stub> stub_;
  std::mutex mutex_;  // guards the rest: gRPC's threads, the handlers' and the keeper use it
  std::condition_variable changed_;
  std::condition_variable handlers_;
  Stream* stream_ = nullptr;
  int streams_ = 0;  // that gRPC has not ended yet
  Clock::time_point open_at_ = Clock::now();
  std::chrono::milliseconds back_off_ = kBackOffMin;
  Clock::duration heartbeat_interval_ = std::chrono::seconds(1);
  std::unordered_map<std::string, std::shared_ptr<Held>> held_;
  std::deque<Waiting> waiting_;
  int running_ = 0;
  std::deque<v1::TaskResult> results_;                // to be sent
  std::map<int64_t, v1::TaskResult> unacknowledged_;  // sent, by their numbers in the stream
  std::multimap<Clock::time_point, v1::TaskResult> returned_;  // to be sent again then
  bool is_stopping_ = false;
  bool is_stopped_ = false;
  std::vector<std::thread> threads_;
  std::thread keeper_;
};

Worker::Worker(WorkerOptions options, Handler handler)
    : state_(std::make_shared<State>(std::move(options), std::move(handler))) {
  state_->Begin();
}

Worker::~Worker() { Stop(); }

void Worker::Stop() { state_->Stop(); }

}  // namespace millrace::client
