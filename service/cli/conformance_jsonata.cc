#include "service/cli/conformance_jsonata.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/expr/jsonata/jsonata.h"

namespace millrace::cli {
namespace {

// The cases are about the language, so only its own limits apply, and those that a case sets.
JsonataLimits LimitsOf(const Json& json) {
  JsonataLimits limits{.steps_max = std::numeric_limits<int64_t>::max(),
                       .sequence_max = 10'000'000,
                       .memory_bytes_max = size_t{1} << 30};
  if (const Json* depth = json.Find("depth")) {
    limits.depth_max = static_cast<int>(depth->AsDouble());
  }
  if (const Json* milliseconds = json.Find("timelimit")) {
    limits.deadline = absl::Milliseconds(milliseconds->AsDouble());
  }
  return limits;
}

std::vector<JsonataBinding> BindingsOf(const Json& json) {
  std::vector<JsonataBinding> bindings;
  const Json* object = json.Find("bindings");
  if (object == nullptr) return bindings;
  for (const JsonMember& member : object->members()) {
    bindings.push_back({.name = member.key.AsString(), .value = member.value});
  }
  return bindings;
}

std::string Describe(const JsonataResult& result) {
  switch (result.kind()) {
    case JsonataResult::Kind::kJson:
      return absl::StrCat("it gives ", result.json().ToText());
    case JsonataResult::Kind::kUndefined:
      return "it gives nothing";
    case JsonataResult::Kind::kFunction:
      return "it gives a function";
    default:
      return absl::StrCat("it fails with ", result.error().code, ": ", result.error().message);
  }
}

// Where a case leaves the order open, elements count however they are arranged.
bool AreEqual(const Json& a, const Json& b, bool is_unordered) {
  if (!is_unordered || !a.is_array() || !b.is_array()) return a == b;
  return a.size() == b.size() &&
         std::is_permutation(a.elements().begin(), a.elements().end(), b.elements().begin());
}

bool IsExpectedError(const Json& json, const JsonataError& error) {
  const std::string expected = TextOf(json, "error");
  const std::string message = TextOf(json, "error_message");
  if (!message.empty() && message != error.message) return false;
  // The suite stops evaluations from outside, with a code of its own.
  if (expected == "U1001") return error.code == "D1011" || error.code == "D1012";
  return expected.empty() || expected == error.code;
}

JsonataResult Evaluate(const Json& json) {
  auto parsed = Jsonata::Parse(TextOf(json, "expr"), JsonataDialect::kPlain);
  if (auto* error = std::get_if<JsonataError>(&parsed)) return JsonataResult::Error(*error);
  return std::get<Jsonata>(parsed).Evaluate(json.Find("data"), BindingsOf(json),
                                            {.now = absl::Now(), .limits = LimitsOf(json)});
}

}  // namespace

void RunJsonataCase(const Json& json, CaseReport* report) {
  const JsonataResult result = Evaluate(json);
  bool passes = false;
  if (json.Find("error") != nullptr) {
    passes = result.is_error() && IsExpectedError(json, result.error());
  } else if (const Json* expected = json.Find("result")) {
    passes =
        result.is_json() && AreEqual(result.json(), *expected, json.Find("unordered") != nullptr);
  } else {
    passes = result.kind() == JsonataResult::Kind::kUndefined;
  }
  if (!passes) Fail(1, Describe(result), report);
}

}  // namespace millrace::cli
