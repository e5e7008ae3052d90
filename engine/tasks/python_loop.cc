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
#include "absl/strings/strip.h"
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
// A process that was asked to end, or that has closed its answers, gets this long before it is made
// to.
constexpr absl::Duration kEndMax = absl::Seconds(1);

AslError ExitError(std::string cause) {
  return {.name = "Function.ExitError", .cause = std::move(cause)};
}

AslError ErrorForStatus(int status) {
  if (WIFEXITED(status)) {
    return ExitError(
        absl::StrCat("The function's process ended with exit code ", WEXITSTATUS(status), "."));
  }
  if (WTERMSIG(status) == SIGKILL) {
    return ExitError("The function's process was killed.");
  }
  return ExitError(
      absl::StrCat("The function's process was ended by signal ", WTERMSIG(status), "."));
}

AslError OutOfTurn() { return ExitError("The function's process answered out of turn."); }

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
  Post({.code = std::move(code), .call = std::move(call)});
}

void PythonLoop::Cancel(const std::string& call_id) { Post({.call = {.id = call_id}}); }

void PythonLoop::Post(Arrival arrival) {
  {
    const std::lock_guard lock(mutex_);
    const bool can_wait = arrival.code != nullptr && busy_.contains(arrival.code->version_key);
    arrivals_.push_back(std::move(arrival));
    if (can_wait || std::exchange(is_woken_, true)) return;
  }
  Wake();
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
    is_woken_ = false;
    arrivals.swap(arrivals_);
    made_folders.swap(made_folders_);
  }
  for (MadeFolder& made : made_folders) StartProcess(*made.function, std::move(made.folder));
  for (Arrival& arrival : arrivals) Arrive(std::move(arrival));
  return true;
}

void PythonLoop::Arrive(Arrival arrival) {
  if (arrival.code == nullptr) return CancelNow(arrival.call.id);
  std::unique_ptr<Function>& function = functions_[arrival.code->version_key];
  if (!function) {
    function = std::make_unique<Function>();
    function->code = std::move(arrival.code);
  }
  if (!arrival.call.id.empty()) {
    by_call_id_[arrival.call.id] = {function.get(), arrival.call.number};
  }
  function->waiting.push_back(std::move(arrival.call));
  MarkDue(*function);
}

void PythonLoop::CancelNow(const std::string& call_id) {
  const auto found = by_call_id_.find(call_id);
  if (found == by_call_id_.end()) return;
  Function& function = *found->second.function;
  const auto is_meant = [number = found->second.number](const PythonCall& call) {
    return call.number == number;
  };
  const AslError cancelled{.name = kCancelledError, .cause = "The call was cancelled."};
  if (function.process != 0) {
    Seat& seat = *seats_.at(function.process);
    if (seat.process.call() && is_meant(*seat.process.call())) {
      return EndSeat(seat, cancelled);
    }
  }
  const auto call = std::find_if(function.waiting.begin(), function.waiting.end(), is_meant);
  if (call == function.waiting.end()) return;  // its process is ending, and that tells
  PythonCall dropped = std::move(*call);
  function.waiting.erase(call);
  MarkDue(function);
  Finish(std::move(dropped), cancelled);
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
  if (!process.is_heard()) {
    allowed = kEndMax;
  } else if (process.phase() == PythonProcess::Phase::kStarting) {
    allowed = options_.start_max;
  } else if (process.call()) {
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

bool PythonLoop::MayWait() {
  if (busy_changes_.empty()) return true;
  const std::lock_guard lock(mutex_);
  for (auto& [version, is_busy] : busy_changes_) {
    if (is_busy) {
      busy_.insert(std::move(version));
    } else {
      busy_.erase(version);
    }
  }
  busy_changes_.clear();
  return arrivals_.empty();
}

void PythonLoop::WaitForEvents() {
  std::array<epoll_event, kEventsMax> events;
  const int count =
      epoll_wait(epoll_.get(), events.data(), kEventsMax, MayWait() ? WaitMillis() : 0);
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
  if (!seat.process.is_heard()) return;
  if (source == Source::kAnswers) return Receive(seat, PythonProcess::ReadMode::kReadOnce);
  if (seat.process.Send()) {
    Unwatch(seat.process.child().requests.get());
    seat.waits_to_send = false;
  }
}

void PythonLoop::Receive(Seat& seat, PythonProcess::ReadMode mode) {
  const PythonProcess::Received received = seat.process.Receive(mode);
  // An answer behind this one would be taken for that of the call which is given now; and one that
  // is at its end needs no more calls.
  const bool is_orderly = mode == PythonProcess::ReadMode::kReadOnce &&
                          received.frames.size() == 1 && !received.is_broken && !received.is_closed;
  for (const std::string& frame : received.frames) {
    if (!seat.process.is_heard()) return;
    HandleFrame(seat, frame, is_orderly);
  }
  if (received.is_broken && seat.process.is_heard()) {
    EndSeat(seat, ExitError("The function's process wrote what is no answer in place of one."));
  }
  if (received.is_closed && seat.process.is_heard()) HandleClose(seat);
  MarkDue(*seat.function);
}

// How it ends tells the call that it runs, if it has one.
void PythonLoop::HandleClose(Seat& seat) {
  const bool is_idle = seat.process.is_free();
  seat.process.BecomeClosed(SteadyNanos());
  Unwatch(seat.process.child().answers.get());
  if (is_idle) EndSeat(seat, std::nullopt);
}

bool PythonLoop::HasNews() {
  const std::lock_guard lock(mutex_);
  return is_woken_ || stopping_;
}

void PythonLoop::HandleFrame(Seat& seat, absl::string_view frame, bool may_feed) {
  if (seat.process.phase() == PythonProcess::Phase::kStarting && frame == kReady) {
    return seat.process.BecomeReady(SteadyNanos());
  }
  if (!seat.process.call()) return EndSeat(seat, OutOfTurn());
  absl::string_view text = frame;
  const std::string prefix = absl::StrCat("{\"n\":", seat.process.call()->number, ",\"result\":");
  if (!absl::ConsumePrefix(&text, prefix)) return HandleError(seat, frame);
  if (!absl::ConsumeSuffix(&text, "}")) return EndSeat(seat, OutOfTurn());
  PythonCall call = seat.process.TakeCall(SteadyNanos());
  // The function is not kept waiting for what is done with its answer.
  if (may_feed && !HasNews()) Feed(seat);
  absl::StatusOr<Json> result = ParseJson(text);
  if (result.ok()) return Finish(std::move(call), *std::move(result));
  // Python writes some texts that are no JSON value here, such as a number that no double holds.
  Finish(std::move(call),
         AslError{.name = "Function.InvalidResult",
                  .cause = absl::StrCat("The result cannot be read: ", result.status().message())});
}

void PythonLoop::HandleError(Seat& seat, absl::string_view frame) {
  const absl::StatusOr<Json> answer = ParseJson(frame);
  const Json* number = answer.ok() ? answer->Find("n") : nullptr;
  const Json* error = answer.ok() ? answer->Find("error") : nullptr;
  const Json* cause = answer.ok() ? answer->Find("cause") : nullptr;
  const bool is_last = answer.ok() && answer->Find("last") != nullptr;
  const std::optional<int64_t> n = number == nullptr ? std::nullopt : number->ToInt64();
  const bool is_its_own = n == static_cast<int64_t>(seat.process.call()->number);
  if (!(is_its_own || (n == 0 && is_last)) || error == nullptr || !error->is_string() ||
      cause == nullptr || !cause->is_string()) {
    return EndSeat(seat, OutOfTurn());
  }
  Finish(seat.process.TakeCall(SteadyNanos()),
         AslError{.name = std::string(error->AsString().data(), error->AsString().size()),
                  .cause = std::string(cause->AsString().data(), cause->AsString().size())});
  if (is_last) EndSeat(seat, std::nullopt);
}

void PythonLoop::EndSeat(Seat& seat, std::optional<AslError> verdict) {
  Function& function = *seat.function;
  const ChildProcess& child = seat.process.child();
  if (seat.waits_to_send) Unwatch(child.requests.get());
  seat.waits_to_send = false;
  Unwatch(child.answers.get());
  seat.process.End(SteadyNanos());
  function.process = 0;
  --slots_taken_;
  MarkDue(function);
  if (!verdict || !seat.process.call()) return;
  Finish(seat.process.TakeCall(SteadyNanos()), *std::move(verdict));
}

void PythonLoop::HandleExit(Seat& seat) {
  // What it answered before its end counts. A child of its own may hold the pipe open.
  if (seat.process.is_heard()) Receive(seat, PythonProcess::ReadMode::kReadAll);
  if (seat.process.phase() != PythonProcess::Phase::kEnding) EndSeat(seat, std::nullopt);
  Unwatch(seat.process.child().exit.get());
  const AslError error = ErrorForStatus(seat.process.WaitForEnd());
  Function& function = *seat.function;
  const bool failed_to_start = !seat.process.was_ready() && !seat.was_given_up;
  std::optional<PythonCall> call;
  if (seat.process.call()) call = seat.process.TakeCall(SteadyNanos());
  folder_maker_->Remove(seat.process.TakeFolder());
  seats_.erase(seat.key);
  --function.seats;
  MarkDue(function);
  if (call) Finish(*std::move(call), error);
  // One that never ran would do no better for those that wait.
  if (failed_to_start) FailAll(std::exchange(function.waiting, {}), error);
}

void PythonLoop::EndOverdue() {
  const int64_t now = SteadyNanos();
  for (const auto& [key, seat] : seats_) EndIfOverdue(*seat, now);
}

void PythonLoop::EndIfOverdue(Seat& seat, int64_t now_nanos) {
  if (now_nanos < DueNanos(seat)) return;
  if (seat.process.phase() == PythonProcess::Phase::kEnding) {
    return seat.process.EndByForce(now_nanos);
  }
  if (seat.process.phase() == PythonProcess::Phase::kClosed) {
    return EndSeat(seat, ExitError("The function's process closed its connection."));
  }
  // This thread may be late: what was answered meanwhile was in time.
  Receive(seat, PythonProcess::ReadMode::kReadAll);
  if (now_nanos < DueNanos(seat)) return;
  const bool was_starting = seat.process.phase() == PythonProcess::Phase::kStarting;
  EndSeat(seat, AslError{.name = "States.Timeout", .cause = std::nullopt});
  if (!was_starting) return;
  seat.was_given_up = true;
  FailAll(std::exchange(seat.function->waiting, {}),
          ExitError("The function's process did not start in time."));
}

void PythonLoop::Finish(PythonCall call, InvocationResult result) {
  const auto named = by_call_id_.find(call.id);
  // A later call may have taken the name.
  if (named != by_call_id_.end() && named->second.number == call.number) by_call_id_.erase(named);
  call.done(std::move(result));
}

void PythonLoop::FailAll(std::deque<PythonCall> calls, const AslError& error) {
  for (PythonCall& call : calls) Finish(std::move(call), error);
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

void PythonLoop::NoteBusy(Function& function, bool is_busy) {
  if (std::exchange(function.is_busy, is_busy) == is_busy) return;
  busy_changes_.emplace_back(function.code->version_key, is_busy);
}

void PythonLoop::Serve(Function& function) {
  if (function.process != 0) {
    Seat& seat = *seats_.at(function.process);
    Feed(seat);
    // One that was fed may have been ended instead.
    return NoteBusy(function, function.process != 0 && !seat.process.is_free());
  }
  NoteBusy(function, false);
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
  // When others have no slot, a process that has had its turn makes room.
  if (!no_slot_.empty() && seat.process.has_had_turn(SteadyNanos())) return;
  if (!seat.process.is_free() || function.waiting.empty()) return;
  if (!seat.process.is_quiet()) return EndSeat(seat, std::nullopt);
  seat.process.Give(std::move(function.waiting.front()), SteadyNanos());
  function.waiting.pop_front();
  if (seat.process.Send()) return;
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
  const int64_t now = SteadyNanos();
  for (const auto& [key, seat] : seats_) {
    const PythonProcess& process = seat->process;
    if (!process.is_free()) continue;
    // A call is about to be given to it.
    if (!seat->function->waiting.empty() && !process.has_had_turn(now)) continue;
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
        function.code, {.python_path = options_.python_path, .may_isolate = options_.may_isolate},
        *std::move(folder), SteadyNanos());
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
    if (seat->process.phase() != PythonProcess::Phase::kEnding) seat->process.End(SteadyNanos());
  }
  for (const auto& [key, seat] : seats_) {
    seat->process.WaitForEnd();
    if (seat->process.call()) Finish(seat->process.TakeCall(SteadyNanos()), error);
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
  for (Arrival& arrival : arrivals) {
    if (arrival.code != nullptr) Finish(std::move(arrival.call), error);
  }
}

}  // namespace millrace
