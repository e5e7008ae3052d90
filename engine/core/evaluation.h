#pragma once

#include <optional>
#include <string>

#include "engine/base/asl_error.h"
#include "engine/core/snapshot.h"
#include "engine/core/step.h"
#include "engine/expr/scope.h"

namespace millrace {

// What one frame's expressions see while it is stepped: its variables, and the context object,
// which is made when the first expression needs a scope.
class Evaluation {
 public:
  Evaluation(const Program& program, const ExecutionInfo& info, const Snapshot& snapshot,
             const Frame& frame);

  // `data` outlives the scope; so does this.
  Scope Over(const Json& data);
  // For an ItemSelector: `$$.Map.Item` is this one.
  void SetItem(int64_t index, Json value);

  // The path's value; {} for null. A path that selects nothing is States.Runtime.
  AslResult<Json> Select(const PathField& field, const Json& data);
  // As the error of the state that the frame is in: States.Runtime causes say where.
  AslError Located(AslError error) const;
  AslError RuntimeError(absl::string_view cause) const;

  const Frame& frame() const { return frame_; }
  const State& state() const { return program_.states[static_cast<size_t>(frame_.state)]; }
  const ExecutionInfo& info() const { return info_; }

 private:
  Json MakeContext() const;

  const Program& program_;
  const ExecutionInfo& info_;
  const Snapshot& snapshot_;
  const Frame& frame_;
  uint64_t random_state_;
  std::optional<Json> item_;
  std::optional<Json> context_;
};

// "2026-01-31T10:15:30.123Z", as the context object and the history have times.
std::string FormatInstant(absl::Time time);

}  // namespace millrace
