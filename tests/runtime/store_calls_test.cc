// What distributed Maps ask of the object store: made once, ended with their execution, and in
// nobody's way.
#include "engine/runtime/store_calls.h"

#include <condition_variable>
#include <future>
#include <mutex>

#include "engine/runtime/runtime.h"
#include "tests/runtime/hand_driven_node.h"

namespace millrace {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr absl::string_view kReadsAndWrites =
    R"json({"StartAt": "M", "States": {"M": {"Type": "Map",
    "ItemReader": {"Resource": "arn:aws:states:::s3:getObject",
                   "ReaderConfig": {"InputType": "JSON"}, "Parameters": {"Bucket": "b", "Key": "k"}},
    "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject",
                     "Parameters": {"Bucket": "b", "Prefix": "out"}},
    "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
      "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}},
    "Retry": [{"ErrorEquals": ["States.ResultWriterFailed"], "IntervalSeconds": 1}],
    "End": true}}})json";

class MapStoreCallsTest : public HandDrivenTest {
 protected:
  // An execution whose items are being read.
  ExecutionKey Reading(HandDrivenNode& node) {
    const ExecutionKey key = Started(node, Workflow("map", kReadsAndWrites), "e");
    EXPECT_TRUE(node.DriveUntil([&] { return node.store_calls.size() == 1; }));
    return key;
  }
  ExecutionKey Writing(HandDrivenNode& node) {
    const ExecutionKey key = Reading(node);
    TakeCall(node).done(*ParseJson("[1, 2]"));
    EXPECT_TRUE(node.DriveUntil([&] { return node.store_calls.size() == 1; }));
    return key;
  }
  static HandDrivenNode::MadeStoreCall TakeCall(HandDrivenNode& node) {
    HandDrivenNode::MadeStoreCall call = std::move(node.store_calls.front());
    node.store_calls.pop_front();
    return call;
  }
  // Its snapshot is read again, and the fence committed.
  bool IsReadAgain(HandDrivenNode& node, const ExecutionKey& key) {
    const size_t rows = Journal(key).size();
    storage_.Restart();
    node.Beat();
    if (!node.DriveUntil([&] { return Journal(key).size() > rows; })) return false;
    // A duplicate, which is answered when the lane has heard of the fence.
    Answer heard;
    GivenEvent event{.what = TaskSucceeded{.event_id = 1}, .done = heard.Done()};
    node.Give(key, std::move(event));
    return node.DriveUntil([&] { return heard.came(); });
  }
  bool Ends(HandDrivenNode& node, const ExecutionKey& key) {
    return node.DriveUntil([&] { return Row(key).execution.ended_at.has_value(); });
  }
};

TEST_F(MapStoreCallsTest, AreNotMadeAgainWhenTheirExecutionIsReadAgain) {
  const auto node = Joined();
  const ExecutionKey key = Reading(*node);
  ASSERT_TRUE(IsReadAgain(*node, key));
  EXPECT_THAT(node->store_calls, SizeIs(1));
  EXPECT_THAT(node->cancelled, IsEmpty());
  TakeCall(*node).done(*ParseJson("[1, 2]"));
  ASSERT_TRUE(node->DriveUntil([&] { return node->store_calls.size() == 1; }));
  ASSERT_TRUE(std::holds_alternative<WriteResults>(node->store_calls[0].call));
  ASSERT_TRUE(IsReadAgain(*node, key));
  EXPECT_THAT(node->store_calls, SizeIs(1));
  TakeCall(*node).done(*ParseJson(R"({"written": true})"));
  ASSERT_TRUE(Ends(*node, key));
  EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kSucceeded);
  EXPECT_THAT(node->store_calls, IsEmpty());
}

TEST_F(MapStoreCallsTest, AreNotMadeAgainWhenTheAnswerComesBeforeTheFence) {
  const auto node = Joined();
  const ExecutionKey key = Reading(*node);
  storage_.Restart();
  const auto gate = storage_.BlockNext(testing::MemoryStorage::Call::kWrite);
  node->Beat();
  for (int i = 0; i < 20; ++i) node->Turn();
  ASSERT_TRUE(gate->AwaitCall());
  TakeCall(*node).done(*ParseJson("[1]"));
  node->Turn();
  gate->Open();
  ASSERT_TRUE(node->DriveUntil([&] { return !node->store_calls.empty(); }));
  EXPECT_TRUE(std::holds_alternative<WriteResults>(node->store_calls[0].call));
  TakeCall(*node).done(Json(1));
  EXPECT_TRUE(Ends(*node, key));
}

TEST_F(MapStoreCallsTest, ASecondWritingIsKnownFromTheFirst) {
  const auto node = Joined();
  const ExecutionKey key = Writing(*node);
  TakeCall(*node).done(AslError{.name = "States.ResultWriterFailed"});
  node->Turn();
  ASSERT_TRUE(node->DriveUntil([&] {
    node->clock.Advance(absl::Seconds(1));
    return !node->store_calls.empty();
  }));
  TakeCall(*node).done(*ParseJson("[1, 2]"));
  ASSERT_TRUE(node->DriveUntil([&] { return !node->store_calls.empty(); }));
  ASSERT_TRUE(IsReadAgain(*node, key));
  EXPECT_THAT(node->store_calls, SizeIs(1));
  EXPECT_THAT(node->cancelled, IsEmpty());
  TakeCall(*node).done(Json(1));
  ASSERT_TRUE(Ends(*node, key));
  EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kSucceeded);
}

TEST_F(MapStoreCallsTest, EndWithTheirExecution) {
  const auto node = Joined();
  const ExecutionKey key = Reading(*node);
  ASSERT_TRUE(IsReadAgain(*node, key));
  Answer stopped;
  node->Stop(key, &stopped);
  ASSERT_TRUE(node->DriveUntil([&] { return stopped.came(); }));
  EXPECT_THAT(node->cancelled, ElementsAre(node->store_calls[0].call_id));
  TakeCall(*node).done(*ParseJson("[1]"));
  node->Turn();
  EXPECT_EQ(Row(key).execution.status, ExecutionStatus::kAborted);
}

// A store whose Gets and Puts wait until they are let go.
class SlowStore : public ObjectStore {
 public:
  absl::StatusOr<std::string> Get(const std::string&, const std::string& key, size_t) override {
    std::unique_lock lock(mutex_);
    asked_.push_back(key);
    changed_.notify_all();
    changed_.wait(lock, [this] { return is_open_; });
    return "[1, 2]";
  }
  absl::Status Put(const std::string&, const std::string& key, absl::string_view) override {
    std::unique_lock lock(mutex_);
    put_.push_back(key);
    changed_.notify_all();
    changed_.wait(lock, [this] { return is_open_; });
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<StoredObject>> List(const std::string&, const std::string&,
                                                 size_t) override {
    return std::vector<StoredObject>{};
  }
  // Whether so many Gets have come, within 10 s.
  bool AwaitGets(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10),
                             [&] { return asked_.size() >= count; });
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }
  bool AwaitPut() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return !put_.empty(); });
  }
  size_t puts() {
    const std::lock_guard lock(mutex_);
    return put_.size();
  }
  size_t gets() {
    const std::lock_guard lock(mutex_);
    return asked_.size();
  }

 private:
  std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  std::vector<std::string> asked_;
  std::vector<std::string> put_;
  bool is_open_ = false;
};

ReadItems ReadingOf(const std::string& key) {
  return {.event_id = 1,
          .request = Json::Object({{"Action", Json("getObject")},
                                   {"Bucket", Json("b")},
                                   {"Key", Json(key)},
                                   {"InputType", Json("JSON")}})};
}

TEST(StoreCallsTest, WhatIsCancelledIsNotMadeOrNotAnswered) {
  SlowStore store;
  std::mutex mutex;
  std::vector<std::string> answered;
  std::promise<void> all_answered;
  StoreCalls calls(&store);
  const auto add = [&](const std::string& name) {
    calls.Add(name, ReadingOf(name), [&, name](const InvocationResult&) {
      const std::lock_guard lock(mutex);
      answered.push_back(name);
      if (answered.size() == 5) all_answered.set_value();
    });
  };
  for (int i = 0; i < 6; ++i) add(std::to_string(i));
  ASSERT_TRUE(store.AwaitGets(4)) << "four at a time";
  calls.Cancel("0");
  calls.Cancel("5");
  add("6");
  add("7");
  calls.Cancel("7");
  add("8");
  calls.Cancel("1");
  store.Open();
  ASSERT_EQ(all_answered.get_future().wait_for(std::chrono::seconds(10)),
            std::future_status::ready);
  calls.Stop();
  EXPECT_THAT(answered, UnorderedElementsAre("2", "3", "4", "6", "8"));
  EXPECT_EQ(store.gets(), 7u) << "but for those that waited when they were cancelled";
  add("late");
  EXPECT_EQ(store.gets(), 7u);
}

// One that is under way stops before the next object.
TEST(StoreCallsTest, WhatIsCancelledAsksForNoFurtherObject) {
  SlowStore store;
  StoreCalls calls(&store);
  std::atomic<int> answers = 0;
  std::vector<Json> results;
  for (int i = 0; i < 3; ++i) {
    results.push_back(Json::Object({{"Index", Json(int64_t{i})},
                                    {"Status", Json(i == 1 ? "FAILED" : "SUCCEEDED")},
                                    {"Output", Json(1)}}));
  }
  WriteResults write{.event_id = 1,
                     .request = Json::Object(
                         {{"Bucket", Json("b")}, {"Prefix", Json("out")}, {"MapRun", Json("run")}}),
                     .results = Json::Array(std::move(results))};
  calls.Add("w", std::move(write), [&](const InvocationResult&) { ++answers; });
  ASSERT_TRUE(store.AwaitPut());
  calls.Cancel("w");
  store.Open();
  calls.Stop();
  EXPECT_EQ(store.puts(), 1u);
  EXPECT_EQ(answers, 0);
}

// Each of its events adds much: a step that takes more than a lane gives it.
constexpr absl::string_view kLong = R"json({"StartAt": "L", "States": {"L": {"Type": "Pass",
    "QueryLanguage": "JSONata", "Output": "{% $sum([1..100000].($ * 2)) %}", "End": true}}})json";

TEST_F(MapStoreCallsTest, ASlowStoreHoldsUpNoLongStep) {
  SlowStore store;
  Workflow("map", kReadsAndWrites);
  Workflow("long", kLong);
  Runtime runtime(
      &storage_, &catalog_, &workflows_,
      [](const FunctionId&, const Json&, const InvocationContext&, const InvocationDone&) {},
      {.lanes = 1, .address = "a:1", .objects = &store});
  ASSERT_TRUE(runtime.Begin().ok());
  const auto run = [&](const std::string& workflow) {
    auto ended = std::make_shared<std::promise<absl::StatusOr<ExecutionView>>>();
    auto waiting =
        runtime.Run({.workflow = {.project = "default", .workflow = workflow}},
                    [ended](absl::StatusOr<ExecutionView> view) { ended->set_value(view); });
    return ended->get_future();
  };
  auto map = run("map");
  ASSERT_TRUE(store.AwaitGets(1));
  auto long_one = run("long");
  const bool has_ended = long_one.wait_for(std::chrono::seconds(10)) == std::future_status::ready;
  store.Open();
  ASSERT_TRUE(has_ended) << "the long step waits for the store";
  const auto ended = long_one.get();
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->status, ExecutionStatus::kSucceeded);
  ASSERT_EQ(map.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(map.get()->status, ExecutionStatus::kSucceeded);
}

}  // namespace
}  // namespace millrace
