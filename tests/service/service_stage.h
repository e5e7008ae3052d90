#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "db/pg_storage.h"
#include "engine/base/clock.h"
#include "millrace/v1/execution.grpc.pb.h"
#include "tests/service/hand_functions.h"
#include "tests/service/test_node.h"
#include "tests/service/watched_storage.h"
#include "tests/support/core_player.h"
#include "tests/support/postgres.h"
#include "tests/support/stage.h"

namespace millrace::service {

// A node on a database of its own, whose time and functions are in the test's hands.
class StageNode {
 public:
  StageNode() { Begin(); }

  // The node is gone without giving anything back, and another one begins.
  void Crash();

  FakeClock& clock() { return clock_; }
  HandFunctions& functions() { return functions_; }
  ObjectStore& objects() { return objects_; }
  WatchedStorage& storage() { return *storage_; }
  TestNode& node() { return *node_; }

 private:
  void Begin();

  testing::TestDatabase database_;
  db::PgStorage pg_storage_{&database_.pool()};
  FakeClock clock_{absl::UnixEpoch()};
  HandFunctions functions_;
  MemoryObjectStore objects_;
  std::unique_ptr<WatchedStorage> storage_;
  std::unique_ptr<TestNode> node_;
};

// A whole service, told and asked over gRPC. The bare core is played beside it and says what is to
// be waited for: how long the history becomes by what the service is told, and when the next alarm
// rings, which the API does not show. Every event of the service's history must be the core's, its
// time and data too; and every task that is open must have gone out exactly as often as it had to,
// under the idempotency key that its event shows.
//
// What a scenario does must not hang on chance: the two have seeds of their own.
class ServiceStage : public Stage {
 public:
  // Its workflow is there until the stage is gone; there may be one stage at a time on a node.
  ServiceStage(StageNode* node, const std::string& text);
  ~ServiceStage() override;

  void Put(const std::string& bucket, const std::string& key, const std::string& body) override;
  absl::StatusOr<std::string> Get(const std::string& bucket, const std::string& key) override;
  void Start(const Json& input) override;
  void Answer(int64_t event_id, const AslResult<Json>& answer) override;
  void Advance(absl::Duration duration) override;
  void Stop(const AslError& error) override;
  void Crash() override;

  std::vector<StagedCall> Calls() override;
  bool IsOpen(int64_t event_id) override;
  StagedState State() override;
  std::vector<StagedEvent> History() override;

 private:
  void CreateFunction(const std::string& id);
  // Time goes on to `at`, and no alarm was to ring before.
  void AdvanceTo(absl::Time at);
  // Waits until the service has come where the core is.
  void Settle();
  void ReadHistory();
  void CheckEvent(const v1::HistoryEvent& event, const HistoryEvent& expected);
  void CheckCalls();
  void CloseWatch();

  StageNode& node_;
  CorePlayer core_;
  std::string name_, uid_;  // of the execution; empty before its start
  std::unique_ptr<grpc::ClientContext> watch_context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchExecutionResponse>> watch_;
  bool has_watched_end_ = false;           // since the last crash
  std::vector<v1::HistoryEvent> history_;  // as watched
  std::map<std::string, int> times_;       // that tasks had to go out, by idempotency key
};

}  // namespace millrace::service
