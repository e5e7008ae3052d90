#include "engine/core/data_flow.h"

#include "absl/strings/str_cat.h"

namespace millrace {
namespace {

// All variables of a scope together.
constexpr size_t kVariablesBytesMax = 10 << 20;
// As deep as a caller's input may be.
constexpr int kDepthMax = JsonLimits{}.depth_max;

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

// Each variable is held against the limit of data; all of a scope together have one of their own.
std::optional<AslError> CheckVariables(const Evaluation& evaluation, const Json& assigned) {
  const std::string& state = evaluation.state().name;
  for (const JsonMember& member : assigned.members()) {
    if (std::optional<AslError> error = CheckSize(evaluation, state, member.value)) return error;
  }
  size_t bytes = assigned.TextSize();
  for (const auto& [name, value] : evaluation.frame().variables) {
    if (assigned.Find(name) == nullptr) bytes += name.size() + value.TextSize();
  }
  if (bytes <= std::max(kVariablesBytesMax, evaluation.info().data_bytes_max)) return std::nullopt;
  return AslError{.name = "States.DataLimitExceeded",
                  .cause = absl::StrCat("The variables after the state '", state,
                                        "' are larger than ", kVariablesBytesMax, " bytes.")};
}

AslResult<std::vector<std::pair<std::string, Json>>> Assignments(Evaluation& evaluation,
                                                                 const Template& assign,
                                                                 const Json& data,
                                                                 absl::string_view field) {
  const AslResult<Json> values = evaluation.Fill(assign, data, field);
  if (!values.ok()) return values.error();
  if (std::optional<AslError> error = CheckVariables(evaluation, *values)) {
    return *std::move(error);
  }
  std::vector<std::pair<std::string, Json>> assigned;
  for (const JsonMember& member : values->members()) {
    assigned.emplace_back(std::string(member.key.AsString()), member.value);
  }
  return assigned;
}

AslResult<Exit> Finish(Evaluation& evaluation, AslResult<Json> output,
                       const std::optional<Template>& assign, const Json& assign_data,
                       absl::string_view fields = "") {
  if (!output.ok()) return output.error();
  if (std::optional<AslError> error = CheckSize(evaluation, evaluation.state().name, *output)) {
    return *std::move(error);
  }
  if (!assign.has_value()) return Exit{.output = *std::move(output), .assigned = {}};
  auto assigned = Assignments(evaluation, *assign, assign_data, absl::StrCat(fields, "Assign"));
  if (!assigned.ok()) return assigned.error();
  return Exit{.output = *std::move(output), .assigned = *std::move(assigned)};
}

// ResultPath and OutputPath.
AslResult<Exit> SelectOutput(Evaluation& evaluation, const Json& selected,
                             const std::optional<Template>& assign) {
  const DataFlow& flow = evaluation.state().flow;
  evaluation.Inspect(&Inspection::after_result_selector, selected);
  AslResult<Json> output = Place(evaluation, flow.result_path, selected);
  if (!output.ok()) return output.error();
  evaluation.Inspect(&Inspection::after_result_path, *output);
  if (!flow.output_path.is_root()) output = evaluation.Select(flow.output_path, *output);
  return Finish(evaluation, std::move(output), assign, selected);
}

// ResultSelector, ResultPath and OutputPath; Assign sees the selected result. A state that passes
// its input on has the first two only in ASW.
AslResult<Exit> Select(Evaluation& evaluation, const Json& result,
                       const std::optional<Template>& assign) {
  const DataFlow& flow = evaluation.state().flow;
  if (!flow.result_selector.has_value()) return SelectOutput(evaluation, result, assign);
  const AslResult<Json> selected = evaluation.Fill(*flow.result_selector, result, "ResultSelector");
  if (!selected.ok()) return selected.error();
  return SelectOutput(evaluation, *selected, assign);
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
  if (evaluation.is_jsonata()) {
    if (!flow.arguments.has_value()) return evaluation.frame().data;
    AslResult<Json> arguments = evaluation.Fill(*flow.arguments, "Arguments");
    if (arguments.ok()) evaluation.Inspect(&Inspection::after_arguments, *arguments);
    return arguments;
  }
  AslResult<Json> input = evaluation.Select(flow.input_path, evaluation.frame().data);
  if (!input.ok()) return input;
  evaluation.Inspect(&Inspection::after_input_path, *input);
  if (flow.parameters.has_value()) {
    input = evaluation.Fill(*flow.parameters, *input, "Parameters");
    if (!input.ok()) return input;
  }
  evaluation.Inspect(&Inspection::after_parameters, *input);
  return input;
}

AslResult<Exit> ExitWith(Evaluation& evaluation, const Json& result) {
  evaluation.Inspect(&Inspection::result, result);
  if (evaluation.is_jsonata()) evaluation.SetResult(result);
  return PassOn(evaluation, result);
}

AslResult<Exit> PassOn(Evaluation& evaluation, const Json& data, const Passing& passing) {
  if (!evaluation.is_jsonata()) return Select(evaluation, data, passing.assign);
  AslResult<Json> output = data;
  if (passing.output.has_value()) {
    output = evaluation.Fill(*passing.output, absl::StrCat(passing.fields, "Output"));
  }
  return Finish(evaluation, std::move(output), passing.assign, data, passing.fields);
}

AslResult<Exit> PassOn(Evaluation& evaluation, const Json& data) {
  const DataFlow& flow = evaluation.state().flow;
  return PassOn(evaluation, data, {.output = flow.output, .assign = flow.assign, .fields = ""});
}

AslResult<Exit> ExitCaught(Evaluation& evaluation, const Catcher& catcher, const AslError& error) {
  std::vector<JsonMember> members;
  if (error.name.has_value()) {
    members.push_back({Json("Error"), Json(ErrorNameIn(catcher.dialect, *error.name))});
  }
  // The Error Output of a timeout has an empty Cause, as the real service's has.
  members.push_back({Json("Cause"), Json(error.cause.value_or(""))});
  if (!error.cause.has_value() && error.name != "States.Timeout") members.pop_back();
  const Json error_output = Json::Object(std::move(members));
  if (evaluation.is_jsonata()) {
    evaluation.SetErrorOutput(error_output);
    const auto place = &catcher - evaluation.state().catches.data();
    return PassOn(evaluation, error_output,
                  {.output = catcher.output,
                   .assign = catcher.assign,
                   .fields = absl::StrCat("Catch[", place, "]/")});
  }
  return Finish(evaluation, Place(evaluation, catcher.result_path, error_output), catcher.assign,
                error_output);
}

}  // namespace millrace
