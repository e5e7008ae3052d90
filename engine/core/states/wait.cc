#include <cmath>

#include "absl/strings/str_cat.h"
#include "engine/core/states/outcome.h"
#include "engine/expr/timestamp.h"

namespace millrace {
namespace {

// The real service's bound: 2^31 seconds in whole days.
constexpr double kWaitDaysMax = 24855;

AslResult<absl::Time> ReadTimestamp(const JsonPath& path, Evaluation& evaluation,
                                    const Json& input) {
  const std::optional<Json> value =
      evaluation.Over(input, [&](const Scope& scope) { return path.Evaluate(scope); });
  const std::string text = value.has_value() && value->is_string()
                               ? std::string(value->AsString())
                               : (value.has_value() ? value->ToText() : "");
  if (value.has_value() && value->is_string()) {
    if (const std::optional<absl::Time> time = ParseTimestamp(text)) return *time;
  }
  return evaluation.RuntimeError(
      absl::StrCat("The TimestampPath parameter does not reference a valid ISO-8601 extended "
                   "offset date-time format string: ",
                   path.text(), " == ", text));
}

AslResult<absl::Time> EvaluateTimestamp(const JsonataTemplate& written, Evaluation& evaluation) {
  const AslResult<Json> value = evaluation.Fill(written, "Timestamp");
  if (!value.ok()) return value.error();
  if (!value->is_string()) return evaluation.QueryError(written, "Timestamp", "string", *value);
  if (const std::optional<absl::Time> time = ParseTimestamp(value->AsString())) return *time;
  AslError error = evaluation.QueryError(
      "Timestamp", absl::StrCat("The Timestamp field cannot be parsed as an ISO-8601 extended "
                                "offset date-time format string: ",
                                value->AsString()));
  error.evaluation->is_result = true;
  return error;
}

AslResult<absl::Time> WaitsUntil(const WaitState& wait, Evaluation& evaluation, const Json& input,
                                 absl::Time now) {
  if (wait.timestamp.has_value()) return *wait.timestamp;
  if (wait.timestamp_jsonata.has_value()) {
    return EvaluateTimestamp(*wait.timestamp_jsonata, evaluation);
  }
  if (wait.timestamp_path.has_value()) {
    return ReadTimestamp(*wait.timestamp_path, evaluation, input);
  }
  const AslResult<double> seconds = ReadNumber(*wait.seconds, evaluation, input);
  if (!seconds.ok()) return seconds.error();
  return now + absl::Seconds(*seconds);
}

}  // namespace

Outcome Enter(const WaitState& wait, Evaluation& evaluation, absl::Time now) {
  const AslResult<Json> input = EffectiveInput(evaluation);
  if (!input.ok()) return Fail{input.error()};
  const AslResult<absl::Time> until = WaitsUntil(wait, evaluation, *input, now);
  if (!until.ok()) return Fail{until.error()};
  if (*until - now > absl::Hours(24) * kWaitDaysMax) {
    return Fail{evaluation.RuntimeError("Wait state delay is too long.")};
  }
  return SleepUntil{*until};
}

}  // namespace millrace
