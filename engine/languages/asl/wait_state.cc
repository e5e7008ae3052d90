#include "engine/languages/asl/wait_state.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/expr/timestamp.h"
#include "engine/languages/asl/expressions.h"
#include "engine/languages/asl/transition.h"

namespace millrace::asl {

std::optional<absl::Time> ReadTimestamp(ObjectReader& fields) {
  const std::optional<std::string> text = fields.FindText("Timestamp");
  if (!text) return std::nullopt;
  const std::optional<absl::Time> time = ParseTimestamp(*text);
  if (!time) {
    fields.Report("Timestamp", problem_code::kInvalidValue,
                  absl::StrCat(Quoted(*text),
                               " is no RFC 3339 timestamp such as "
                               "'2026-03-14T01:59:00Z'."));
  }
  return time;
}

void ReadWaitState(const StateSource& source, State* state) {
  ObjectReader& fields = source.fields;
  fields.OneOf({"Seconds", "SecondsPath", "Timestamp", "TimestampPath"}, /*is_required=*/true);
  WaitState wait;
  if (const std::optional<double> seconds = fields.FindNumber("Seconds", kWaitRule)) {
    wait.seconds = NumberField{.value = seconds, .name = "Seconds"};
  }
  if (std::optional<JsonPath> path = ReadReferencePath(fields, "SecondsPath")) {
    wait.seconds = NumberField{.path = std::move(path), .name = "SecondsPath"};
  }
  wait.timestamp = ReadTimestamp(fields);
  wait.timestamp_path = ReadReferencePath(fields, "TimestampPath");
  state->body = std::move(wait);
  state->flow.input_path = ReadPath(fields, "InputPath");
  state->flow.output_path = ReadPath(fields, "OutputPath");
  state->flow.assign = ReadAssign(fields);
  state->transition = ReadTransition(source);
}

}  // namespace millrace::asl
