#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/errors.h"
#include "engine/runtime/state_test.h"
#include "service/cli/conformance_case.h"
#include "service/cli/conformance_functions.h"
#include "service/cli/pattern.h"
#include "service/cli/state_test_json.h"

namespace millrace::cli {
namespace {

std::optional<std::string> JsonTextOf(const Json& json, absl::string_view key) {
  const Json* value = json.Find(key);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value->ToText());
}

std::optional<std::string> OptionalTextOf(const Json& json, absl::string_view key) {
  const Json* value = json.Find(key);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->AsString());
}

std::optional<int64_t> IntegerOf(const Json& json, absl::string_view key) {
  const Json* value = json.Find(key);
  return value == nullptr ? std::nullopt : value->ToInt64();
}

void ReadMock(const Json& mock, StateTestRequest* request) {
  request->mock_result = OptionalTextOf(mock, "result");
  if (const Json* error = mock.Find("errorOutput")) {
    request->mock_error =
        AslError{.name = OptionalTextOf(*error, "error"), .cause = OptionalTextOf(*error, "cause")};
  }
  const std::string mode = TextOf(mock, "fieldValidationMode");
  if (mode == "PRESENT") request->mock_validation = MockValidation::kPresent;
  if (mode == "NONE") request->mock_validation = MockValidation::kNone;
}

StateTestRequest ReadRequest(const Json& json) {
  StateTestRequest request{.definition = json.Find("definition")->ToText(),
                           .state = TextOf(json, "stateName"),
                           .input = json.Find("input")->ToText(),
                           .variables = JsonTextOf(json, "variables"),
                           .context = JsonTextOf(json, "context"),
                           .calls_functions = json.Find("functions") != nullptr};
  if (const Json* mock = json.Find("mock")) ReadMock(*mock, &request);
  if (const Json* configuration = json.Find("stateConfiguration")) {
    request.retry_count = IntegerOf(*configuration, "retrierRetryCount");
    request.failed_iterations = IntegerOf(*configuration, "mapIterationFailureCount");
    request.reader_data = OptionalTextOf(*configuration, "mapItemReaderData");
    request.error_caused_by = OptionalTextOf(*configuration, "errorCausedByState");
  }
  return request;
}

// What the corpus calls the refusal of a request.
Json DescribeRefusal(const absl::Status& status) {
  const bool is_definition = errors::ReasonOf(status) == "INVALID_DEFINITION";
  return Json::Object(
      {{"request_error", Json(is_definition ? "InvalidDefinition" : "ValidationException")},
       {"message", Json(status.message())}});
}

}  // namespace

void RunStateCase(const Json& json, FunctionHost& host, CaseReport* report) {
  const absl::StatusOr<StateTest> test = PrepareStateTest(ReadRequest(json));
  Json actual;
  if (test.ok()) {
    const SingleStateRun run =
        RunStateTest(*test, InvokeThrough(host, LoaderOf(json), "execution"));
    const std::string level = TextOf(json, "inspectionLevel");
    actual =
        DescribeStateTest(*test->program, test->single, run, level == "DEBUG" || level == "TRACE");
  } else {
    actual = DescribeRefusal(test.status());
  }
  const Json& expected = *json.Find("expected");
  for (const auto& [level, soft] : {std::pair(1, SoftTexts::kAnyString), {4, SoftTexts::kEqual}}) {
    if (const auto difference = FindDifference(expected, actual, soft)) {
      return Fail(level, absl::StrCat(*difference, " | ", actual.ToText()).substr(0, 1000), report);
    }
  }
}

}  // namespace millrace::cli
