#include "engine/program/error_names.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace millrace {
namespace {

constexpr absl::string_view kStatesNames[] = {"States.ALL",
                                              "States.BranchFailed",
                                              "States.DataLimitExceeded",
                                              "States.ExceedToleratedFailureThreshold",
                                              "States.HeartbeatTimeout",
                                              "States.Http.Socket",
                                              "States.IntrinsicFailure",
                                              "States.ItemReaderFailed",
                                              "States.NoChoiceMatched",
                                              "States.ParameterPathFailure",
                                              "States.Permissions",
                                              "States.QueryEvaluationError",
                                              "States.ResultPathMatchFailure",
                                              "States.ResultWriterFailed",
                                              "States.Runtime",
                                              "States.TaskFailed",
                                              "States.Timeout"};
constexpr absl::string_view kAswNames[] = {"StatesALL",         "StatesDataLimitExceeded",
                                           "StatesPermissions", "StatesRuntime",
                                           "StatesTaskFailed",  "StatesTimeout"};

// The classes of ASW beside StatesALL; an error belongs to any of them, or to none.
struct AswClasses {
  bool permissions = false;
  bool runtime = false;
  bool data_limit = false;
  bool task_failed = true;
  bool timeout = false;
};

template <size_t kSize>
bool IsOneOf(absl::string_view name, const absl::string_view (&list)[kSize]) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

bool IsTimeout(absl::string_view name) {
  return name == "States.Timeout" || name == "States.HeartbeatTimeout";
}

// Public codes of Tencent's services, and the engine's own names.
AswClasses ClassesOf(absl::string_view name) {
  constexpr absl::string_view kDataLimit[] = {"States.DataLimitExceeded", "ResourceInsufficient",
                                              "RequestLimitExceeded", "LimitExceeded",
                                              "ResourceInUse"};
  constexpr absl::string_view kUnclassified[] = {"NoSuchVersion", "ResourceUnavailable"};
  constexpr absl::string_view kTaskFailed[] = {
      "States.TaskFailed", "States.BranchFailed", "States.ExceedToleratedFailureThreshold",
      "States.ItemReaderFailed", "States.ResultWriterFailed"};
  if (IsTimeout(name)) return {.task_failed = false, .timeout = true};
  if (IsOneOf(name, kUnclassified)) return {.task_failed = false};
  if (IsOneOf(name, kDataLimit)) return {.data_limit = true};
  if (name == "States.Permissions" || name == "UnauthorizedOperation" || name == "AuthFailure" ||
      absl::StartsWith(name, "AuthFailure.")) {
    return {.permissions = true};
  }
  if (IsOneOf(name, kTaskFailed)) return {};
  if (name == "InternalError" || absl::StartsWith(name, "States.")) return {.runtime = true};
  return {};
}

bool StandsForInStates(absl::string_view given, absl::string_view name) {
  if (name == "States.Runtime") return false;
  if (given == "States.ALL" || given == name) return true;
  // What a task itself fails with is any name but the time-outs.
  return given == "States.TaskFailed" && !absl::StartsWith(name, "States.");
}

bool StandsForInAsw(absl::string_view given, absl::string_view name) {
  if (given == name) return true;
  absl::string_view class_name = given;
  if (!absl::ConsumePrefix(&class_name, "States")) return false;
  absl::ConsumePrefix(&class_name, ".");
  const AswClasses classes = ClassesOf(name);
  if (class_name == "ALL") return true;
  if (class_name == "TaskFailed") return classes.task_failed;
  if (class_name == "Permissions") return classes.permissions;
  if (class_name == "Runtime") return classes.runtime;
  if (class_name == "DataLimitExceeded") return classes.data_limit;
  return class_name == "Timeout" && classes.timeout;
}

}  // namespace

absl::Span<const absl::string_view> LanguageErrors(Dialect dialect) {
  return dialect == Dialect::kAsw ? absl::Span<const absl::string_view>(kAswNames)
                                  : absl::Span<const absl::string_view>(kStatesNames);
}

absl::string_view CatchAll(Dialect dialect) {
  return dialect == Dialect::kAsw ? "StatesALL" : "States.ALL";
}

bool IsLanguageError(Dialect dialect, absl::string_view name) {
  const auto names = LanguageErrors(dialect);
  if (std::find(names.begin(), names.end(), name) != names.end()) return true;
  return dialect == Dialect::kStates && absl::StartsWith(name, "States.Http.StatusCode.");
}

std::optional<size_t> FindErrorName(Dialect dialect, const std::vector<std::string>& error_equals,
                                    absl::string_view name) {
  const auto stands_for = dialect == Dialect::kAsw ? StandsForInAsw : StandsForInStates;
  for (size_t i = 0; i < error_equals.size(); ++i) {
    if (stands_for(error_equals[i], name)) return i;
  }
  return std::nullopt;
}

std::string ErrorNameIn(Dialect dialect, absl::string_view name) {
  if (dialect != Dialect::kAsw || !absl::StartsWith(name, "States.")) return std::string(name);
  const AswClasses classes = ClassesOf(name);
  if (classes.timeout) return "StatesTimeout";
  if (classes.permissions) return "StatesPermissions";
  if (classes.data_limit) return "StatesDataLimitExceeded";
  return classes.runtime ? "StatesRuntime" : "StatesTaskFailed";
}

}  // namespace millrace
