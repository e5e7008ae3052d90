#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "engine/core/step.h"
#include "engine/runtime/end_waiter.h"
#include "engine/runtime/executions.h"
#include "engine/runtime/storage.h"
#include "engine/runtime/task_token.h"
#include "engine/runtime/workflows.h"

namespace millrace {

using ExecutionDone = Executions::ExecutionDone;

// Let go when an execution's fence is committed, or when there will be none.
using FenceGuard = std::shared_ptr<void>;

// What is journaled of an execution, and when.
enum class Durability : uint8_t {
  kNone,  // EXPRESS, run: nothing
  kEnds,  // EXPRESS, started: its start and its end
  kSteps  // STANDARD: each step
};

// Who waits for the outcome of a result that a worker has sent. Thread-safe.
class ResultReceiver {
 public:
  virtual ~ResultReceiver() = default;
  // `is_final`: it is durable, or will never matter; else it is to be sent again later.
  virtual void Settle(int64_t result, bool is_final) = 0;
};
struct Receipt {
  std::shared_ptr<ResultReceiver> receiver;
  int64_t result = 0;
};

// An event that an execution has been given and that its journal does not hold yet: kept over lost
// races and new snapshots until a commit or a duplicate answers it.
struct GivenEvent {
  decltype(Event::what) what;
  ExecutionDone done;  // may be null
  // A task's result: which task it answers. The journal's row that scheduled it tells, or, for
  // EXPRESS executions, the run: after the loss of rows, or in another run, the same event id may
  // name another task.
  struct Origin {
    TaskId task;
    uint64_t call = 0;  // the lane's number for the dispatch; 0 for a worker's answer to any
  };
  std::optional<Origin> origin;
  std::optional<Receipt> receipt;  // of a worker's result
  // An id that was not given out has already made the snapshot be read again.
  bool was_reread = false;
  // A row with it was made, whose fate may have been unknown.
  bool was_applied = false;
  // Its step takes too long for the lane.
  bool is_long = false;

  bool is_workers() const { return origin.has_value() && origin->call == 0; }
  // Whoever waits is told: that the event has had its effect or never will have one (`is_final`),
  // or that it is given up for now. Callers get `answer()`.
  template <typename MakeAnswer>
  void Settle(bool is_final, MakeAnswer answer) {
    if (done) std::exchange(done, nullptr)(answer());
    if (receipt.has_value()) receipt->receiver->Settle(receipt->result, is_final);
    receipt.reset();
  }
};

// Who wrote the row that asked for what is awaited from outside, by the id that its answer names: a
// task, whose idempotency key has it, or a distributed Map's reading or writing.
using TaskWriters = absl::flat_hash_map<int64_t, Writer>;

// An execution in a lane's memory. Only its lane touches it.
struct Held {
  ExecutionKey key;
  std::string execution_id;
  Workflows::Startable of;
  ExecutionInfo info;
  Durability durability = Durability::kSteps;

  Snapshot snapshot;  // with the row that is being made
  int64_t seq = 1;    // of the row that is being made
  int64_t claims = 0;
  TaskWriters writers;  // of the tasks that are under way
  // By event id. Some may be of tasks that are over.
  absl::flat_hash_map<int64_t, TaskId> calls;
  bool may_have_lost_calls = false;  // a step has ended tasks that have not answered

  std::deque<GivenEvent> events;

  // The row being made: stepped, and not yet known to stand.
  int64_t row_base = 0;  // the last history id before it
  std::vector<GivenEvent> applied;
  std::vector<HistoryEvent> history;
  std::vector<Command> commands;
  size_t row_bytes = 0;   // about what its events take
  size_t row_events = 0;  // of `history`, those in the row that is being committed
  bool needs_fence = false;
  std::optional<StartRow>
      start;  // until the start is committed; its events are encoded with the batch
  std::vector<ExecutionDone> on_started;

  bool is_building = false;    // in the lane's next batch
  bool is_committing = false;  // in the batch under way
  bool is_stepping = false;    // a long step runs on a spare thread
  bool is_heavy = false;       // the last step took long: the next goes to a spare thread at once
  bool must_read = false;      // the snapshot is not to be used: the keeper reads it again

  std::vector<std::shared_ptr<EndWaiter>> waiters;
  FenceGuard fence_guard;  // taken up one at a time: let go with the fence
};

// What a fold gives: what Held is made of.
struct FoldedExecution {
  ExecutionKey key;
  std::string execution_id;
  Workflows::Startable of;
  ExecutionInfo info;
  Snapshot snapshot;
  int64_t next_seq = 1;
  int64_t claims = 0;
  TaskWriters writers;
};

// The context object's and the limits' view of an execution.
ExecutionInfo InfoOf(const WorkflowRow& workflow, const std::string& execution_id);

// Sees each event of a fold, and who wrote its row.
using FoldSink = std::function<void(const HistoryEvent&, const Writer&)>;

// Folds a stored execution. UNIMPLEMENTED for a newer journal format; DATA_LOSS and BrokenInvariant
// for a journal that cannot be folded.
absl::StatusOr<FoldedExecution> Fold(const StoredExecution& stored, Workflows::Startable of,
                                     const FoldSink& sink = nullptr);
// Goes on with a fold: `rows` begin at its next_seq.
absl::Status FoldOn(const std::vector<JournalRow>& rows, FoldedExecution* folded,
                    const FoldSink& sink = nullptr);

// Notes who wrote a row that `event` stands in, if it asks for something from outside. `snapshot`
// as for AskedBy().
void NoteWriter(const HistoryEvent& event, const Snapshot& snapshot, const Writer& writer,
                TaskWriters* writers);

// As callers see it.
ExecutionView ViewOf(const ExecutionKey& key, const std::string& execution_id,
                     const Workflows::Startable& of, const Snapshot& snapshot);
ExecutionStatus StatusOf(const Snapshot& snapshot);
std::optional<ExecutionEnd> EndOf(const Snapshot& snapshot);

// "key:event:node:batch": the same in every try of one task.
std::string IdempotencyKey(const ExecutionKey& key, int64_t event_id, const Writer& writer);
// Of an EXPRESS execution, whose scheduling stands in no row: `claims` in the writer's place.
std::string IdempotencyKey(const ExecutionKey& key, int64_t event_id, int64_t claims);

}  // namespace millrace
