#include "engine/expr/jsonata_template.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace millrace {

namespace jsonata_template_internal {

struct Member;

struct Part {
  Json constant;  // the whole part, where nothing below is to be evaluated
  std::optional<Jsonata> expression;
  std::string text;  // the expression's, trimmed
  std::vector<Part> elements;
  std::vector<Member> members;
  bool is_constant = true;
  bool is_array = false;
  bool may_use_context = false;
};

struct Member {
  Json key;
  Part part;
};

}  // namespace jsonata_template_internal

using jsonata_template_internal::Member;
using jsonata_template_internal::Part;

namespace {

constexpr absl::string_view kOpening = "{%";
constexpr absl::string_view kClosing = "%}";
constexpr size_t kProblemsMax = 1000;
constexpr absl::string_view kError = "States.QueryEvaluationError";

// Where a part stands in its template. Written out only for an error.
struct Place {
  const Place* above = nullptr;
  absl::string_view key;
  size_t index = 0;
  bool is_element = false;
};

std::string PointerOf(const Place& place) {
  if (place.above == nullptr) return "";
  const std::string above = PointerOf(*place.above);
  if (place.is_element) return absl::StrCat(above, "/", place.index);
  return absl::StrCat(above, "/", absl::StrReplaceAll(place.key, {{"~", "~0"}, {"/", "~1"}}));
}

// "Output/items[2]/name".
std::string LocationOf(const Place& place) {
  if (place.above == nullptr) return std::string(place.key);
  const std::string above = LocationOf(*place.above);
  if (place.is_element) return absl::StrCat(above, "[", place.index, "]");
  return absl::StrCat(above, "/", place.key);
}

AslError Failed(absl::string_view expression, std::string location, absl::string_view how) {
  return {.name = std::string(kError),
          .cause = absl::StrCat("The JSONata expression '", expression,
                                "' specified for the field '", location, "' ", how),
          .evaluation = EvaluationFailure{.location = location}};
}

// $states.input, .result and .errorOutput need no context; `$states` alone, or another member, may.
bool MayUseContext(absl::string_view text) {
  constexpr absl::string_view kStates = "$states";
  for (size_t at = text.find(kStates); at != absl::string_view::npos;
       at = text.find(kStates, at + 1)) {
    const absl::string_view rest = text.substr(at + kStates.size());
    const bool is_other = absl::StartsWith(rest, ".input") || absl::StartsWith(rest, ".result") ||
                          absl::StartsWith(rest, ".errorOutput");
    if (!is_other) return true;
  }
  return false;
}

class Parser {
 public:
  explicit Parser(std::vector<TemplateProblem>* problems) : problems_(problems) {}

  Part ParsePart(const Json& json, const Place& place) {
    Part part;
    if (json.is_string() && JsonataTemplate::IsExpression(json.AsString())) {
      return ParseExpression(json.AsString(), place);
    }
    if (json.is_string()) {
      std::string problem = JsonataTemplate::HalfMarked(json.AsString());
      if (!problem.empty() && problems_->size() < kProblemsMax) {
        problems_->push_back({PointerOf(place), std::move(problem)});
      }
    }
    if (json.is_object()) {
      for (const JsonMember& member : json.members()) {
        Part below = ParsePart(member.value, {.above = &place, .key = member.key.AsString()});
        Include(below, &part);
        part.members.push_back({.key = member.key, .part = std::move(below)});
      }
    } else if (json.is_array()) {
      part.is_array = true;
      for (size_t i = 0; i < json.size(); ++i) {
        part.elements.push_back(
            ParsePart(json.elements()[i], {.above = &place, .index = i, .is_element = true}));
        Include(part.elements.back(), &part);
      }
    }
    if (!part.is_constant) return part;
    Part constant;
    constant.constant = json;
    return constant;
  }

 private:
  static void Include(const Part& below, Part* part) {
    part->is_constant &= below.is_constant;
    part->may_use_context |= below.may_use_context;
  }

  Part ParseExpression(absl::string_view text, const Place& place) {
    text = text.substr(kOpening.size(), text.size() - kOpening.size() - kClosing.size());
    Part part;
    part.is_constant = false;
    part.text = std::string(absl::StripAsciiWhitespace(text));
    part.may_use_context = MayUseContext(part.text);
    auto parsed = Jsonata::Parse(part.text);
    if (auto* expression = std::get_if<Jsonata>(&parsed)) {
      part.expression = std::move(*expression);
    } else if (problems_->size() < kProblemsMax) {
      const JsonataError& error = std::get<JsonataError>(parsed);
      std::string message =
          absl::StrCat("The JSONata expression does not parse: ", error.code, ": ", error.message);
      if (error.position) absl::StrAppend(&message, " (at character ", *error.position, ")");
      problems_->push_back({PointerOf(place), std::move(message)});
    }
    return part;
  }

  std::vector<TemplateProblem>* const problems_;
};

class Evaluator {
 public:
  explicit Evaluator(const JsonataScope& scope) : scope_(scope) {}

  AslResult<Json> Run(const Part& part, const Place& place) {
    if (part.is_constant) return part.constant;
    if (part.expression.has_value()) return RunExpression(part, place);
    if (part.is_array) {
      std::vector<Json> elements;
      elements.reserve(part.elements.size());
      for (size_t i = 0; i < part.elements.size(); ++i) {
        AslResult<Json> value =
            Run(part.elements[i], {.above = &place, .index = i, .is_element = true});
        if (!value.ok()) return value;
        elements.push_back(*std::move(value));
      }
      return Json::Array(std::move(elements));
    }
    std::vector<JsonMember> members;
    members.reserve(part.members.size());
    for (const Member& member : part.members) {
      AslResult<Json> value = Run(member.part, {.above = &place, .key = member.key.AsString()});
      if (!value.ok()) return value;
      members.push_back({member.key, *std::move(value)});
    }
    return Json::Object(std::move(members));
  }

 private:
  AslResult<Json> RunExpression(const Part& part, const Place& place) {
    JsonataOptions options{.now = scope_.now};
    // Any odd number does: JSONata makes a stream of its own from the seed.
    options.seed = *scope_.random_state += 0x9e3779b97f4a7c15ULL;
    const int64_t own_max = options.limits.steps_max;
    options.limits.steps_max = std::clamp<int64_t>(*scope_.steps_left, 1, own_max);
    int64_t steps = 0;
    options.steps_used = &steps;
    const JsonataResult result = part.expression->Evaluate(nullptr, scope_.bindings, options);
    *scope_.steps_left -= steps;
    const bool is_cut =
        result.is_error() && result.error().code == "D1012" && options.limits.steps_max < own_max;
    if (is_cut) *scope_.steps_left = -1;
    switch (result.kind()) {
      case JsonataResult::Kind::kJson:
        return result.json();
      case JsonataResult::Kind::kUndefined:
        return Failed(part.text, LocationOf(place), "returned nothing (undefined).");
      case JsonataResult::Kind::kFunction:
        return Failed(part.text, LocationOf(place), "returned an unsupported result type.");
      default:
        return Failed(part.text, LocationOf(place),
                      absl::StrCat("threw an error during evaluation. ", result.error().code, ": ",
                                   result.error().message));
    }
  }

  const JsonataScope& scope_;
};

absl::string_view TypeName(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "boolean";
  if (value.is_number()) return "number";
  if (value.is_string()) return "string";
  return value.is_array() ? "array" : "object";
}

}  // namespace

bool JsonataTemplate::IsExpression(absl::string_view text) {
  return text.size() >= kOpening.size() + kClosing.size() && absl::StartsWith(text, kOpening) &&
         absl::EndsWith(text, kClosing);
}

std::string JsonataTemplate::HalfMarked(absl::string_view text) {
  const bool begins = absl::StartsWith(text, kOpening);
  const bool ends = absl::EndsWith(text, kClosing);
  if (IsExpression(text) || (!begins && !ends)) return "";
  if (begins) return "An expression that begins with '{%' ends with '%}', and nothing follows.";
  return "An expression that ends with '%}' begins with '{%', and nothing precedes.";
}

JsonataTemplate JsonataTemplate::Parse(const Json& json, std::vector<TemplateProblem>* problems) {
  JsonataTemplate parsed;
  parsed.root_ = std::make_shared<const Part>(Parser(problems).ParsePart(json, Place{}));
  return parsed;
}

AslResult<Json> JsonataTemplate::Evaluate(const JsonataScope& scope,
                                          absl::string_view field) const {
  return Evaluator(scope).Run(*root_, Place{.key = field});
}

const std::string& JsonataTemplate::expression() const { return root_->text; }
bool JsonataTemplate::is_constant() const { return root_->is_constant; }
bool JsonataTemplate::may_use_context() const { return root_->may_use_context; }

AslError UnexpectedType(const JsonataTemplate& written, absl::string_view field,
                        absl::string_view expected, const Json& value) {
  return Failed(written.expression(), std::string(field),
                absl::StrCat("returned an unexpected result type. Expected '", expected,
                             "', but was '", TypeName(value), "' for value: ", value.ToText()));
}

}  // namespace millrace
