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
constexpr int kResultsPerMessage = 5000;
constexpr size_t kMessageBytes = 1 << 20;

}  // namespace

// All that a worker is. Its threads: one that keeps the stream and the heartbeats, those that call
// the handler, and gRPC's own, which read and write.
class Worker::State : public std::enable_shared_from_this<Worker::State> {
 public:
  State(WorkerOptions options, Handler handler)
      : options_(std::move(options)), handler_(std::move(handler)) {
    stub_ = v1::WorkerService::NewStub(
        grpc::CreateChannel(options_.address, grpc::InsecureChannelCredentials()));
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
    bool has_heartbeat = false;
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
      StartRead(&read_);
      StartWrite(&written_);
      StartCall();
    }
    void Write(v1::WorkRequest request) {
      written_ = std::move(request);
      StartWrite(&written_);
    }
    void OnReadDone(bool ok) override {
      if (!ok) return;
      state_->Hear(*this, read_);
      StartRead(&read_);
    }
    void OnWriteDone(bool ok) override { state_->WriteDone(*this, ok); }
    void OnDone(const grpc::Status& status) override { state_->EndStream(*this, status); }

    grpc::ClientContext context;
    // The rest is guarded by the state's mutex.
    bool is_writing = true;
    int64_t results = 0;  // sent over this stream
    Clock::time_point written_at = Clock::now();

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
        if (!stream_->is_writing && now - stream_->written_at >= heartbeat_interval_) Beat();
      }
      changed_.wait_for(lock, std::min<Clock::duration>(heartbeat_interval_ / 4, kBackOffMin));
    }
    changed_.wait(lock, [this] { return stream_ == nullptr; });
  }

  void OpenStream() {
    v1::WorkRequest request;
    v1::WorkerHello& hello = *request.mutable_hello();
    hello.set_parent("projects/" + options_.project);
    for (const std::string& queue : options_.queues) hello.add_queues(queue);
    hello.set_items_max(options_.items_max);
    hello.set_worker_id(options_.worker_id);
    for (const auto& [token, held] : held_) hello.add_held_task_tokens(token);
    // Deletes itself with its OnDone, which EndStream sees.
    stream_ = new Stream(shared_from_this(), std::move(request));
    stream_->Begin(*stub_);
  }

  void EndStream(Stream& stream, const grpc::Status& status) {
    bool is_last = false;
    {
      const std::lock_guard lock(mutex_);
      is_last = is_stopped_;
      stream_ = nullptr;
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

  void Beat() {
    v1::WorkRequest request;
    for (const auto& [token, held] : held_) {
      if (held->has_heartbeat && request.heartbeats_size() < kResultsPerMessage) {
        request.add_heartbeats(token);
      }
    }
    Send(std::move(request));
  }

  // With the lock, as those that follow.
  void Send(v1::WorkRequest request) {
    stream_->is_writing = true;
    stream_->written_at = Clock::now();
    stream_->Write(std::move(request));
  }

  void WriteResults() {
    if (results_.empty() || stream_ == nullptr || stream_->is_writing) return;
    v1::WorkRequest request;
    size_t bytes = 0;
    while (!results_.empty() && request.results_size() < kResultsPerMessage &&
           bytes < kMessageBytes) {
      v1::TaskResult result = std::move(results_.front());
      results_.pop_front();
      bytes += result.output().size() + 100;
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
      for (const v1::ResultRefusal& refusal : response.refusals()) Forget(refusal.result());
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
    held->has_heartbeat = item.has_heartbeat_timeout();
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
    }
    result.set_task_token(waiting.token);
    if (outcome.failure.has_value()) {
      result.mutable_failure()->set_error(std::move(outcome.failure->error));
      result.mutable_failure()->set_cause(std::move(outcome.failure->cause));
    } else {
      result.set_output(std::move(outcome.output));
    }
    const std::lock_guard lock(mutex_);
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
