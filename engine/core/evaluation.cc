#include "engine/core/evaluation.h"

#include "absl/strings/str_cat.h"

namespace millrace {

std::string FormatInstant(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

Evaluation::Evaluation(const Program& program, const ExecutionInfo& info, const Snapshot& snapshot,
                       const Frame& frame)
    : program_(program),
      info_(info),
      snapshot_(snapshot),
      frame_(frame),
      // Another for each place in the history, the same when the step is repeated.
      random_state_(snapshot.seed +
                    static_cast<uint64_t>(snapshot.last_id) * 0x9e3779b97f4a7c15ULL) {}

Scope Evaluation::Over(const Json& data) {
  if (!context_.has_value()) context_ = MakeContext();
  return {.data = &data,
          .context = &*context_,
          .variables = &frame_.variables,
          .random_state = &random_state_};
}

void Evaluation::SetItem(int64_t index, Json value) {
  item_ = Json::Object({{"Index", Json(index)}, {"Value", std::move(value)}});
  context_.reset();
}

Json Evaluation::MakeContext() const {
  Json execution = Json::Object({{"Id", Json(info_.execution_name)},
                                 {"Input", snapshot_.input},
                                 {"Name", Json(info_.execution_id)},
                                 {"RoleArn", Json("")},
                                 {"StartTime", Json(FormatInstant(snapshot_.started_at))}});
  // What cannot be run again from where it failed has no count of that.
  if (!program_.is_express) execution = execution.With("RedriveCount", Json(0));
  const Json workflow =
      Json::Object({{"Id", Json(info_.workflow_name)}, {"Name", Json(info_.workflow_id)}});
  Json state = Json::Object({{"Name", Json(this->state().name)},
                             {"EnteredTime", Json(FormatInstant(frame_.entered_at))}});
  if (!this->state().retry.empty()) state = state.With("RetryCount", Json(frame_.retry_count));
  Json context =
      Json::Object({{"Execution", execution}, {"StateMachine", workflow}, {"State", state}});
  if (item_.has_value()) return context.With("Map", Json::Object({{"Item", *item_}}));
  // The nearest Map around this frame says which item it is.
  for (const Frame* frame = &frame_; frame->parent != 0;) {
    const Frame& parent = snapshot_.frames.at(frame->parent);
    if (parent.items.is_array()) {
      const Json& value = parent.items.elements()[static_cast<size_t>(frame->index)];
      return context.With(
          "Map", Json::Object(
                     {{"Item", Json::Object({{"Index", Json(frame->index)}, {"Value", value}})}}));
    }
    frame = &parent;
  }
  return context;
}

AslResult<Json> Evaluation::Select(const PathField& field, const Json& data) {
  if (!field.path.has_value()) return Json::Object();
  if (field.path->is_root()) return data;
  const Scope scope = Over(data);
  std::optional<Json> value = field.path->Evaluate(scope);
  if (value.has_value()) return *std::move(value);
  return RuntimeError(absl::StrCat("Invalid path '", field.path->text(),
                                   "' : ", field.path->MissingMessage(scope)));
}

AslError Evaluation::Located(AslError error) const {
  if (error.name != "States.Runtime" && error.name != "States.IntrinsicFailure") return error;
  return {.name = std::move(error.name),
          .cause = absl::StrCat("An error occurred while executing the state '", state().name,
                                "' (entered at the event id #", frame_.entered_id, "). ",
                                error.cause.value_or(""))};
}

AslError Evaluation::RuntimeError(absl::string_view cause) const {
  return Located({.name = "States.Runtime", .cause = std::string(cause)});
}

}  // namespace millrace
