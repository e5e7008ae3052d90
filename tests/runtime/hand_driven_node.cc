#include "tests/runtime/hand_driven_node.h"

#include <chrono>
#include <future>

#include "engine/base/hash.h"

namespace millrace {

HandDrivenNode::HandDrivenNode(testing::MemoryStorage* database, Workflows* workflows)
    : storage(*database),
      node(NodeIncarnation{Uuid::Random()}, "127.0.0.1:1"),
      clock(database->Now()) {
  LaneHooks hooks{
      .read_again =
          [this](const ExecutionKey& key) {
            read_again.push_back(key);
            keeper->ReadAgain(key);
          },
      .resolve_start =
          [this](std::unique_ptr<Held> held) { lost_starts.push_back(std::move(held)); },
      .quarantine =
          [this](const ExecutionKey& key, const std::string& reason) {
            quarantined.push_back(key);
            EXPECT_TRUE(storage.Quarantine(me(), key, reason).ok());
          },
      .on_history = [](const ExecutionKey&) {},
      .invoke =
          [this](const FunctionId& function, Json payload, InvocationContext context,
                 InvocationDone done) {
            calls.push_back({.function = function,
                             .payload = std::move(payload),
                             .context = std::move(context),
                             .done = std::move(done)});
          },
      .call_store =
          [this](const std::string& call_id, StoreCall call, InvocationDone done) {
            store_calls.push_back(
                {.call_id = call_id, .call = std::move(call), .done = std::move(done)});
          },
      .start_child = [](const ChildCall& child) { child.done(NoSuchWorkflow(child.what)); },
      .stop_child = [](const ExecutionId&) {},
      .cancel = [this](const std::string& call_id) { cancelled.push_back(call_id); },
      .offer = [this](std::vector<QueuedTask> tasks) { queues.Offer(std::move(tasks)); },
      .cancel_queued = [this](const TaskId& task) { queues.Cancel(task); },
      .forget_queued = [this](const TaskId& task) { queues.Forget(task); },
      .flush_queues = [this] { queues.Flush(); }};
  lane = std::make_unique<Lane>(&node, &clock, &storage, &spare, std::move(hooks));
  keeper = std::make_unique<Keeper>(
      &node, &keepers_clock, &storage, workflows, std::vector<LaneInbox*>{&lane->inbox()},
      [this](const ExecutionKey&) -> LaneInbox& { return lane->inbox(); });
}

void HandDrivenNode::Beat() {
  const absl::Status status = keeper->Beat();
  EXPECT_TRUE(status.ok()) << status;
  node.ExtendDeadline(storage.Now());
  lane->RunOnce(absl::ZeroDuration());
}

absl::Status HandDrivenNode::Compare() {
  std::future<absl::Status> compared =
      std::async(std::launch::async, [this] { return keeper->Compare(); });
  while (compared.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    lane->RunOnce(absl::Milliseconds(1));
  }
  return compared.get();
}

bool HandDrivenNode::SweepUntil(const std::function<bool()>& holds) {
  const absl::StatusOr<int> claimed = keeper->Sweep();
  EXPECT_TRUE(claimed.ok()) << claimed.status();
  return DriveUntil(holds);
}

void HandDrivenNode::Turn(absl::Duration patience) {
  node.ConfirmHeartbeat();
  keeper->ReadAsked();
  keeper->TakeUpRisky();
  lane->RunOnce(patience);
}

bool HandDrivenNode::DriveUntil(const std::function<bool()>& holds) {
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (!holds()) {
    if (absl::Now() > deadline) return false;
    Turn(absl::Milliseconds(5));
  }
  return true;
}

ExecutionKey HandDrivenNode::Start(const Workflows::Startable& of, const std::string& execution_id,
                                   ExecutionDone started, const std::string& input) {
  auto held = std::make_unique<Held>();
  const ExecutionKey key{Uuid::AtTime(clock.Now())};
  held->key = key;
  held->execution_id = execution_id;
  held->of = of;
  held->info = InfoOf(of.workflow, execution_id);
  held->durability = of.program->is_express ? Durability::kEnds : Durability::kSteps;
  held->start = StartRow{.key = key,
                         .workflow_key = of.workflow.workflow_key,
                         .revision = of.revision,
                         .input_hash = Sha256(input),
                         .execution_id = execution_id};
  held->events.emplace_back().what = Started{.input = *ParseJson(input), .seed = 1};
  held->on_started.push_back(std::move(started));
  lane->inbox().Post(lane_message::Start{std::move(held)});
  return key;
}

void HandDrivenNode::Give(const ExecutionKey& key, GivenEvent event) {
  lane->inbox().Post(lane_message::Give{.key = key, .event = std::move(event)});
}

void HandDrivenNode::Stop(const ExecutionKey& key, Answer* answer) {
  StopRequested stop;
  stop.error.name = "Stopped";
  GivenEvent event{.what = std::move(stop), .done = answer->Done()};
  Give(key, std::move(event));
}

std::vector<Claim> HandDrivenNode::HeldClaims() {
  auto listed = std::make_shared<std::optional<std::vector<Claim>>>();
  lane->inbox().Post(lane_message::ListHeld{
      .done = [listed](std::vector<Claim> claims) { *listed = std::move(claims); }});
  lane->RunOnce(absl::ZeroDuration());
  return **listed;
}

Workflows::Startable HandDrivenTest::Workflow(const std::string& name, absl::string_view definition,
                                              WorkflowType type) {
  catalog_.Add(name, std::string(definition), type);
  const auto of = workflows_.FindForStart({.project = "default", .workflow = name}, 0);
  EXPECT_TRUE(of.ok()) << of.status();
  return *of;
}

std::unique_ptr<HandDrivenNode> HandDrivenTest::Joined() {
  auto node = std::make_unique<HandDrivenNode>(&storage_, &workflows_);
  node->Beat();
  return node;
}

ExecutionKey HandDrivenTest::Started(HandDrivenNode& node, const Workflows::Startable& of,
                                     const std::string& execution_id) {
  Answer started;
  const ExecutionKey key = node.Start(of, execution_id, started.Done());
  EXPECT_TRUE(node.DriveUntil([&] { return started.came(); }));
  EXPECT_TRUE(started.status().ok()) << started.status();
  return key;
}

std::vector<EventType> HandDrivenTest::History(const ExecutionKey& key) {
  std::vector<EventType> types;
  const StoredExecution stored = Row(key).execution;
  const auto of = workflows_.FindByKey(stored.workflow_key, stored.revision);
  EXPECT_TRUE(of.ok()) << of.status();
  const auto folded = Fold(stored, *of, [&](const HistoryEvent& event, const Writer&) {
    if (IsShown(event)) types.push_back(event.type);
  });
  EXPECT_TRUE(folded.ok()) << folded.status();
  return types;
}

}  // namespace millrace
