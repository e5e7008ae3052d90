#include "engine/runtime/runtime.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/hash.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/errors.h"

namespace millrace {
namespace {

// A watch whose execution is looked up where that may block; until then it only remembers that it
// was cancelled.
class LateWatch : public Executions::Waiting {
 public:
  explicit LateWatch(Executions::WatchCallbacks callbacks) : callbacks_(std::move(callbacks)) {}
  ~LateWatch() override { LateWatch::Cancel(); }

  void Cancel() override {
    std::shared_ptr<Executions::Waiting> watch;
    {
      const std::lock_guard lock(mutex_);
      is_cancelled_ = true;
      watch = std::exchange(watch_, nullptr);
    }
    const Executions::WatchCallbacks callbacks = TakeCallbacks();
    if (callbacks.end) callbacks.end(absl::CancelledError("the watch was ended"));
    if (watch) watch->Cancel();
  }

  // Empty for the second who asks.
  Executions::WatchCallbacks TakeCallbacks() {
    const std::lock_guard lock(mutex_);
    return std::exchange(callbacks_, {});
  }

  void Begin(std::shared_ptr<Executions::Waiting> watch) {
    {
      const std::lock_guard lock(mutex_);
      if (!is_cancelled_) {
        watch_ = std::move(watch);
        return;
      }
    }
    watch->Cancel();
  }

 private:
  std::mutex mutex_;  // guards the rest: the look-up and the caller's cancellation race
  bool is_cancelled_ = false;
  Executions::WatchCallbacks callbacks_;
  std::shared_ptr<Executions::Waiting> watch_;
};

constexpr int kDeletionSlice = 200;

std::string ExecutionName(const ExecutionId& id) {
  return absl::StrCat("projects/", id.workflow.project, "/workflows/", id.workflow.workflow,
                      "/executions/", id.execution);
}

// What the executions row alone tells: no input, output or cause.
ExecutionView RowViewOf(const StoredExecution& row, const WorkflowRow& workflow) {
  return {.key = row.key,
          .id = {.workflow = workflow.id, .execution = row.execution_id},
          .revision = row.revision,
          .type = workflow.type,
          .status = row.status,
          .started_at = row.started_at,
          .ended_at = row.ended_at,
          .error = row.error};
}

}  // namespace

Runtime::Runtime(ExecutionStorage* storage, CatalogStorage* catalog, Workflows* workflows,
                 Invoke invoke, RuntimeOptions options)
    : storage_(storage),
      catalog_(catalog),
      workflows_(workflows),
      invoke_(std::move(invoke)),
      options_(std::move(options)),
      node_(NodeIncarnation{Uuid::Random()}, options_.address),
      reads_(std::make_unique<WorkQueue>(4)),
      spare_(std::make_unique<WorkQueue>(1)),
      store_calls_(std::make_unique<StoreCalls>(options_.objects)) {
  watches_ = std::make_unique<Watches>(storage_, workflows_);
  task_queues_ = std::make_unique<TaskQueues>(
      TaskQueues::Options{}, [this](std::vector<std::pair<ExecutionKey, GivenEvent>> events) {
        DeliverAll(std::move(events));
      });
  int lanes = options_.lanes;
  if (lanes <= 0) lanes = std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / 2);
  std::vector<LaneInbox*> inboxes;
  for (int i = 0; i < lanes; ++i) {
    LaneHooks hooks{
        .read_again = [this](const ExecutionKey& key) { keeper_->ReadAgain(key); },
        .resolve_start = [this](std::unique_ptr<Held> held) { ResolveStart(std::move(held)); },
        .quarantine =
            [this](const ExecutionKey& key, const std::string& reason) {
              reads_->Add([this, key, reason] {
                storage_->Quarantine(node_.me(), key, reason).IgnoreError();
              });
            },
        .on_history = [this](const ExecutionKey& key) { watches_->Notify(key); },
        .invoke = invoke_,
        .call_store =
            [this](const std::string& call_id, StoreCall call, InvocationDone done) {
              store_calls_->Add(call_id, std::move(call), std::move(done));
            },
        .start_child = [this](ChildCall child) { StartChildOf(std::move(child)); },
        .stop_child = [this](const ExecutionId& id) { StopChildOf(id); },
        .cancel = [this](const std::string& call_id) { Cancel(call_id); },
        .offer = [this](std::vector<QueuedTask> tasks) { task_queues_->Offer(std::move(tasks)); },
        .cancel_queued = [this](const TaskId& task) { task_queues_->Cancel(task); },
        .forget_queued = [this](const TaskId& task) { task_queues_->Forget(task); },
        .flush_queues = [this] { task_queues_->Flush(); }};
    const Clock* const clock = options_.clock != nullptr ? options_.clock : &clock_;
    lanes_.push_back(
        std::make_unique<Lane>(&node_, clock, storage_, spare_.get(), std::move(hooks)));
    inboxes.push_back(&lanes_.back()->inbox());
  }
  keeper_ = std::make_unique<Keeper>(
      &node_, &clock_, storage_, workflows_, std::move(inboxes),
      [this](const ExecutionKey& key) -> LaneInbox& { return LaneOf(key).inbox(); });
}

Runtime::~Runtime() { Shutdown(); }

void Runtime::Cancel(const std::string& call_id) {
  if (options_.cancel) options_.cancel(call_id);
  store_calls_->Cancel(call_id);
  CancelChild(call_id);
}

size_t Runtime::LaneIndexOf(const ExecutionKey& key) const {
  return absl::HashOf(key) % lanes_.size();
}

Lane& Runtime::LaneOf(const ExecutionKey& key) { return *lanes_[LaneIndexOf(key)]; }

void Runtime::DeliverAll(std::vector<std::pair<ExecutionKey, GivenEvent>> events) {
  std::vector<std::vector<LaneMessage>> by_lane(lanes_.size());
  for (auto& [key, event] : events) {
    by_lane[LaneIndexOf(key)].emplace_back(
        lane_message::Give{.key = key, .event = std::move(event)});
  }
  for (size_t i = 0; i < lanes_.size(); ++i) {
    if (!by_lane[i].empty()) lanes_[i]->inbox().PostAll(std::move(by_lane[i]));
  }
}

absl::Status Runtime::Begin() {
  if (options_.is_alone) {
    MILLRACE_ASSIGN_OR_RETURN(const std::vector<NodeRow> rows, storage_->ReadNodes());
    std::vector<NodeIncarnation> dead;
    dead.reserve(rows.size());
    for (const NodeRow& row : rows) dead.push_back(row.node);
    MILLRACE_RETURN_IF_ERROR(storage_->RemoveNodes(dead));
  }
  MILLRACE_RETURN_IF_ERROR(storage_->EnsurePartitions(7));
  MILLRACE_ASSIGN_OR_RETURN(std::string token_key, catalog_->EnsureSecret("task_tokens"));
  task_queues_->SetTokenKey(std::move(token_key));
  MILLRACE_RETURN_IF_ERROR(keeper_->Beat());
  for (const std::unique_ptr<Lane>& lane : lanes_) lane->Run();
  MILLRACE_RETURN_IF_ERROR(keeper_->Compare());
  keeper_->Run();
  upkeep_ = std::thread([this] {
    std::unique_lock lock(upkeep_mutex_);
    while (!upkeep_changed_.wait_for(lock, std::chrono::seconds(1),
                                     [this] { return upkeep_stopping_; })) {
      lock.unlock();
      RunUpkeep();
      lock.lock();
    }
  });
  return absl::OkStatus();
}

void Runtime::Shutdown() {
  if (is_shut_.exchange(true)) return;
  {
    const std::lock_guard lock(upkeep_mutex_);
    upkeep_stopping_ = true;
  }
  upkeep_changed_.notify_all();
  if (upkeep_.joinable()) upkeep_.join();
  task_queues_->Shutdown(errors::ShuttingDown());
  keeper_->Stop();
  watches_->EndAll(errors::ShuttingDown());
  for (const std::unique_ptr<Lane>& lane : lanes_) lane->Stop(errors::ShuttingDown());
  spare_->Stop();
  store_calls_->Stop();
  reads_->Stop();
  // By what the table says: that is more than the lanes hold if some were just being taken up.
  const absl::StatusOr<ExecutionStorage::Owned> owned = storage_->ReadOwned(node_.me());
  std::vector<ExecutionKey> keys;
  if (owned.ok()) {
    keys.reserve(owned->claims.size());
    for (const Claim& claim : owned->claims) keys.push_back(claim.key);
  }
  if (owned.ok() && storage_->Release(node_.me(), keys, absl::ZeroDuration()).ok()) {
    storage_->RemoveNodes({node_.me()}).IgnoreError();
  }
  Log(LogLevel::kInfo, "the node has stopped", {{"released", absl::StrCat(keys.size())}});
}

void Runtime::RunUpkeep() {
  watches_->LookForGrowth();
  AskForChildrenAgain();
  const absl::StatusOr<CatalogStorage::DeletionSlice> slice =
      catalog_->RunDeletionSlice(kDeletionSlice);
  if (slice.ok()) {
    for (const ExecutionKey& key : slice->open) {
      LaneOf(key).inbox().Post(lane_message::Give{
          .key = key,
          .event = {.what = StopRequested{.error = {.name = "Millrace.WorkflowDeleted",
                                                    .cause = "The workflow was deleted."}}}});
    }
  }
  if (++upkeep_rounds_ % 600 == 0) {
    const absl::Status status = storage_->EnsurePartitions(7);
    if (!status.ok()) {
      Log(LogLevel::kError, "no new journal partitions",
          {{"error", std::string(status.message())}});
    }
    catalog_->RemoveOldRequests(10'000).IgnoreError();
  }
}

void Runtime::RingDueAlarms() {
  // A lane looks at its alarms after each round of messages; this one asks for nothing else.
  for (const std::unique_ptr<Lane>& lane : lanes_) {
    lane->inbox().Post(lane_message::ListHeld{.done = [](const std::vector<Claim>&) {}});
  }
}

// Starting.

// One of the two, or both, wait for it: one is told, who then tells the other.
void Runtime::RefuseStart(const ExecutionDone& started, const std::shared_ptr<EndWaiter>& ended,
                          const absl::Status& status) {
  if (started) return started(status);
  ended->Answer(status);
}

void Runtime::StartWith(StartRequest request, const Workflows::Startable& of, ExecutionDone started,
                        std::shared_ptr<EndWaiter> ended) {
  absl::StatusOr<Json> input =
      request.input.empty() ? absl::StatusOr<Json>(Json::Object()) : ParseJson(request.input);
  const std::string problem =
      input.ok() ? of.program->CheckInput(*input) : std::string(input.status().message());
  if (!problem.empty()) {
    return RefuseStart(started, ended,
                       errors::InvalidArgument({{.field = "input", .description = problem}}));
  }
  auto held = std::make_unique<Held>();
  held->key = {Uuid::AtTime(clock_.Now())};
  held->execution_id = !request.execution_id.empty() ? request.execution_id
                       : !request.request_id.empty() ? request.request_id
                                                     : held->key.uuid.ToString();
  held->of = of;
  held->info = InfoOf(of.workflow, held->execution_id);
  const bool is_express = of.program->is_express;
  held->durability = !is_express ? Durability::kSteps
                     : started   ? Durability::kEnds
                                 : Durability::kNone;
  held->start = StartRow{.key = held->key,
                         .workflow_key = of.workflow.workflow_key,
                         .revision_asked = request.revision,
                         .revision = of.revision,
                         .input_hash = Sha256(input->ToText()),
                         .execution_id = held->execution_id};
  if (held->durability == Durability::kNone) held->start.reset();
  // Chance in the execution comes from its key's random bits.
  uint64_t seed = 0;
  for (size_t i = 8; i < 16; ++i) seed = seed << 8 | held->key.uuid.bytes[i];
  held->events.push_back({.what = Started{.input = *std::move(input), .seed = seed}});
  if (started) held->on_started.push_back(std::move(started));
  if (ended) {
    ended->GoTo(held->key);
    held->waiters.push_back(std::move(ended));
  }
  LaneInbox& lane = LaneOf(held->key).inbox();
  lane.Post(lane_message::Start{std::move(held)});
}

void Runtime::FindThenStart(StartRequest request, ExecutionDone started,
                            std::shared_ptr<EndWaiter> ended) {
  if (is_shut_) return RefuseStart(started, ended, errors::ShuttingDown());
  if (std::optional<Workflows::Startable> of =
          workflows_->FindCached(request.workflow, request.revision)) {
    return StartWith(std::move(request), *of, std::move(started), std::move(ended));
  }
  reads_->Add([this, request = std::move(request), started = std::move(started),
               ended = std::move(ended)]() mutable {
    const absl::StatusOr<Workflows::Startable> of =
        workflows_->FindForStart(request.workflow, request.revision);
    if (!of.ok()) return RefuseStart(started, ended, of.status());
    StartWith(std::move(request), *of, std::move(started), std::move(ended));
  });
}

void Runtime::Start(StartRequest request, ExecutionDone done) {
  FindThenStart(std::move(request), std::move(done), nullptr);
}

// Answers once: with the end, or that the caller has gone. Outlived by the runtime, unless the call
// is over.
class Runtime::EndWaiting : public Executions::Waiting {
 public:
  EndWaiting(Runtime* runtime, std::shared_ptr<EndWaiter> waiter)
      : runtime_(*runtime), waiter_(std::move(waiter)) {}
  void Cancel() override {
    if (const ExecutionDone done = runtime_.GiveUp(*waiter_)) {
      done(absl::CancelledError("the caller no longer waits"));
    }
  }

 private:
  Runtime& runtime_;
  const std::shared_ptr<EndWaiter> waiter_;
};

std::shared_ptr<Executions::Waiting> Runtime::Run(StartRequest request, ExecutionDone done) {
  auto waiter = std::make_shared<EndWaiter>(std::move(done));
  FindThenStart(std::move(request), nullptr, waiter);
  return std::make_shared<EndWaiting>(this, std::move(waiter));
}

Executions::ExecutionDone Runtime::GiveUp(EndWaiter& waiter) {
  EndWaiter::GivenUp given_up = waiter.GiveUp();
  if (given_up.done && given_up.key.has_value()) {
    LaneOf(*given_up.key).inbox().Post(lane_message::ForgetWaiters{.key = *given_up.key});
  }
  return std::move(given_up.done);
}

void Runtime::ResolveStart(std::unique_ptr<Held> held) {
  auto shared = std::make_shared<std::unique_ptr<Held>>(std::move(held));
  reads_->Add([this, shared] {
    std::unique_ptr<Held> held = std::move(*shared);
    const auto answer = [&held](const absl::Status& status) { AnswerAll(*held, status); };
    const auto found = storage_->ReadByName(
        {{.workflow_key = held->of.workflow.workflow_key, .execution_id = held->execution_id}});
    if (!found.ok()) return answer(errors::DatabaseUnavailable());
    if (!found->front().has_value()) {  // the workflow was deleted meanwhile
      return answer(errors::WorkflowNotFound(held->info.workflow_name));
    }
    AnswerWithWinner(std::move(held), *found->front());
  });
}

void Runtime::AnswerWithWinner(std::unique_ptr<Held> held, const StoredExecution& winner) {
  const bool is_same =
      winner.key == held->key || (winner.revision_asked == held->start->revision_asked &&
                                  winner.input_hash == held->start->input_hash);
  if (!is_same) {
    return AnswerAll(*held, errors::ExecutionAlreadyExists(held->info.execution_name));
  }
  if (!held->on_started.empty()) {
    const absl::StatusOr<FoldedExecution> folded = ReadFolded(winner.key);
    for (const ExecutionDone& done : held->on_started) {
      if (!folded.ok()) {
        done(folded.status());
      } else {
        done(ViewOf(winner.key, winner.execution_id, folded->of, folded->snapshot));
      }
    }
  }
  LaneInbox& lane = LaneOf(winner.key).inbox();
  for (std::shared_ptr<EndWaiter>& waiter : held->waiters) {
    waiter->GoTo(winner.key);
    lane.Post(lane_message::AwaitEnd{.key = winner.key, .waiter = std::move(waiter)});
  }
  // This node's own start, known only now: what came for it meanwhile, and the fence.
  for (GivenEvent& event : held->events) {
    if (std::holds_alternative<Started>(event.what)) continue;
    lane.Post(lane_message::Give{.key = winner.key, .event = std::move(event)});
  }
  if (winner.key == held->key) keeper_->ReadAgain(winner.key);
}

void Runtime::Stop(const ExecutionId& id, std::string error, std::string cause,
                   ExecutionDone done) {
  if (is_shut_) return done(errors::ShuttingDown());
  reads_->Add([this, id, error = std::move(error), cause = std::move(cause),
               done = std::move(done)]() mutable {
    const absl::StatusOr<StoredExecution> stored = catalog_->GetExecution(id);
    if (!stored.ok()) return done(stored.status());
    if (stored->status == ExecutionStatus::kQuarantined) {
      return done(errors::ExecutionQuarantined(ExecutionName(id)));
    }
    if (stored->status != ExecutionStatus::kRunning) {
      return done(errors::ExecutionEnded(ExecutionName(id)));
    }
    StopRequested stop;
    if (!error.empty()) stop.error.name = std::move(error);
    if (!cause.empty()) stop.error.cause = std::move(cause);
    LaneOf(stored->key)
        .inbox()
        .Post(lane_message::Give{.key = stored->key,
                                 .event = {.what = std::move(stop), .done = std::move(done)}});
  });
}

// Reading.

absl::StatusOr<ExecutionView> Runtime::Get(const ExecutionId& id) {
  MILLRACE_ASSIGN_OR_RETURN(const StoredExecution stored, catalog_->GetExecution(id));
  const absl::StatusOr<FoldedExecution> folded = ReadFolded(stored.key);
  if (stored.status != ExecutionStatus::kQuarantined) {
    MILLRACE_RETURN_IF_ERROR(folded.status());
    return ViewOf(stored.key, stored.execution_id, folded->of, folded->snapshot);
  }
  // It may be quarantined because it cannot be folded, as what is damaged, or of a newer format, or
  // of a revision that does not compile; that it is, must be seen all the same.
  ExecutionView view;
  if (folded.ok()) {
    view = ViewOf(stored.key, stored.execution_id, folded->of, folded->snapshot);
  } else if (absl::IsDataLoss(folded.status()) || absl::IsUnimplemented(folded.status()) ||
             absl::IsFailedPrecondition(folded.status())) {
    MILLRACE_ASSIGN_OR_RETURN(const WorkflowRow workflow,
                              catalog_->GetWorkflowByKey(stored.workflow_key));
    view = RowViewOf(stored, workflow);
  } else {
    return folded.status();
  }
  view.status = stored.status;
  view.error = stored.error;
  return view;
}

absl::StatusOr<ExecutionView> Runtime::Release(const ExecutionId& id,
                                               const std::string& request_id) {
  FieldHash hash;
  hash.Add(id.workflow.workflow).Add(id.execution);
  RequestKey request{.project = id.workflow.project, .request_id = request_id};
  if (!request_id.empty()) {
    request.method = "ReleaseExecution";
    request.hash = hash.Finish();
  }
  MILLRACE_ASSIGN_OR_RETURN(const Mutated<StoredExecution> released,
                            catalog_->ReleaseQuarantined(id, request));
  Log(LogLevel::kWarning, "an execution is released from quarantine",
      {{"execution", released.row.key.uuid.ToString()}});
  const absl::StatusOr<ExecutionView> view = Get(id);
  if (view.ok()) return view;
  // It is released, whatever becomes of it: what the row says is an answer.
  MILLRACE_ASSIGN_OR_RETURN(const WorkflowRow workflow,
                            catalog_->GetWorkflowByKey(released.row.workflow_key));
  return RowViewOf(released.row, workflow);
}

absl::StatusOr<Executions::ExecutionsPage> Runtime::List(const ExecutionsFilter& filter,
                                                         const std::optional<ExecutionKey>& after,
                                                         int limit) {
  MILLRACE_ASSIGN_OR_RETURN(const WorkflowRow workflow,
                            catalog_->GetListedWorkflow(filter.workflow));
  MILLRACE_ASSIGN_OR_RETURN(const std::vector<StoredExecution> rows,
                            catalog_->ListExecutions(filter, after, limit + 1));
  ExecutionsPage page;
  for (const StoredExecution& row : rows) {
    if (page.executions.size() == static_cast<size_t>(limit)) {
      page.next = page.executions.back().key;
      break;
    }
    page.executions.push_back(RowViewOf(row, workflow));
  }
  return page;
}

std::shared_ptr<Executions::Waiting> Runtime::Watch(const ExecutionId& id, int64_t after_id,
                                                    WatchCallbacks callbacks) {
  auto late = std::make_shared<LateWatch>(std::move(callbacks));
  reads_->Add([this, id, after_id, weak = std::weak_ptr<LateWatch>(late)] {
    const absl::StatusOr<StoredExecution> stored = catalog_->GetExecution(id);
    const std::shared_ptr<LateWatch> late = weak.lock();
    if (late == nullptr) return;
    WatchCallbacks callbacks = late->TakeCallbacks();
    if (!callbacks.end) return;
    if (!stored.ok()) return callbacks.end(stored.status());
    late->Begin(watches_->Add(stored->key, after_id, std::move(callbacks)));
  });
  return late;
}

}  // namespace millrace
