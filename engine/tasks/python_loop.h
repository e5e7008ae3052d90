#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/tasks/folder_maker.h"
#include "engine/tasks/python_host.h"
#include "engine/tasks/python_process.h"

namespace millrace {

// The event loop of a PythonHost: the calls that wait, the processes that serve them, and the
// times by which something must have happened. Add(), Cancel() and Stop() are for any thread; Run()
// is the loop's own thread, and all else happens there.
//
// The life of a process: a function with waiting calls asks for a slot; with the slot its folder is
// made, then its process started and fed, one call at a time. When the process is to end it is
// killed and gives the slot back at once. Once its exit is seen, the call that it ran is told how
// it ended, unless it was told why already.
class PythonLoop {
 public:
  explicit PythonLoop(PythonHostOptions options);
  ~PythonLoop();

  void Add(std::shared_ptr<const FunctionCode> code, PythonCall call);
  // What is said here and in Add() happens in the order in which it was said.
  void Cancel(const std::string& call_id);
  // Makes Run() end all processes, answer all calls and return.
  void Stop();
  void Run();

 private:
  // One function version that has calls or a process.
  struct Function {
    std::shared_ptr<const FunctionCode> code;
    std::deque<PythonCall> waiting;
    uint64_t process = 0;  // the key of the seat that serves it
    int seats = 0;         // with those that are ending
    // Between having no process and having one.
    enum class Wish { kNone, kWaitsForSlot, kMakesFolder } wish = Wish::kNone;
    bool is_due = false;   // in due_
    bool is_busy = false;  // in busy_, or will be when busy_changes_ have been made
  };
  // A process and whom it serves.
  struct Seat {
    uint64_t key;
    Function* function;
    PythonProcess process;
    bool was_given_up = false;  // while starting: nobody waits for its exit
    bool waits_to_send = false;
  };
  struct Arrival {
    std::shared_ptr<const FunctionCode> code;  // null: the call of `call.id` is cancelled
    PythonCall call;
  };
  struct MadeFolder {
    Function* function;
    absl::StatusOr<CodeFolder> folder;
  };
  enum class Source : uint64_t { kWake, kAnswers, kRequests, kExit };

  // What other threads brought. False once it is time to stop.
  bool TakeArrivals();
  void Arrive(Arrival arrival);
  void Post(Arrival arrival);
  void CancelNow(const std::string& call_id);
  void Wake();
  void WaitForEvents();
  // Callers are told which functions are busy. False if a call came before they were.
  bool MayWait();
  // Whether callers have said what must be heard before more is done.
  bool HasNews();
  int WaitMillis() const;
  void HandleEvent(uint64_t tag);

  void Receive(Seat& seat, PythonProcess::ReadMode mode);
  void HandleClose(Seat& seat);
  // With `may_feed`, the next call is given to the process before the answer is read.
  void HandleFrame(Seat& seat, absl::string_view frame, bool may_feed);
  void HandleError(Seat& seat, absl::string_view frame);
  void HandleExit(Seat& seat);
  void EndOverdue();
  void EndIfOverdue(Seat& seat, int64_t now_nanos);
  int64_t DueNanos(const Seat& seat) const;

  // Kills the process and frees its slot. `verdict` is for the call that it runs; without one it is
  // told the exit status when that is known.
  void EndSeat(Seat& seat, std::optional<AslError> verdict);
  // Each call ends here.
  void Finish(PythonCall call, InvocationResult result);
  void FailAll(std::deque<PythonCall> calls, const AslError& error);

  void MarkDue(Function& function);
  void ServeDue();
  void Serve(Function& function);
  void NoteBusy(Function& function, bool is_busy);
  void Feed(Seat& seat);
  bool TakeSlot();
  bool EndLongestIdle();
  void GiveSlots();
  void MakeFolder(Function& function);
  void StartProcess(Function& function, absl::StatusOr<CodeFolder> folder);
  void AddSeat(Function& function, PythonProcess process);
  void EndEverything();

  void Watch(int fd, uint32_t events, uint64_t key, Source source);
  void Unwatch(int fd);

  const PythonHostOptions options_;
  FileDescriptor epoll_;
  FileDescriptor wake_;  // an eventfd: there is something for TakeArrivals

  // Between callers, the folder maker's thread and the loop; held to move pointers only. Guards
  // the five below. The standard's mutex, since thread sanitizers know what it orders.
  std::mutex mutex_;
  std::vector<Arrival> arrivals_;
  bool is_woken_ = false;  // for what is in arrivals_
  // The versions whose process runs a call or is being started. A call that comes for one of them
  // wakes nobody: it can only be given to the process after the loop has heard from that.
  absl::flat_hash_set<std::string> busy_;
  std::vector<MadeFolder> made_folders_;
  bool stopping_ = false;

  absl::flat_hash_map<std::string, std::unique_ptr<Function>> functions_;
  // The functions that the calls with an id wait for.
  struct Named {
    Function* function;
    uint64_t number;  // of the call
  };
  absl::flat_hash_map<std::string, Named> by_call_id_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Seat>> seats_;
  uint64_t next_key_ = 1;
  std::vector<Function*> due_;                              // something changed: Serve() them
  std::vector<std::pair<std::string, bool>> busy_changes_;  // by version: in busy_ from now on?
  std::deque<Function*> no_slot_;                           // they wait for a slot, in this order
  int slots_taken_ = 0;  // by processes that are not ending, and by folders being made
  std::unique_ptr<FolderMaker> folder_maker_;
};

}  // namespace millrace
