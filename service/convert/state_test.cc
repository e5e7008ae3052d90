#include "service/convert/state_test.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace millrace::service {
namespace {

constexpr size_t kLanguageBytesMax = 32;
constexpr size_t kStateNameBytesMax = 320;  // 80 characters of UTF-8

void ReadMock(const v1::StateMock& mock, StateTestRequest* request, FieldChecks* checks) {
  switch (mock.answer_case()) {
    case v1::StateMock::kResult:
      checks->SizeAtMost("mock.result", mock.result(), kInputBytesMax);
      request->mock_result = mock.result();
      break;
    case v1::StateMock::kErrorOutput: {
      const v1::ErrorOutput& output = mock.error_output();
      if (output.error().empty()) checks->Add("mock.error_output.error", "is required");
      checks->SizeAtMost("mock.error_output.error", output.error(), kErrorBytesMax);
      checks->SizeAtMost("mock.error_output.cause", output.cause(), kCauseBytesMax);
      request->mock_error = AslError{.name = output.error(), .cause = std::nullopt};
      if (!output.cause().empty()) request->mock_error->cause = output.cause();
      break;
    }
    case v1::StateMock::ANSWER_NOT_SET:
      checks->Add("mock", "has a result or an error_output");
  }
  switch (mock.field_validation_mode()) {
    case v1::StateMock::FIELD_VALIDATION_MODE_UNSPECIFIED:
    case v1::StateMock::STRICT:
      request->mock_validation = MockValidation::kStrict;
      break;
    case v1::StateMock::PRESENT:
      request->mock_validation = MockValidation::kPresent;
      break;
    case v1::StateMock::NONE:
      request->mock_validation = MockValidation::kNone;
      break;
    default:
      checks->Add("mock.field_validation_mode", "is STRICT, PRESENT or NONE");
  }
}

void ReadConfiguration(const v1::StateConfiguration& configuration, StateTestRequest* request,
                       FieldChecks* checks) {
  if (configuration.has_retrier_retry_count()) {
    request->retry_count = configuration.retrier_retry_count();
  }
  if (configuration.has_map_iteration_failure_count()) {
    request->failed_iterations = configuration.map_iteration_failure_count();
  }
  const std::string& data = configuration.map_item_reader_data();
  checks->SizeAtMost("state_configuration.map_item_reader_data", data, kInputBytesMax);
  if (!data.empty()) request->reader_data = data;
  const std::string& state = configuration.error_caused_by_state();
  checks->SizeAtMost("state_configuration.error_caused_by_state", state, kStateNameBytesMax);
  if (!state.empty()) request->error_caused_by = state;
}

v1::TestStateResponse::Status ToProto(SingleStateStatus status) {
  switch (status) {
    case SingleStateStatus::kSucceeded:
      return v1::TestStateResponse::SUCCEEDED;
    case SingleStateStatus::kFailed:
      return v1::TestStateResponse::FAILED;
    case SingleStateStatus::kRetriable:
      return v1::TestStateResponse::RETRIABLE;
    default:
      return v1::TestStateResponse::CAUGHT_ERROR;
  }
}

// A number of which no more than this can be told.
int32_t ToInt32(int64_t number) {
  constexpr std::numeric_limits<int32_t> kLimits;
  return static_cast<int32_t>(std::clamp<int64_t>(number, kLimits.min(), kLimits.max()));
}

std::string ToText(const Variables& variables) {
  std::vector<JsonMember> members;
  for (const auto& [name, value] : variables) members.push_back({Json(name), value});
  return Json::Object(std::move(members)).ToText();
}

v1::StateInspection ToProto(const StateTest& test, const SingleStateRun& run) {
  const Inspection& inspection = run.inspection;
  v1::StateInspection proto;
  proto.set_input(test.single.input.ToText());
  const auto set = [&proto](const std::optional<Json>& data,
                            void (v1::StateInspection::*setter)(std::string &&)) {
    if (data.has_value()) (proto.*setter)(data->ToText());
  };
  set(inspection.after_input_path, &v1::StateInspection::set_after_input_path<std::string>);
  set(inspection.after_parameters, &v1::StateInspection::set_after_parameters<std::string>);
  set(inspection.after_arguments, &v1::StateInspection::set_after_arguments<std::string>);
  set(inspection.after_items_path, &v1::StateInspection::set_after_items_path<std::string>);
  set(inspection.after_item_selector, &v1::StateInspection::set_after_item_selector<std::string>);
  set(inspection.result, &v1::StateInspection::set_result<std::string>);
  set(inspection.after_result_selector,
      &v1::StateInspection::set_after_result_selector<std::string>);
  set(inspection.after_result_path, &v1::StateInspection::set_after_result_path<std::string>);
  if (!run.variables.empty()) proto.set_variables(ToText(run.variables));
  if (inspection.max_concurrency.has_value()) {
    proto.set_max_concurrency(ToInt32(*inspection.max_concurrency));
  }
  if (inspection.tolerated_failure_count.has_value()) {
    proto.set_tolerated_failure_count(ToInt32(*inspection.tolerated_failure_count));
  }
  if (inspection.tolerated_failure_percentage.has_value()) {
    proto.set_tolerated_failure_percentage(*inspection.tolerated_failure_percentage);
  }
  if (!run.catch_index.has_value() && !run.retry_index.has_value()) return proto;
  v1::StateErrorDetails* details = proto.mutable_error_details();
  if (run.catch_index.has_value()) {
    details->set_catch_index(ToInt32(*run.catch_index));
  }
  if (run.retry_index.has_value()) {
    details->set_retry_index(ToInt32(*run.retry_index));
  }
  if (run.retry_delay.has_value()) {
    details->set_retry_backoff_interval_seconds(absl::ToDoubleSeconds(*run.retry_delay));
  }
  return proto;
}

}  // namespace

StateTestRequest FromProto(const v1::TestStateRequest& request, FieldChecks* checks) {
  StateTestRequest test{.definition = request.definition(),
                        .state = request.state_name(),
                        .calls_functions = request.call_functions()};
  if (request.definition().empty()) checks->Add("definition", "is required");
  checks->SizeAtMost("definition", request.definition(), kDefinitionBytesMax);
  checks->SizeAtMost("state_name", request.state_name(), kStateNameBytesMax);
  checks->SizeAtMost("language", request.language(), kLanguageBytesMax);
  if (!request.language().empty()) test.language = request.language();
  checks->SizeAtMost("input", request.input(), kInputBytesMax);
  if (!request.input().empty()) test.input = request.input();
  checks->SizeAtMost("variables", request.variables(), kInputBytesMax);
  if (!request.variables().empty()) test.variables = request.variables();
  checks->SizeAtMost("context", request.context(), kInputBytesMax);
  if (request.has_context()) test.context = request.context();
  if (!v1::TestStateRequest::InspectionLevel_IsValid(request.inspection_level())) {
    checks->Add("inspection_level", "is INFO, DEBUG or TRACE");
  }
  if (request.has_mock()) ReadMock(request.mock(), &test, checks);
  ReadConfiguration(request.state_configuration(), &test, checks);
  return test;
}

v1::TestStateResponse ToProto(const StateTest& test, const SingleStateRun& run,
                              v1::TestStateRequest::InspectionLevel level) {
  v1::TestStateResponse response;
  response.set_status(ToProto(run.status));
  if (run.output.has_value()) response.set_output(run.output->ToText());
  if (run.error.has_value()) {
    if (run.error->name.has_value()) response.set_error(*run.error->name);
    if (run.error->cause.has_value()) response.set_cause(*run.error->cause);
  }
  if (run.next.has_value()) {
    response.set_next_state(test.program->states[static_cast<size_t>(*run.next)].name);
  }
  const bool inspects =
      level == v1::TestStateRequest::DEBUG || level == v1::TestStateRequest::TRACE;
  if (inspects) *response.mutable_inspection_data() = ToProto(test, run);
  return response;
}

}  // namespace millrace::service
