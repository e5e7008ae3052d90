#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/runtime/keeper.h"
#include "engine/runtime/lane.h"
#include "tests/support/memory_catalog.h"
#include "tests/support/memory_storage.h"

namespace millrace {

// What a caller is told, once.
class Answer {
 public:
  ExecutionDone Done() {
    return [told = told_](absl::StatusOr<ExecutionView> answer) {
      EXPECT_FALSE(told->has_value()) << "answered twice";
      *told = std::move(answer);
    };
  }
  bool came() const { return told_->has_value(); }
  // OK, or why not; UNKNOWN while it has not come.
  absl::Status status() const {
    return came() ? (*told_)->status() : absl::UnknownError("no answer yet");
  }
  const ExecutionView& view() const { return (*told_)->value(); }

 private:
  using Told = std::optional<absl::StatusOr<ExecutionView>>;
  std::shared_ptr<Told> told_ = std::make_shared<Told>();
};

// One incarnation of a node, with one lane and its keeper, whose turns a test takes by hand on its
// own thread. Several may share a database. Gone without a word, as after a crash, with its
// destruction; its row in the nodes table stays then.
class HandDrivenNode {
 public:
  HandDrivenNode(testing::MemoryStorage* storage, Workflows* workflows);

  // A task that was dispatched.
  struct Call {
    FunctionId function;
    Json payload;
    InvocationContext context;
    InvocationDone done;
  };

  const NodeIncarnation& me() const { return node.me(); }
  // A heartbeat and what a compare does for the deadline.
  void Beat();
  // The keeper's compare, while the lane answers it.
  absl::Status Compare();
  // A sweep, and then turns until `holds`.
  bool SweepUntil(const std::function<bool()>& holds);
  // One turn of the keeper, and one of the lane that waits no longer than `patience`.
  void Turn(absl::Duration patience = absl::ZeroDuration());
  // Turns until `holds`, for at most 10 s.
  bool DriveUntil(const std::function<bool()>& holds);

  // As Runtime starts: answers `started` when it is durable (nullptr: EXPRESS, and only its end is
  // asked for).
  ExecutionKey Start(const Workflows::Startable& of, const std::string& execution_id,
                     ExecutionDone started, const std::string& input = "{}");
  void Give(const ExecutionKey& key, GivenEvent event);
  void Stop(const ExecutionKey& key, Answer* answer);
  // (key, claims) of what the lane holds.
  std::vector<Claim> HeldClaims();

  testing::MemoryStorage& storage;
  Node node;
  FakeClock clock;  // the lane's
  SynchronizedClock keepers_clock;
  WorkQueue spare{1};
  std::deque<Call> calls;
  // What a distributed Map has asked of the object store.
  struct MadeStoreCall {
    std::string call_id;
    StoreCall call;
    InvocationDone done;
  };
  std::deque<MadeStoreCall> store_calls;
  std::vector<std::string> cancelled;  // by their call_id
  std::vector<ExecutionKey> quarantined;
  std::vector<ExecutionKey> read_again;
  std::vector<std::unique_ptr<Held>> lost_starts;
  // Of its own clock; what they give goes to the lane.
  int64_t queues_nanos = 1;
  TaskQueues queues{{.steady_nanos = [this] { return queues_nanos; }},
                    [this](std::vector<std::pair<ExecutionKey, GivenEvent>> events) {
                      for (auto& [key, event] : events) Give(key, std::move(event));
                    }};
  // The lane's thread is the test's, and whatever it says is heard before it goes.
  std::unique_ptr<Lane> lane;
  std::unique_ptr<Keeper> keeper;
};

// Workflows in a memory database, and nodes on it.
class HandDrivenTest : public ::testing::Test {
 protected:
  static constexpr absl::string_view kTwoTasks = R"json({"StartAt": "A", "States": {
      "A": {"Type": "Task", "Resource": "first", "Next": "B"},
      "B": {"Type": "Task", "Resource": "second", "End": true}}})json";

  Workflows::Startable Workflow(const std::string& name, absl::string_view definition = kTwoTasks,
                                WorkflowType type = WorkflowType::kStandard);
  // A node that has joined.
  std::unique_ptr<HandDrivenNode> Joined();
  // Its row in the nodes table goes, as when others have seen that it is dead.
  void Bury(const HandDrivenNode& node) { ASSERT_TRUE(storage_.RemoveNodes({node.me()}).ok()); }
  // An execution that `node` has started, and whose start is durable.
  ExecutionKey Started(HandDrivenNode& node, const Workflows::Startable& of,
                       const std::string& execution_id);
  testing::MemoryStorage::Row Row(const ExecutionKey& key) { return *storage_.Find(key); }
  std::vector<JournalRow> Journal(const ExecutionKey& key) { return Row(key).execution.rows; }
  // The types of all that the journal says happened.
  std::vector<EventType> History(const ExecutionKey& key);

  testing::MemoryStorage storage_;
  testing::MemoryCatalog catalog_{&storage_};
  Workflows workflows_{&catalog_};
};

}  // namespace millrace
