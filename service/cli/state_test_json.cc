#include "service/cli/state_test_json.h"

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace millrace::cli {
namespace {

constexpr absl::string_view StatusWord(SingleStateStatus status) {
  switch (status) {
    case SingleStateStatus::kSucceeded:
      return "SUCCEEDED";
    case SingleStateStatus::kFailed:
      return "FAILED";
    case SingleStateStatus::kRetriable:
      return "RETRIABLE";
    default:
      return "CAUGHT_ERROR";
  }
}

// Members of an object that are there only when they have a value.
class Members {
 public:
  void Add(absl::string_view key, const std::optional<Json>& value) {
    if (value.has_value()) members_.push_back({Json(key), *value});
  }
  template <typename T>
  void Add(absl::string_view key, const std::optional<T>& value) {
    if (value.has_value()) members_.push_back({Json(key), Json(*value)});
  }
  bool empty() const { return members_.empty(); }
  Json Take() { return Json::Object(std::move(members_)); }

 private:
  std::vector<JsonMember> members_;
};

std::optional<Json> DescribeVariables(const Variables& variables) {
  if (variables.empty()) return std::nullopt;
  Members members;
  for (const auto& [name, value] :
       std::map<std::string, Json>(variables.begin(), variables.end())) {
    members.Add(name, std::optional<Json>(value));
  }
  return members.Take();
}

std::optional<Json> DescribeErrorHandling(const SingleStateRun& run) {
  Members members;
  members.Add("catchIndex", run.catch_index);
  members.Add("retryIndex", run.retry_index);
  if (run.retry_delay.has_value()) {
    members.Add("retryBackoffIntervalSeconds",
                std::optional<double>(absl::ToDoubleSeconds(*run.retry_delay)));
  }
  if (members.empty()) return std::nullopt;
  return members.Take();
}

Json DescribeInspection(const SingleState& single, const SingleStateRun& run) {
  const Inspection& inspection = run.inspection;
  Members members;
  members.Add("input", std::optional<Json>(single.input));
  members.Add("afterInputPath", inspection.after_input_path);
  members.Add("afterParameters", inspection.after_parameters);
  members.Add("afterArguments", inspection.after_arguments);
  members.Add("afterItemsPath", inspection.after_items_path);
  members.Add("afterItemSelector", inspection.after_item_selector);
  members.Add("maxConcurrency", inspection.max_concurrency);
  members.Add("toleratedFailureCount", inspection.tolerated_failure_count);
  members.Add("toleratedFailurePercentage", inspection.tolerated_failure_percentage);
  members.Add("result", inspection.result);
  members.Add("afterResultSelector", inspection.after_result_selector);
  members.Add("afterResultPath", inspection.after_result_path);
  members.Add("variables", DescribeVariables(run.variables));
  members.Add("errorDetails", DescribeErrorHandling(run));
  return members.Take();
}

}  // namespace

Json DescribeStateTest(const Program& program, const SingleState& single, const SingleStateRun& run,
                       bool with_inspection) {
  Members members;
  members.Add("status", std::optional<Json>(Json(StatusWord(run.status))));
  members.Add("output", run.output);
  if (run.error.has_value()) {
    members.Add("error", run.error->name);
    members.Add("cause", run.error->cause);
  }
  if (run.next.has_value()) {
    members.Add("nextState",
                std::optional<std::string>(program.states[static_cast<size_t>(*run.next)].name));
  }
  if (with_inspection) {
    members.Add("inspectionData", std::optional<Json>(DescribeInspection(single, run)));
  }
  return members.Take();
}

}  // namespace millrace::cli
