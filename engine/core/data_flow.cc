#include "engine/core/data_flow.h"

#include "absl/strings/str_cat.h"

namespace millrace {
namespace {

// As deep as a caller's input may be.
constexpr int kDepthMax = JsonLimits{}.depth_max;

AslResult<Json> Fill(Evaluation& evaluation, const PayloadTemplate& payload, const Json& data) {
  AslResult<Json> filled = payload.Evaluate(evaluation.Over(data));
  if (!filled.ok()) return evaluation.Located(filled.error());
  return filled;
}

AslResult<Json> Place(Evaluation& evaluation, const ResultPathField& field, const Json& result) {
  const Json& input = evaluation.frame().data;
  if (!field.path.has_value()) return input;
  if (field.path->is_root()) return result;
  std::optional<Json> placed = field.path->Insert(input, result);
  if (placed.has_value()) return *std::move(placed);
  return AslError{
      .name = "States.ResultPathMatchFailure",
      .cause = absl::StrCat("Unable to apply the ResultPath '", field.path->text(),
                            "' to the input of the state '", evaluation.state().name, "'")};
}

AslResult<std::vector<std::pair<std::string, Json>>> Assignments(
    Evaluation& evaluation, const std::optional<PayloadTemplate>& assign, const Json& data) {
  std::vector<std::pair<std::string, Json>> assigned;
  if (!assign.has_value()) return assigned;
  const AslResult<Json> values = Fill(evaluation, *assign, data);
  if (!values.ok()) return values.error();
  for (const JsonMember& member : values->members()) {
    assigned.emplace_back(std::string(member.key.AsString()), member.value);
  }
  return assigned;
}

AslResult<Exit> Finish(Evaluation& evaluation, AslResult<Json> output,
                       const std::optional<PayloadTemplate>& assign, const Json& assign_data) {
  if (!output.ok()) return output.error();
  if (std::optional<AslError> error = CheckSize(evaluation, evaluation.state().name, *output)) {
    return *std::move(error);
  }
  auto assigned = Assignments(evaluation, assign, assign_data);
  if (!assigned.ok()) return assigned.error();
  return Exit{.output = *std::move(output), .assigned = *std::move(assigned)};
}

}  // namespace

std::optional<AslError> CheckSize(const Evaluation& evaluation, absl::string_view what,
                                  const Json& value) {
  if (value.depth() > kDepthMax) {
    return AslError{.name = "States.Runtime",
                    .cause = absl::StrCat("The state/task '", what,
                                          "' returned a result that is nested more than ",
                                          kDepthMax, " levels deep.")};
  }
  if (value.TextSize() <= evaluation.info().data_bytes_max) return std::nullopt;
  return AslError{.name = "States.DataLimitExceeded",
                  .cause = absl::StrCat("The state/task '", what,
                                        "' returned a result with a size exceeding the maximum "
                                        "number of bytes service limit.")};
}

AslResult<Json> EffectiveInput(Evaluation& evaluation) {
  const DataFlow& flow = evaluation.state().flow;
  AslResult<Json> input = evaluation.Select(flow.input_path, evaluation.frame().data);
  if (!input.ok() || !flow.parameters.has_value()) return input;
  return Fill(evaluation, *flow.parameters, *input);
}

AslResult<Exit> ExitWith(Evaluation& evaluation, const Json& result) {
  const DataFlow& flow = evaluation.state().flow;
  AslResult<Json> selected = result;
  if (flow.result_selector.has_value()) {
    selected = Fill(evaluation, *flow.result_selector, result);
    if (!selected.ok()) return selected.error();
  }
  AslResult<Json> output = Place(evaluation, flow.result_path, *selected);
  if (!output.ok()) return output.error();
  return Finish(evaluation, evaluation.Select(flow.output_path, *output), flow.assign, *selected);
}

AslResult<Exit> PassOn(Evaluation& evaluation, const Json& data,
                       const std::optional<PayloadTemplate>& assign) {
  return Finish(evaluation, evaluation.Select(evaluation.state().flow.output_path, data), assign,
                data);
}

AslResult<Exit> ExitCaught(Evaluation& evaluation, const Catcher& catcher, const AslError& error) {
  std::vector<JsonMember> members;
  if (error.name.has_value()) members.push_back({Json("Error"), Json(*error.name)});
  // The Error Output of a timeout has an empty Cause, as the real service's has.
  members.push_back({Json("Cause"), Json(error.cause.value_or(""))});
  if (!error.cause.has_value() && error.name != "States.Timeout") members.pop_back();
  const Json error_output = Json::Object(std::move(members));
  return Finish(evaluation, Place(evaluation, catcher.result_path, error_output), catcher.assign,
                error_output);
}

}  // namespace millrace
