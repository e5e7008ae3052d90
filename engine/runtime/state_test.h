#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "engine/base/asl_error.h"
#include "engine/core/single_state.h"
#include "engine/program/program.h"
#include "engine/runtime/local_runner.h"

namespace millrace {

// How far a mocked result of a Task is held against what its service would give.
enum class MockValidation {
  kStrict,   // fields that the service always gives are there, and known fields have their types
  kPresent,  // known fields that are there have their types
  kNone,
};

// Asks what one state does with an input. Texts are JSON, as callers give them.
struct StateTestRequest {
  std::string language = "ASL";
  std::string definition;  // a state, or a whole workflow: then `state` says which of its states
  std::string state;
  std::string input = "{}";
  std::optional<std::string> variables;  // an object: by name
  std::optional<std::string> context;    // the context object; else one is made up
  std::optional<std::string> mock_result;
  std::optional<AslError> mock_error;
  MockValidation mock_validation = MockValidation::kStrict;
  bool calls_functions = false;  // a Task without a mock calls its function
  std::optional<int64_t> retry_count;
  std::optional<int64_t> failed_iterations;
  std::optional<std::string> reader_data;      // what a Map's ItemReader reads, in its format
  std::optional<std::string> error_caused_by;  // the state inside a Map or Parallel that failed
};

// A request that is sound.
struct StateTest {
  std::shared_ptr<const Program> program;
  SingleState single;
  std::string reader_data;
};

// Checks all of a request. INVALID_FIELD with every violation, or INVALID_DEFINITION with every
// problem of the definition; fields are named as in TestStateRequest.
absl::StatusOr<StateTest> PrepareStateTest(const StateTestRequest& request);

// Runs it as far as it goes: to its end, or to the call of a function. Does not block.
std::variant<SingleStateRun, InvokeFunction> AdvanceStateTest(StateTest* test);

// The function has answered: AdvanceStateTest goes on to the end.
void AnswerStateTest(const InvocationResult& result, StateTest* test);

// Runs it to its end, and blocks while the function of a Task without a mock is called through
// `invoke`.
SingleStateRun RunStateTest(StateTest test, const LocalInvoke& invoke);

}  // namespace millrace
