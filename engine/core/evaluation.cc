#include "engine/core/evaluation.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/core/map_run.h"

namespace millrace {

std::string FormatInstant(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

namespace {

// A step of JSONata takes about a tenth of a microsecond.
constexpr int64_t kJsonataStepsPerFuel = 50;
// Looking at a value takes some 20 nanoseconds.
constexpr int64_t kVisitsPerFuel = 250;
constexpr Fuel kFuelMax = Fuel{1} << 40;
// Walking over or writing out JSON.
constexpr size_t kBytesPerFuel = 4096;

}  // namespace

Evaluation::Evaluation(const Place& place, const Frame& frame, Fuel* fuel)
    : place_(place),
      frame_(frame),
      fuel_(fuel),
      // Another for each place in the history, the same when the step is repeated.
      random_state_(place.snapshot.seed +
                    static_cast<uint64_t>(LastIdOf(place.snapshot, frame)) * 0x9e3779b97f4a7c15ULL +
                    static_cast<uint64_t>(frame.next_item) * 0xd1b54a32d192ed03ULL) {}

void Evaluation::Burn(Fuel fuel) {
  *fuel_ -= fuel;
  if (*fuel_ < 0) throw OutOfFuel{};
}

const Json& Evaluation::Context() {
  if (!context_.has_value()) {
    context_ = place_.context != nullptr ? *place_.context : MakeContext();
    const bool is_given = place_.context != nullptr && item_.has_value();
    if (is_given) context_ = context_->With("Map", Json::Object({{"Item", *item_}}));
  }
  return *context_;
}

int64_t Evaluation::VisitsMax() const {
  return std::clamp<int64_t>(*fuel_, 0, kFuelMax) * kVisitsPerFuel;
}

// Far more than the data of a state may have, and not so much that it would strain a node: in
// memory values take up to some fifteen times their text.
int64_t Evaluation::MadeBytesMax() const {
  constexpr int64_t kLeast = 2 << 20;
  return std::max(kLeast, 2 * static_cast<int64_t>(place_.info.data_bytes_max));
}

void Evaluation::BurnVisits(int64_t visits_max, int64_t visits_left) {
  if (visits_left < 0) throw OutOfFuel{};
  Burn((visits_max - visits_left) / kVisitsPerFuel);
}

void Evaluation::SetItem(int64_t index, Json value) {
  item_ = Json::Object({{"Index", Json(index)}, {"Value", std::move(value)}});
  context_.reset();
}

Json Evaluation::StatesBinding(bool with_context) {
  std::vector<JsonMember> members;
  members.push_back({Json("input"), frame_.data});
  if (with_context) members.push_back({Json("context"), Context()});
  if (result_.has_value()) members.push_back({Json("result"), *result_});
  if (error_output_.has_value()) members.push_back({Json("errorOutput"), *error_output_});
  return Json::Object(std::move(members));
}

AslResult<Json> Evaluation::Fill(const JsonataTemplate& written, absl::string_view field) {
  std::vector<JsonataBinding> bindings;
  if (!written.is_constant()) {
    bindings.reserve(frame_.variables.size() + 1);
    bindings.push_back({.name = "states", .value = StatesBinding(written.may_use_context())});
    for (const auto& [name, value] : frame_.variables) {
      bindings.push_back({.name = name, .value = value});
    }
  }
  const int64_t steps_max = std::clamp<int64_t>(*fuel_, 0, kFuelMax) * kJsonataStepsPerFuel;
  int64_t steps_left = steps_max;
  AslResult<Json> filled = written.Evaluate({.bindings = bindings,
                                             .now = place_.at,
                                             .random_state = &random_state_,
                                             .steps_left = &steps_left},
                                            field);
  if (steps_left < 0) throw OutOfFuel{};
  Burn(1 + (steps_max - steps_left) / kJsonataStepsPerFuel);
  if (!filled.ok()) return Located(filled.error());
  return filled;
}

AslResult<Json> Evaluation::Fill(const Template& written, const Json& data,
                                 absl::string_view field) {
  if (const auto* jsonata = std::get_if<JsonataTemplate>(&written)) return Fill(*jsonata, field);
  AslResult<Json> filled = Over(
      data, [&](const Scope& scope) { return std::get<PayloadTemplate>(written).Evaluate(scope); });
  if (!filled.ok()) return Located(filled.error());
  Burn(1 + static_cast<Fuel>(filled->TextSize() / kBytesPerFuel));
  return filled;
}

Json Evaluation::MakeContext() const {
  Json execution = Json::Object({{"Id", Json(place_.info.execution_name)},
                                 {"Input", place_.snapshot.input},
                                 {"Name", Json(place_.info.execution_id)},
                                 {"RoleArn", Json("")},
                                 {"StartTime", Json(FormatInstant(place_.snapshot.started_at))}});
  // What cannot be run again from where it failed has no count of that.
  if (!place_.program.is_express) execution = execution.With("RedriveCount", Json(0));
  const Json workflow = Json::Object(
      {{"Id", Json(place_.info.workflow_name)}, {"Name", Json(place_.info.workflow_id)}});
  Json state = Json::Object({{"Name", Json(this->state().name)},
                             {"EnteredTime", Json(FormatInstant(frame_.entered_at))}});
  if (!this->state().retry.empty()) state = state.With("RetryCount", Json(frame_.retry_count));
  Json context =
      Json::Object({{"Execution", execution}, {"StateMachine", workflow}, {"State", state}});
  if (item_.has_value()) return context.With("Map", Json::Object({{"Item", *item_}}));
  // The nearest Map around this frame says which item it is.
  for (const Frame* frame = &frame_; frame->parent != 0;) {
    const Frame& parent = place_.snapshot.frames.at(frame->parent);
    const State& owner = place_.program.states[static_cast<size_t>(parent.state)];
    const bool is_item = std::holds_alternative<MapState>(owner.body) && !IsBatched(parent.run) &&
                         static_cast<size_t>(frame->index) < parent.items.size();
    if (is_item) {
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
  Burn(1);
  return Over(data, [&](const Scope& scope) -> AslResult<Json> {
    std::optional<Json> value = field.path->Evaluate(scope);
    if (value.has_value()) return *std::move(value);
    return RuntimeError(absl::StrCat("Invalid path '", field.path->text(),
                                     "' : ", field.path->MissingMessage(scope)));
  });
}

AslError Evaluation::Located(AslError error) const {
  const bool is_located = error.name == "States.Runtime" ||
                          error.name == "States.IntrinsicFailure" || error.evaluation.has_value();
  // A state that is looked into alone has no event to name.
  if (!is_located || place_.inspection != nullptr) return error;
  error.cause = absl::StrCat("An error occurred while executing the state '", state().name,
                             "' (entered at the event id #", NumberOf(frame_.entered_id), "). ",
                             error.cause.value_or(""));
  return error;
}

AslError Evaluation::QueryError(absl::string_view field, absl::string_view cause) const {
  return Located({.name = "States.QueryEvaluationError",
                  .cause = std::string(cause),
                  .evaluation = EvaluationFailure{.location = std::string(field)}});
}

AslError Evaluation::QueryError(const JsonataTemplate& written, absl::string_view field,
                                absl::string_view expected, const Json& value) const {
  return Located(UnexpectedType(written, field, expected, value));
}

AslError Evaluation::RuntimeError(absl::string_view cause) const {
  return Located({.name = "States.Runtime", .cause = std::string(cause)});
}

}  // namespace millrace
