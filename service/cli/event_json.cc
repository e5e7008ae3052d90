#include "service/cli/event_json.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/evaluation.h"

namespace millrace::cli {
namespace {

class Members {
 public:
  void Add(absl::string_view name, Json value) {
    members_.push_back({Json(name), std::move(value)});
  }
  void AddText(absl::string_view name, const std::string& text) {
    if (!text.empty()) Add(name, Json(text));
  }
  void AddText(absl::string_view name, const std::optional<std::string>& text) {
    if (text.has_value()) Add(name, Json(*text));
  }
  void AddNumber(absl::string_view name, const std::optional<int64_t>& number) {
    if (number.has_value()) Add(name, Json(*number));
  }
  void AddJson(absl::string_view name, const std::optional<std::string>& text) {
    if (text.has_value()) Add(name, Parse(*text));
  }
  // What a state may compute nests deeper than a reader takes: that is shown as its text.
  static Json Parse(const std::string& text) {
    absl::StatusOr<Json> json =
        ParseJson(text, {.text_bytes_max = text.size() + 1, .depth_max = 1024});
    return json.ok() ? *std::move(json) : Json(text);
  }
  Json Take() && { return Json::Object(std::move(members_)); }

 private:
  std::vector<JsonMember> members_;
};

}  // namespace

Json EventToJson(const HistoryEventView& event) {
  Members members;
  members.Add("eventId", Json(event.id));
  members.Add("previousEventId", Json(event.previous_id));
  members.Add("type", Json(event.type));
  members.Add("eventTime", Json(FormatInstant(event.at)));
  members.AddText("stateName", event.state_name);
  members.AddJson("input", event.input);
  members.AddJson("output", event.output);
  members.AddJson("parameters", event.parameters);
  members.AddText("error", event.error);
  members.AddText("cause", event.cause);
  members.AddText("location", event.location);
  members.AddNumber("index", event.index);
  members.AddNumber("length", event.length);
  members.AddText("resource", event.resource);
  members.AddText("resourceType", event.resource_type);
  members.AddNumber("timeoutSeconds", event.timeout_seconds);
  members.AddNumber("heartbeatSeconds", event.heartbeat_seconds);
  members.AddText("idempotencyKey", event.idempotency_key);
  if (!event.assigned_variables.empty()) {
    Members variables;
    for (const auto& [name, value] : event.assigned_variables) {
      variables.Add(name, Members::Parse(value));
    }
    members.Add("assignedVariables", std::move(variables).Take());
  }
  return std::move(members).Take();
}

absl::string_view StatusName(EventType terminal) {
  switch (terminal) {
    case EventType::kExecutionSucceeded:
      return "SUCCEEDED";
    case EventType::kExecutionTimedOut:
      return "TIMED_OUT";
    case EventType::kExecutionAborted:
      return "ABORTED";
    default:
      return "FAILED";
  }
}

}  // namespace millrace::cli
