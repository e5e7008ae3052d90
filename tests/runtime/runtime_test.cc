// How a whole node begins and stops, on a memory database.
#include "engine/runtime/runtime.h"

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "tests/runtime/hand_driven_node.h"

namespace millrace {
namespace {

using ::testing::IsEmpty;
using testing::MemoryStorage;
using Call = MemoryStorage::Call;
using When = MemoryStorage::When;

// An answer that comes on another thread.
class Awaited {
 public:
  ExecutionDone Done() {
    return [told = told_](absl::StatusOr<ExecutionView> answer) {
      told->set_value(std::move(answer));
    };
  }
  // The answer, or DEADLINE_EXCEEDED if none comes within 10 s.
  absl::StatusOr<ExecutionView> Get() {
    if (answer_.wait_for(std::chrono::seconds(10)) != std::future_status::ready) {
      return absl::DeadlineExceededError("nobody answers");
    }
    return answer_.get();
  }

 private:
  std::shared_ptr<std::promise<absl::StatusOr<ExecutionView>>> told_ =
      std::make_shared<std::promise<absl::StatusOr<ExecutionView>>>();
  std::future<absl::StatusOr<ExecutionView>> answer_ = told_->get_future();
};

// Tasks that are dispatched, from any thread.
class Tasks {
 public:
  Runtime::Invoke Invoke() {
    return
        [this](const FunctionId& function, Json, InvocationContext context, InvocationDone done) {
          {
            const std::lock_guard lock(mutex_);
            tasks_.push_back({.function = function, .context = std::move(context), .done = done});
          }
          changed_.notify_all();
        };
  }
  // The task number `index`, from 0; waits for it for at most 10 s.
  HandDrivenNode::Call At(size_t index) {
    std::unique_lock lock(mutex_);
    const bool came =
        changed_.wait_for(lock, std::chrono::seconds(10), [&] { return tasks_.size() > index; });
    EXPECT_TRUE(came) << "no task " << index;
    return came ? tasks_[index] : HandDrivenNode::Call{.done = [](const InvocationResult&) {}};
  }

 private:
  std::mutex mutex_;  // guards tasks_: the lane adds, the test takes
  std::condition_variable changed_;
  std::vector<HandDrivenNode::Call> tasks_;
};

class RuntimeTest : public HandDrivenTest {
 protected:
  RuntimeTest() { Workflow("two"); }

  std::unique_ptr<Runtime> Begun() {
    auto runtime = std::make_unique<Runtime>(&storage_, &catalog_, &workflows_, tasks_.Invoke(),
                                             RuntimeOptions{.lanes = 1, .address = "a:1"});
    const absl::Status status = runtime->Begin();
    EXPECT_TRUE(status.ok()) << status;
    return runtime;
  }
  static Executions::StartRequest Request(const std::string& execution_id) {
    return {.workflow = {.project = "default", .workflow = "two"}, .execution_id = execution_id};
  }

  Tasks tasks_;
};

TEST_F(RuntimeTest, RunsAnExecutionToItsEnd) {
  const auto runtime = Begun();
  Awaited ended;
  const auto waiting = runtime->Run(Request("e"), ended.Done());
  tasks_.At(0).done(Json(1));
  tasks_.At(1).done(Json(2));
  const auto view = ended.Get();
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->output, "2");
}

// What its callback holds is let go of, though the execution goes on.
TEST_F(RuntimeTest, AnAbandonedRunLeavesNothingBehind) {
  const auto runtime = Begun();
  auto kept = std::make_shared<int>(0);
  Awaited ended;
  const auto waiting = runtime->Run(
      Request("e"),
      [kept, done = ended.Done()](absl::StatusOr<ExecutionView> view) { done(std::move(view)); });
  tasks_.At(0);
  EXPECT_EQ(kept.use_count(), 2);
  waiting->Cancel();
  EXPECT_TRUE(absl::IsCancelled(ended.Get().status()));
  EXPECT_EQ(kept.use_count(), 1);
  Awaited again;
  const auto waiting_again = runtime->Run(Request("e"), again.Done());
  tasks_.At(0).done(Json(1));
  tasks_.At(1).done(Json(2));
  EXPECT_TRUE(again.Get().ok());
}

TEST_F(RuntimeTest, AStartInDoubtAcrossARestartIsAnsweredWithItself) {
  const auto runtime = Begun();
  const auto gate = storage_.BlockNext(Call::kWrite, When::kDone, absl::UnknownError("restart"));
  Awaited started;
  runtime->Start(Request("e"), started.Done());
  ASSERT_TRUE(gate->AwaitCall());
  storage_.Restart();
  gate->Open();
  const auto view = started.Get();
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->status, ExecutionStatus::kRunning);
  EXPECT_EQ(tasks_.At(0).function.function, "first") << "and goes on";
}

TEST_F(RuntimeTest, AGracefulStopReleasesWhatItHolds) {
  auto runtime = Begun();
  Awaited ended;
  const auto waiting = runtime->Run(Request("waited for"), ended.Done());
  tasks_.At(0);
  std::vector<ExecutionKey> keys{catalog_.GetExecution({Request("").workflow, "waited for"})->key};
  for (size_t i = 1; i < 3; ++i) {
    Awaited started;
    runtime->Start(Request(absl::StrCat("e", i)), started.Done());
    const auto view = started.Get();
    ASSERT_TRUE(view.ok()) << view.status();
    keys.push_back(view->key);
    tasks_.At(i);
  }
  runtime->Shutdown();
  EXPECT_EQ(errors::ReasonOf(ended.Get().status()), "SHUTTING_DOWN");
  for (const ExecutionKey& key : keys) {
    const MemoryStorage::Row row = Row(key);
    EXPECT_EQ(row.execution.owner, std::nullopt);
    EXPECT_EQ(row.wake_at, storage_.Now());
    EXPECT_FALSE(row.unfenced);
  }
  EXPECT_THAT(*storage_.ReadNodes(), IsEmpty());
  Awaited late;
  runtime->Start(Request("late"), late.Done());
  EXPECT_EQ(errors::ReasonOf(late.Get().status()), "SHUTTING_DOWN");

  // Another one goes on at once, and nothing counts as a loss.
  const auto other = Begun();
  for (size_t i = 3; i < 6; ++i) EXPECT_EQ(tasks_.At(i).function.function, "first");
  for (const ExecutionKey& key : keys) EXPECT_EQ(Row(key).execution.losses, 0);
}

TEST_F(RuntimeTest, ABatchUnderWayAtTheStopIsFinishedAndItsExecutionReleased) {
  const auto runtime = Begun();
  const auto gate = storage_.BlockNext(Call::kWrite);
  Awaited started;
  runtime->Start(Request("e"), started.Done());
  ASSERT_TRUE(gate->AwaitCall());
  std::future<void> stopped = std::async(std::launch::async, [&] { runtime->Shutdown(); });
  gate->Open();
  stopped.get();
  const auto view = started.Get();
  EXPECT_TRUE(view.ok() || errors::ReasonOf(view.status()) == "SHUTTING_DOWN") << view.status();
  const auto found = catalog_.GetExecution({{"default", "two"}, "e"});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->owner, std::nullopt);
}

// The workflow is looked up when the lanes are stopped already.
TEST_F(RuntimeTest, AStartThatComesTooLateIsToldSo) {
  catalog_.Add("slow", std::string(kTwoTasks));
  const auto runtime = Begun();
  Awaited ended, started;
  const auto waiting = runtime->Run(Request("e"), ended.Done());
  tasks_.At(0);
  std::promise<void> asked, stopped;
  catalog_.OnGetWorkflow([&, once = std::make_shared<std::once_flag>()] {
    std::call_once(*once, [&] {
      asked.set_value();
      stopped.get_future().wait();
    });
  });
  Executions::StartRequest slow = Request("late");
  slow.workflow.workflow = "slow";
  runtime->Start(slow, started.Done());
  asked.get_future().wait();
  std::future<void> shut = std::async(std::launch::async, [&] { runtime->Shutdown(); });
  EXPECT_EQ(errors::ReasonOf(ended.Get().status()), "SHUTTING_DOWN") << "the lane is stopped";
  stopped.set_value();
  shut.get();
  EXPECT_EQ(errors::ReasonOf(started.Get().status()), "SHUTTING_DOWN");
}

// The winner of its name is found when the lanes are stopped already.
TEST_F(RuntimeTest, AWaitForTheWinnerThatComesTooLateIsToldSo) {
  const auto runtime = Begun();
  Awaited first, second;
  const auto waiting = runtime->Run(Request("e"), first.Done());
  tasks_.At(0);
  const auto gate = storage_.BlockNext(Call::kReadByName, When::kDone);
  const auto waiting_too = runtime->Run(Request("e"), second.Done());
  ASSERT_TRUE(gate->AwaitCall());
  std::future<void> shut = std::async(std::launch::async, [&] { runtime->Shutdown(); });
  EXPECT_EQ(errors::ReasonOf(first.Get().status()), "SHUTTING_DOWN") << "the lane is stopped";
  gate->Open();
  shut.get();
  EXPECT_EQ(errors::ReasonOf(second.Get().status()), "SHUTTING_DOWN");
}

TEST_F(RuntimeTest, AStopThatComesTooLateIsToldSo) {
  const auto runtime = Begun();
  Awaited ended, stopped;
  const auto waiting = runtime->Run(Request("e"), ended.Done());
  tasks_.At(0);
  const auto gate = storage_.BlockNext(Call::kReadByName, When::kDone);
  runtime->Stop({Request("").workflow, "e"}, "", "", stopped.Done());
  ASSERT_TRUE(gate->AwaitCall());
  std::future<void> shut = std::async(std::launch::async, [&] { runtime->Shutdown(); });
  EXPECT_EQ(errors::ReasonOf(ended.Get().status()), "SHUTTING_DOWN") << "the lane is stopped";
  gate->Open();
  shut.get();
  EXPECT_EQ(errors::ReasonOf(stopped.Get().status()), "SHUTTING_DOWN");
}

// Children.

class RuntimeChildrenTest : public RuntimeTest {
 protected:
  static constexpr absl::string_view kParent = R"json({"StartAt": "T", "States": {"T": {
      "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync", "End": true,
      "Parameters": {"StateMachineArn": "two", "Name": "child"}}}})json";

  RuntimeChildrenTest() { Workflow("parent", kParent); }

  static Executions::StartRequest Parent(const std::string& execution_id) {
    return {.workflow = {.project = "default", .workflow = "parent"}, .execution_id = execution_id};
  }
  // How often the child was to be started.
  size_t Starts() {
    size_t starts = 0;
    for (const WriteBatch& batch : storage_.batches()) {
      for (const StartRow& start : batch.starts) starts += start.execution_id == "child" ? 1 : 0;
    }
    return starts;
  }
};

TEST_F(RuntimeChildrenTest, OneInQuarantineIsAskedForAgainUntilNobodyWaits) {
  {
    const auto node = Joined();
    const ExecutionKey key = Started(*node, Workflow("two"), "child");
    ASSERT_TRUE(storage_.Quarantine(node->me(), key, "odd").ok());
  }
  const auto runtime = Begun();
  Awaited started, stopped;
  runtime->Start(Parent("e"), started.Done());
  ASSERT_TRUE(started.Get().ok());
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (Starts() < 4 && absl::Now() < deadline) runtime->RunUpkeep();
  EXPECT_GE(Starts(), 4u);
  runtime->Stop({Parent("").workflow, "e"}, "", "", stopped.Done());
  ASSERT_TRUE(stopped.Get().ok()) << "it still runs";
  // What was on its way then may still come.
  int quiet_rounds = 0;
  while (quiet_rounds < 5 && absl::Now() < deadline) {
    const size_t starts = Starts();
    runtime->RunUpkeep();
    Awaited other;
    runtime->Start(Request("other"), other.Done());
    ASSERT_TRUE(other.Get().ok());
    quiet_rounds = Starts() == starts ? quiet_rounds + 1 : 0;
  }
  EXPECT_EQ(quiet_rounds, 5);
}

TEST_F(RuntimeChildrenTest, OneThatCannotBeStartedFailsItsTask) {
  const auto runtime = Begun();
  storage_.FailNext(Call::kWrite, absl::OkStatus());  // the parent's start
  storage_.FailNext(Call::kWrite, absl::InvalidArgumentError("no such row"));
  Awaited ended;
  const auto waiting = runtime->Run(Parent("e"), ended.Done());
  const auto view = ended.Get();
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->error, "States.TaskFailed");
  EXPECT_FALSE(view->cause.empty());
}

}  // namespace
}  // namespace millrace
