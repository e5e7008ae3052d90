#include "service/cli/conformance_history.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "service/cli/conformance_case.h"
#include "service/cli/event_json.h"

namespace millrace::cli {
namespace {

using Difference = std::optional<std::string>;

// The corpus' names of what EventToJson names; what is not listed is not compared.
constexpr std::pair<absl::string_view, absl::string_view> kNames[] = {
    {"eventId", "id"},
    {"previousEventId", "prev"},
    {"type", "type"},
    {"stateName", "name"},
    {"input", "input"},
    {"output", "output"},
    {"parameters", "parameters"},
    {"error", "error"},
    {"cause", "cause"},
    {"location", "location"},
    {"index", "index"},
    {"length", "length"},
    {"resource", "resource"},
    {"resourceType", "resourceType"},
    {"timeoutSeconds", "timeoutInSeconds"},
    {"heartbeatSeconds", "heartbeatInSeconds"},
    {"assignedVariables", "assignedVariables"}};

bool IsConcurrent(const Json& json) { return TextOf(json, "history_order") == "concurrent"; }

// An event as `expected_history_types` has it: its type, and its state and iteration if it has any.
Json TypeOf(const Json& event) {
  std::vector<Json> type = {*event.Find("type")};
  for (const absl::string_view key : {"name", "state"}) {
    if (const Json* name = event.Find(key)) type.push_back(*name);
  }
  if (const Json* index = event.Find("index")) type.push_back(*index);
  return Json::Array(std::move(type));
}

Json Without(const Json& event, std::initializer_list<absl::string_view> names) {
  std::vector<JsonMember> members;
  for (const JsonMember& member : event.members()) {
    const bool is_left_out =
        std::find(names.begin(), names.end(), member.key.AsString()) != names.end();
    if (!is_left_out) members.push_back(member);
  }
  return Json::Object(std::move(members));
}

Difference CompareEvents(const Json& expected, const Json& event, SoftTexts soft_texts) {
  // Events whose order was lost in the recording have no ids.
  const Json actual = expected.Find("id") == nullptr ? Without(event, {"id", "prev"}) : event;
  if (soft_texts == SoftTexts::kEqual) return FindDifference(expected, actual, soft_texts);
  return FindDifference(Without(expected, {"cause"}), Without(actual, {"cause"}), soft_texts);
}

// Each expected element finds an actual one of its own, in any order.
template <typename Compare>
Difference MatchUnordered(absl::Span<const Json> expected, std::vector<Json> actual,
                          const Compare& compare) {
  for (const Json& wanted : expected) {
    const auto found = std::find_if(actual.begin(), actual.end(), [&](const Json& event) {
      return !compare(wanted, event).has_value();
    });
    if (found == actual.end()) return absl::StrCat("there is no event ", wanted.ToText());
    actual.erase(found);
  }
  if (actual.empty()) return std::nullopt;
  return absl::StrCat("unexpected event ", actual.front().ToText());
}

template <typename Compare>
Difference MatchOrdered(absl::Span<const Json> expected, const std::vector<Json>& actual,
                        const Compare& compare) {
  for (size_t i = 0; i < std::max(expected.size(), actual.size()); ++i) {
    if (i >= expected.size()) return absl::StrCat("unexpected event ", actual[i].ToText());
    if (i >= actual.size()) return absl::StrCat("no more events; expected ", expected[i].ToText());
    if (const Difference difference = compare(expected[i], actual[i])) {
      return absl::StrCat("event ", i + 1, ": ", *difference);
    }
  }
  return std::nullopt;
}

Difference FindNextStateDifference(const Json& json, const std::vector<Json>& events) {
  const Json* expected = json.Find("expected_next_state");
  if (expected == nullptr) return std::nullopt;
  std::vector<Json> entered;
  for (const Json& event : events) {
    if (absl::EndsWith(event.Find("type")->AsString(), "StateEntered")) {
      entered.push_back(*event.Find("name"));
    }
  }
  if (entered.size() > 1 && entered[1] == *expected) return std::nullopt;
  return absl::StrCat("the second state is ", entered.size() > 1 ? entered[1].ToText() : "none",
                      "; expected ", expected->ToText());
}

}  // namespace

std::vector<Json> DescribeHistory(const Program& program,
                                  const std::vector<HistoryEvent>& history) {
  std::vector<Json> events;
  for (const HistoryEvent& event : history) {
    if (!IsShown(event)) continue;
    const Json shown = EventToJson(MakeHistoryEventView(program, event));
    std::vector<JsonMember> members;
    for (const auto& [name, corpus_name] : kNames) {
      // The real service does not say which state was aborted.
      if (name == "stateName" && event.type == EventType::kStateAborted) continue;
      if (const Json* value = shown.Find(name)) members.push_back({Json(corpus_name), *value});
      const bool is_state = event.type == EventType::kEvaluationFailed && name == "stateName";
      if (is_state) members.back().key = Json("state");
    }
    events.push_back(Json::Object(std::move(members)));
  }
  return events;
}

std::optional<std::string> FindSequenceDifference(const Json& json,
                                                  const std::vector<Json>& events) {
  if (Difference difference = FindNextStateDifference(json, events)) return difference;
  const Json* expected = json.Find("expected_history_types");
  if (expected == nullptr) return std::nullopt;
  std::vector<Json> types;
  types.reserve(events.size());
  for (const Json& event : events) types.push_back(TypeOf(event));
  const auto compare = [](const Json& wanted, const Json& type) {
    return FindDifference(wanted, type, SoftTexts::kEqual);
  };
  if (IsConcurrent(json)) return MatchUnordered(expected->elements(), types, compare);
  return MatchOrdered(expected->elements(), types, compare);
}

std::optional<std::string> FindEventDifference(const Json& json, const std::vector<Json>& events,
                                               SoftTexts soft_texts) {
  const Json* expected = json.Find("expected_history");
  if (expected == nullptr) return std::nullopt;
  const auto compare = [soft_texts](const Json& wanted, const Json& event) {
    return CompareEvents(wanted, event, soft_texts);
  };
  if (IsConcurrent(json)) return MatchUnordered(expected->elements(), events, compare);
  return MatchOrdered(expected->elements(), events, compare);
}

}  // namespace millrace::cli
