#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/time/time.h"
#include "engine/base/asl_error.h"
#include "engine/core/inspection.h"
#include "engine/core/step.h"
#include "engine/expr/scope.h"
#include "engine/json/json.h"
#include "engine/program/program.h"

namespace millrace {

// One state, to be run alone: from its input to its output, its next state, or its error and
// whether that would be retried or caught.
struct SingleState {
  StateIndex state = 0;
  Json input;
  Variables variables;             // those assigned before it
  std::optional<Json> context;     // the context object as it is; else one is made up
  ExecutionInfo info;              // for a context object that is made up, and the limits
  absl::Time at;                   // the time that the expressions see
  uint64_t seed = 0;               // of all chance
  int64_t retry_count = 0;         // of the retrier that matches
  int64_t failed_iterations = 0;   // of a Map that has a result
  std::optional<Json> read_items;  // what a Map's ItemReader has read; without it, nothing is known
  // What its work gives: a Task's result as the history has it, the array of a Parallel or Map, or
  // an error. Absent for the other states, and for a Task whose function is to be called.
  std::optional<std::variant<Json, AslError>> answer;
  bool is_functions_answer = false;  // still without the envelope that the Task may have
  bool reads_items = false;          // a Map with an ItemReader asks for what it reads
};

enum class SingleStateStatus { kSucceeded, kFailed, kRetriable, kCaughtError };

struct SingleStateRun {
  SingleStateStatus status = SingleStateStatus::kSucceeded;
  std::optional<Json> output;  // of kSucceeded and kCaughtError
  std::optional<AslError> error;
  std::optional<StateIndex> next;  // where the execution would go
  Variables variables;             // after it
  Inspection inspection;
  // How an error was handled: places in the state's Retry and Catch.
  std::optional<int64_t> retry_index;
  std::optional<absl::Duration> retry_delay;
  std::optional<int64_t> catch_index;
};

// Runs one state by what the whole engine runs it by, without a history. Pure. Where something is
// needed from outside, gives the command: for a Task without an answer, and for a Map that reads
// its items and has none. It is then called again, with what came of it. A Parallel or Map has an
// answer.
std::variant<SingleStateRun, InvokeFunction, ReadItems> RunSingleState(const Program& program,
                                                                       const SingleState& single);

}  // namespace millrace
