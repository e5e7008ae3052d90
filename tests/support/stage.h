#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "engine/base/asl_error.h"
#include "engine/json/json.h"
#include "engine/runtime/storage.h"
#include "tests/support/scenario.h"

namespace millrace {

// A call of a function, known by the history event that scheduled it.
struct StagedCall {
  int64_t event_id = 0;
  std::string function;
  Json payload;
};

struct StagedEvent {
  int64_t id = 0;
  int64_t previous_id = 0;
  std::string type;
};

// How an execution stands, and what it has ended with.
struct StagedState {
  ExecutionStatus status = ExecutionStatus::kRunning;
  std::optional<Json> output;
  AslError error;
};

// What a scenario is played on, one execution of one workflow: the bare core, or a whole service.
// What it is told has happened, with all that follows from it, when the call returns.
class Stage {
 public:
  virtual ~Stage() = default;

  // An object that a distributed Map may read.
  virtual void Put(const std::string& bucket, const std::string& key, const std::string& body) = 0;
  virtual void Start(const Json& input) = 0;
  virtual void Answer(int64_t event_id, const AslResult<Json>& answer) = 0;
  // Time goes on; alarms ring in their order.
  virtual void Advance(absl::Duration duration) = 0;
  virtual void Stop(const AslError& error) = 0;
  // All but what is durable is lost, and what is durable is taken up again.
  virtual void Crash() = 0;

  // All calls so far, by event id.
  virtual std::vector<StagedCall> Calls() = 0;
  // Whether the execution still waits for the answer.
  virtual bool IsOpen(int64_t event_id) = 0;
  virtual StagedState State() = 0;
  virtual std::vector<StagedEvent> History() = 0;
  // What a distributed Map has written.
  virtual absl::StatusOr<std::string> Get(const std::string& bucket, const std::string& key) = 0;
};

enum class Crashes { kNever, kAfterEveryLine };

// Plays all lines but the first, which says what the stage's workflow is; stops at the first line
// that does not go as written. A call that no line expects is a failure too.
void Play(const Scenario& scenario, Stage& stage, Crashes crashes);

}  // namespace millrace
