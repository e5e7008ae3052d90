#include "engine/tasks/python_loop.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/json/json.h"

namespace millrace {
namespace {

constexpr int kEventsMax = 128;
constexpr int64_t kWaitMillisMax = 60'000;
constexpr uint64_t kSources = 4;
constexpr absl::string_view kReady = R"({"ready":true})";
// The runner's answer is one level around a result of the usual limits.
constexpr JsonLimits kAnswerLimits{.depth_max = 129};

AslError ExitError(std::string cause) {
  return {.name = "Function.ExitError", .cause = std::move(cause)};
}

AslError ErrorForStatus(int status) {
  if (WIFEXITED(status)) {
    return ExitError(
        absl::StrCat("The function's process ended with exit code ", WEXITSTATUS(status), "."));
  }
  if (WTERMSIG(status) == SIGKILL) {
    return ExitError("The function's process was killed, or closed its connection.");
  }
  return ExitError(
      absl::StrCat("The function's process was ended by signal ", WTERMSIG(status), "."));
}

// The thread gets no signals: the server's handlers run elsewhere, and writing to a process that
// is gone is an error to handle here, not a SIGPIPE.
void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

PythonLoop::PythonLoop(PythonHostOptions options)
    : options_(std::move(options)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      folder_maker_(std::make_unique<FolderMaker>(options_.folder)) {
  MILLRACE_CHECK(epoll_.is_open() && wake_.is_open());
  MILLRACE_CHECK(options_.processes_max > 0);
  Watch(wake_.get(), EPOLLIN, 0, Source::kWake);
}

PythonLoop::~PythonLoop() = default;

void PythonLoop::Add(std::shared_ptr<const FunctionCode> code, PythonCall call) {
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = arrivals_.empty();
    arrivals_.push_back({std::move(code), std::move(call)});
  }
  if (was_empty) Wake();
}

void PythonLoop::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  Wake();
}

void PythonLoop::Wake() {
  const uint64_t one = 1;
  // Can only fail when the counter is full, and then the loop is awake anyway.
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof(one));
}

void PythonLoop::Run() {
  BlockSignals();
  while (true) {
    WaitForEvents();
    if (!TakeArrivals()) break;
    EndOverdue();
    ServeDue();
  }
  EndEverything();
}

bool PythonLoop::TakeArrivals() {
  std::vector<Arrival> arrivals;
  std::vector<MadeFolder> made_folders;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    arrivals.swap(arrivals_);
    made_folders.swap(made_folders_);
  }
  for (MadeFolder& made : made_folders) StartProcess(*made.function, std::move(made.folder));
  for (Arrival& arrival : arrivals) {
    std::unique_ptr<Function>& function = functions_[arrival.code->version_key];
    if (!function) {
      function = std::make_unique<Function>();
      function->code = std::move(arrival.code);
    }
    function->waiting.push_back(std::move(arrival.call));
    MarkDue(*function);
  }
  return true;
}

void PythonLoop::Watch(int fd, uint32_t events, uint64_t key, Source source) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = key * kSources + static_cast<uint64_t>(source);
  MILLRACE_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
}

// Before each close: a child that was just forked may hold the same open file for a moment, which
// would go on to report events.
void PythonLoop::Unwatch(int fd) { epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

int64_t PythonLoop::DueNanos(const Seat& seat) const {
  const PythonProcess& process = seat.process;
  absl::Duration allowed = options_.idle_max;
  if (process.phase() == PythonProcess::Phase::kEnding) return std::numeric_limits<int64_t>::max();
  if (process.phase() == PythonProcess::Phase::kStarting) {
    allowed = options_.start_max;
  } else if (!process.line().empty()) {
    allowed = process.code().timeout;
  }
  return process.since_nanos() + absl::ToInt64Nanoseconds(std::min(allowed, absl::Hours(24 * 365)));
}

int PythonLoop::WaitMillis() const {
  int64_t due = std::numeric_limits<int64_t>::max();
  for (const auto& [key, seat] : seats_) due = std::min(due, DueNanos(*seat));
  if (due == std::numeric_limits<int64_t>::max()) return -1;
  const int64_t nanos = std::max<int64_t>(0, due - SteadyNanos());
  return static_cast<int>(std::min(nanos / 1'000'000 + 1, kWaitMillisMax));
}

void PythonLoop::WaitForEvents() {
  std::array<epoll_event, kEventsMax> events;
  const int count = epoll_wait(epoll_.get(), events.data(), kEventsMax, WaitMillis());
  for (int i = 0; i < count; ++i) HandleEvent(events[i].data.u64);
}

void PythonLoop::HandleEvent(uint64_t tag) {
  const auto source = static_cast<Source>(tag % kSources);
  if (source == Source::kWake) {
    uint64_t ignored = 0;
    [[maybe_unused]] const ssize_t size = read(wake_.get(), &ignored, sizeof(ignored));
    return;
  }
  const auto found = seats_.find(tag / kSources);
  if (found == seats_.end()) return;
  Seat& seat = *found->second;
  if (source == Source::kExit) return HandleExit(seat);
  // One event may have ended what the next one of the same round is about.
  if (seat.process.phase() == PythonProcess::Phase::kEnding) return;
  if (source == Source::kAnswers) return Receive(seat, PythonProcess::ReadMode::kReadOnce);
  if (seat.process.Send()) {
    Unwatch(seat.process.child().requests.get());
    seat.waits_to_send = false;
  }
}

void PythonLoop::Receive(Seat& seat, PythonProcess::ReadMode mode) {
  const PythonProcess::Received received = seat.process.Receive(mode);
  for (const std::string& frame : received.frames) {
    if (seat.process.phase() == PythonProcess::Phase::kEnding) return;
    HandleFrame(seat, frame);
  }
  if (received.closed && seat.process.phase() != PythonProcess::Phase::kEnding) {
    EndSeat(seat, std::nullopt);
  }
  MarkDue(*seat.function);
}

void PythonLoop::HandleFrame(Seat& seat, const std::string& frame) {
  if (seat.process.phase() == PythonProcess::Phase::kStarting && frame == kReady) {
    seat.process.BecomeReady(SteadyNanos());
    seat.was_ready = true;
    return;
  }
  if (!seat.was_ready || seat.process.line().empty()) {
    return EndSeat(seat, ExitError("The function's process answered out of turn."));
  }
  const absl::StatusOr<Json> answer = ParseJson(frame, kAnswerLimits);
  if (answer.ok()) return HandleAnswer(seat, *answer);
  // Python writes some texts that are no JSON value here, such as a number that no double holds.
  PythonCall call = seat.process.TakeFirst(SteadyNanos());
  call.done(
      AslError{.name = "Function.InvalidResult",
               .cause = absl::StrCat("The result cannot be read: ", answer.status().message())});
}

void PythonLoop::HandleAnswer(Seat& seat, const Json& answer) {
  const Json* number = answer.Find("n");
  const Json* result = answer.Find("result");
  const Json* error = answer.Find("error");
  const Json* cause = answer.Find("cause");
  const bool is_last = answer.Find("last") != nullptr;
  const std::optional<int64_t> n = number == nullptr ? std::nullopt : number->ToInt64();
  const bool is_error = error != nullptr && error->is_string() && cause != nullptr &&
                        cause->is_string() && result == nullptr;
  const bool is_first = n == static_cast<int64_t>(seat.process.line().front().number) ||
                        (n == 0 && is_error && is_last);
  if (!is_first || (result == nullptr && !is_error)) {
    return EndSeat(seat, ExitError("The function's process answered out of turn."));
  }
  const PythonCall call = seat.process.TakeFirst(SteadyNanos());
  if (result != nullptr) {
    call.done(*result);
  } else {
    call.done(AslError{.name = std::string(error->AsString().data(), error->AsString().size()),
                       .cause = std::string(cause->AsString().data(), cause->AsString().size())});
  }
  if (!is_last) return;
  WaitAgain(*seat.function, seat.process.TakeLine());
  EndSeat(seat, std::nullopt);
}

void PythonLoop::EndSeat(Seat& seat, std::optional<AslError> verdict) {
  Function& function = *seat.function;
  const ChildProcess& child = seat.process.child();
  if (seat.waits_to_send) Unwatch(child.requests.get());
  Unwatch(child.answers.get());
  seat.process.End();
  function.process = 0;
  --slots_taken_;
  MarkDue(function);
  if (!verdict || seat.process.line().empty()) return;
  PythonCall first = seat.process.TakeFirst(SteadyNanos());
  WaitAgain(function, seat.process.TakeLine());
  first.done(*std::move(verdict));
}

void PythonLoop::HandleExit(Seat& seat) {
  // What it answered before its end counts. A child of its own may hold the pipe open.
  if (seat.process.phase() != PythonProcess::Phase::kEnding) {
    Receive(seat, PythonProcess::ReadMode::kReadAll);
  }
  if (seat.process.phase() != PythonProcess::Phase::kEnding) EndSeat(seat, std::nullopt);
  Unwatch(seat.process.child().exit.get());
  const AslError error = ErrorForStatus(seat.process.child().WaitForEnd());
  Function& function = *seat.function;
  const bool was_ready = seat.was_ready;
  std::deque<PythonCall> line = seat.process.TakeLine();
  folder_maker_->Remove(seat.process.TakeFolder());
  seats_.erase(seat.key);
  --function.seats;
  MarkDue(function);
  // One that never ran would do no better for those behind.
  if (!was_ready || line.empty()) return FailAll(std::move(line), error);
  PythonCall first = std::move(line.front());
  line.pop_front();
  WaitAgain(function, std::move(line));
  first.done(error);
}

void PythonLoop::EndOverdue() {
  const int64_t now = SteadyNanos();
  for (const auto& [key, seat] : seats_) EndIfOverdue(*seat, now);
}

void PythonLoop::EndIfOverdue(Seat& seat, int64_t now_nanos) {
  if (now_nanos < DueNanos(seat)) return;
  // This thread may be late: what was answered meanwhile was in time.
  Receive(seat, PythonProcess::ReadMode::kReadAll);
  if (now_nanos < DueNanos(seat)) return;
  if (seat.process.phase() == PythonProcess::Phase::kStarting) {
    std::deque<PythonCall> line = seat.process.TakeLine();
    EndSeat(seat, std::nullopt);
    return FailAll(std::move(line), ExitError("The function's process did not start in time."));
  }
  EndSeat(seat, AslError{.name = "States.Timeout", .cause = std::nullopt});
}

void PythonLoop::WaitAgain(Function& function, std::deque<PythonCall> calls) {
  for (; !calls.empty(); calls.pop_back()) function.waiting.push_front(std::move(calls.back()));
}

void PythonLoop::FailAll(std::deque<PythonCall> calls, const AslError& error) {
  for (PythonCall& call : calls) call.done(error);
}

void PythonLoop::MarkDue(Function& function) {
  if (std::exchange(function.is_due, true)) return;
  due_.push_back(&function);
}

void PythonLoop::ServeDue() {
  GiveSlots();
  // Serving one may end the idle process of another, which is due then.
  for (size_t i = 0; i < due_.size(); ++i) {
    due_[i]->is_due = false;
    Serve(*due_[i]);
  }
  due_.clear();
}

void PythonLoop::Serve(Function& function) {
  if (function.process != 0) return Feed(*seats_.at(function.process));
  if (function.wish != Function::Wish::kNone) return;
  if (function.waiting.empty()) {
    if (function.seats == 0) functions_.erase(std::string(function.code->version_key));
    return;
  }
  if (no_slot_.empty() && TakeSlot()) return MakeFolder(function);
  function.wish = Function::Wish::kWaitsForSlot;
  no_slot_.push_back(&function);
}

void PythonLoop::Feed(Seat& seat) {
  Function& function = *seat.function;
  // When others have no slot, each process serves what it was given and then makes room.
  if (!no_slot_.empty() && seat.process.has_served()) return;
  if (!seat.process.wants_calls()) return;
  const int64_t now = SteadyNanos();
  while (!function.waiting.empty() && seat.process.HasRoomFor(function.waiting.front())) {
    seat.process.Enqueue(std::move(function.waiting.front()), now);
    function.waiting.pop_front();
  }
  if (seat.waits_to_send || seat.process.Send()) return;
  Watch(seat.process.child().requests.get(), EPOLLOUT, seat.key, Source::kRequests);
  seat.waits_to_send = true;
}

bool PythonLoop::TakeSlot() {
  if (slots_taken_ >= options_.processes_max && !EndLongestIdle()) return false;
  ++slots_taken_;
  return true;
}

bool PythonLoop::EndLongestIdle() {
  Seat* longest = nullptr;
  for (const auto& [key, seat] : seats_) {
    const PythonProcess& process = seat->process;
    if (process.phase() != PythonProcess::Phase::kServing || !process.line().empty()) continue;
    if (!process.has_served()) continue;  // its calls are about to be given to it
    if (longest == nullptr || process.since_nanos() < longest->process.since_nanos()) {
      longest = seat.get();
    }
  }
  if (longest == nullptr) return false;
  EndSeat(*longest, std::nullopt);
  return true;
}

void PythonLoop::GiveSlots() {
  if (no_slot_.empty()) return;
  while (!no_slot_.empty() && TakeSlot()) {
    Function& function = *no_slot_.front();
    no_slot_.pop_front();
    MakeFolder(function);
  }
  if (!no_slot_.empty()) return;
  // Nobody is in want any more: those that were held back go on.
  for (const auto& [key, seat] : seats_) MarkDue(*seat->function);
}

void PythonLoop::MakeFolder(Function& function) {
  function.wish = Function::Wish::kMakesFolder;
  folder_maker_->Make(function.code, [this, &function](absl::StatusOr<CodeFolder> folder) {
    {
      const std::lock_guard lock(mutex_);
      made_folders_.push_back({&function, std::move(folder)});
    }
    Wake();
  });
}

void PythonLoop::StartProcess(Function& function, absl::StatusOr<CodeFolder> folder) {
  function.wish = Function::Wish::kNone;
  MarkDue(function);
  absl::Status failure = folder.status();
  if (failure.ok()) {
    absl::StatusOr<PythonProcess> process = PythonProcess::Start(
        function.code, options_.python_path, *std::move(folder), SteadyNanos());
    if (process.ok()) return AddSeat(function, *std::move(process));
    failure = process.status();
  }
  --slots_taken_;
  Log(LogLevel::kWarning, "cannot start a function's process",
      {{"version", function.code->version_key}, {"reason", std::string(failure.message())}});
  FailAll(std::exchange(function.waiting, {}),
          ExitError(absl::StrCat("The function could not be started: ", failure.message())));
}

void PythonLoop::AddSeat(Function& function, PythonProcess process) {
  const uint64_t key = next_key_++;
  auto seat = std::make_unique<Seat>(
      Seat{.key = key, .function = &function, .process = std::move(process)});
  Watch(seat->process.child().answers.get(), EPOLLIN, key, Source::kAnswers);
  Watch(seat->process.child().exit.get(), EPOLLIN, key, Source::kExit);
  function.process = key;
  ++function.seats;
  seats_.emplace(key, std::move(seat));
}

void PythonLoop::EndEverything() {
  const AslError error = ExitError("The server that ran the function is stopping.");
  folder_maker_.reset();
  for (const auto& [key, seat] : seats_) {
    if (seat->process.phase() != PythonProcess::Phase::kEnding) seat->process.End();
  }
  for (const auto& [key, seat] : seats_) {
    seat->process.child().WaitForEnd();
    FailAll(seat->process.TakeLine(), error);
  }
  for (const auto& [key, function] : functions_) {
    FailAll(std::exchange(function->waiting, {}), error);
  }
  seats_.clear();
  std::vector<Arrival> arrivals;
  {
    const std::lock_guard lock(mutex_);
    arrivals.swap(arrivals_);
    made_folders_.clear();
  }
  for (Arrival& arrival : arrivals) arrival.call.done(error);
}

}  // namespace millrace
