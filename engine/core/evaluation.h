#pragma once

#include <optional>
#include <string>
#include <utility>

#include "engine/base/asl_error.h"
#include "engine/core/inspection.h"
#include "engine/core/snapshot.h"
#include "engine/core/step.h"
#include "engine/expr/scope.h"

namespace millrace {

// A step has done more work than it may.
struct OutOfFuel {};

// What a step may still do. A history event takes one; what takes as long as five more
// microseconds takes one more.
using Fuel = int64_t;

// What one frame's expressions see while it is stepped: its variables, and the context object,
// which is made when the first expression needs it. Evaluating takes fuel; each function that does
// may throw OutOfFuel.
class Evaluation final : private ContextSource {
 public:
  struct Place {
    const Program& program;
    const ExecutionInfo& info;
    const Snapshot& snapshot;
    absl::Time at;
    const Json* context = nullptr;     // the context object; one is made if absent
    Inspection* inspection = nullptr;  // for those who look into one state
  };
  Evaluation(const Place& place, const Frame& frame, Fuel* fuel);

  // What `evaluate` gives for a Scope over `data`. What its expressions look at takes fuel.
  template <typename Evaluate>
  auto Over(const Json& data, const Evaluate& evaluate) {
    const int64_t visits_max = VisitsMax();
    int64_t visits_left = visits_max;
    int64_t made_bytes_left = MadeBytesMax();
    auto result = evaluate(Scope{.data = &data,
                                 .context_source = this,
                                 .variables = &frame_.variables,
                                 .random_state = &random_state_,
                                 .visits_left = &visits_left,
                                 .made_bytes_left = &made_bytes_left});
    BurnVisits(visits_max, visits_left);
    return result;
  }
  // For an ItemSelector: `$$.Map.Item` is this one.
  void SetItem(int64_t index, Json value);
  // `$states.result` and `$states.errorOutput`.
  void SetResult(Json result) { result_ = std::move(result); }
  void SetErrorOutput(Json error_output) { error_output_ = std::move(error_output); }

  // The filled-in template, whose name in the definition is `field`; `data` is JSONPath's `$`.
  AslResult<Json> Fill(const Template& written, const Json& data, absl::string_view field);
  AslResult<Json> Fill(const JsonataTemplate& written, absl::string_view field);

  // The path's value; {} for null. A path that selects nothing is States.Runtime.
  AslResult<Json> Select(const PathField& field, const Json& data);
  // As the error of the state that the frame is in: States.Runtime causes say where.
  AslError Located(AslError error) const;
  AslError RuntimeError(absl::string_view cause) const;
  // States.QueryEvaluationError for a value that the state cannot use.
  AslError QueryError(absl::string_view field, absl::string_view cause) const;
  // As above, for a value of another type than is expected.
  AslError QueryError(const JsonataTemplate& written, absl::string_view field,
                      absl::string_view expected, const Json& value) const;
  void Burn(Fuel fuel);

  // Keeps what the data is after a step of its flow, if somebody looks.
  void Inspect(std::optional<Json> Inspection::*step, const Json& data) {
    if (place_.inspection != nullptr) place_.inspection->*step = data;
  }

  const Frame& frame() const { return frame_; }
  const State& state() const { return place_.program.states[static_cast<size_t>(frame_.state)]; }
  const ExecutionInfo& info() const { return place_.info; }
  bool is_jsonata() const { return state().flow.language == QueryLanguage::kJsonata; }

 private:
  int64_t VisitsMax() const;
  int64_t MadeBytesMax() const;
  void BurnVisits(int64_t visits_max, int64_t visits_left);
  Json MakeContext() const;
  const Json& Context() override;
  Json StatesBinding(bool with_context);

  const Place place_;
  const Frame& frame_;
  Fuel* const fuel_;
  uint64_t random_state_;
  std::optional<Json> item_;
  std::optional<Json> result_;
  std::optional<Json> error_output_;
  std::optional<Json> context_;
};

// "2026-01-31T10:15:30.123Z", as the context object and the history have times.
std::string FormatInstant(absl::Time time);

}  // namespace millrace
