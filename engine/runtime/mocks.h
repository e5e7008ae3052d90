#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/base/asl_error.h"
#include "engine/json/json.h"
#include "engine/program/program.h"
#include "engine/runtime/local_runner.h"

namespace millrace {

// What a mock answers: a result, or an error.
struct MockAnswer {
  std::variant<Json, AslError> answer;
  // For one state alone, see SingleState.
  std::optional<int64_t> failed_iterations;
  std::optional<Json> reader_data;
};

// A mock file: what Tasks are answered with in place of their functions' results, so that a
// workflow has unit tests.
//
//   {"States": {"Charge": {"0-1": {"Throw": {"Error": "CardBusy", "Cause": "try again"}},
//                          "2": {"Return": {"receipt": 7}}},
//               "Notify": {"Return": "sent"}},
//    "Variables": {...}, "Context": {...}}
//
// A state has one answer for all its attempts, or answers by attempt: the calls of the state's task
// in one execution are counted from 0, retries and iterations of a Map alike. An error of a Throw
// may have no Cause. `Return` is the Task's whole result, with its envelope where the resource has
// one. Variables and Context are for one state alone. Immutable and thread-safe.
class Mocks {
 public:
  // INVALID_ARGUMENT names the place in the file, as a JSON pointer, and the rule.
  static absl::StatusOr<Mocks> Parse(absl::string_view text);

  bool Has(absl::string_view state) const { return states_.find(state) != states_.end(); }
  // nullptr if the file says nothing of this attempt.
  const MockAnswer* Find(absl::string_view state, int64_t attempt) const;
  std::vector<std::string> states() const;
  const std::optional<Json>& variables() const { return variables_; }
  const std::optional<Json>& context() const { return context_; }

 private:
  struct Attempts {
    int64_t first = 0;
    int64_t last = 0;
    MockAnswer answer;
  };

  std::map<std::string, std::vector<Attempts>, std::less<>> states_;
  std::optional<Json> variables_;
  std::optional<Json> context_;
};

// The program with each Task that `mocks` has answers for mocked. INVALID_ARGUMENT for a state that
// it does not have or that is no Task.
absl::StatusOr<Program> MockTasks(const Program& program, const Mocks& mocks);

// Answers the Tasks of `program`, which MockTasks gave; all others go to `others`. The first call
// that the mocks have no answer for is told by `missing`, and fails its task by States.Runtime,
// which nothing catches. All three outlive it; for one execution, whose runner calls it.
LocalInvoke InvokeMocks(const Program& program, const Mocks& mocks, LocalInvoke others,
                        std::string* missing);

}  // namespace millrace
