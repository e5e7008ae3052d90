#include "engine/expr/payload_template.h"

#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "engine/expr/expression.h"

namespace millrace {

namespace template_internal {

struct Member;

struct Part {
  Json constant;  // the whole part, where nothing below is to be evaluated
  std::optional<Expression> expression;
  std::vector<Part> elements;
  std::vector<Member> members;
  bool is_constant = true;
  bool is_array = false;
};

struct Member {
  Json key;           // without the `.$`
  std::string field;  // with it
  Part part;
};

}  // namespace template_internal

using template_internal::Member;
using template_internal::Part;

namespace {

// Where in the template the parser is. A pointer is only written out for a problem: one long key
// above many members would otherwise be copied for each of them.
struct Place {
  const Place* above = nullptr;
  absl::string_view key;  // or else:
  size_t index = 0;
  bool is_element = false;
};

std::string PointerOf(const Place& place) {
  if (place.above == nullptr) return "";
  const std::string above = PointerOf(*place.above);
  if (place.is_element) return absl::StrCat(above, "/", place.index);
  return absl::StrCat(above, "/", absl::StrReplaceAll(place.key, {{"~", "~0"}, {"/", "~1"}}));
}

// Reads a template. More problems than anybody reads, or more than a definition's worth of text
// about them, are not kept.
class TemplateParser {
 public:
  explicit TemplateParser(std::vector<TemplateProblem>* problems) : problems_(problems) {}

  Part ParsePart(const Json& json, const Place& place) {
    Part part;
    if (json.is_object()) part = ParseObject(json, place);
    if (json.is_array()) part = ParseArray(json, place);
    if (!part.is_constant) return part;
    Part constant;
    constant.constant = json;
    return constant;
  }

 private:
  static constexpr size_t kProblemsMax = 1000;
  static constexpr size_t kProblemBytesMax = 1 << 20;

  void Add(const Place& place, std::string message) {
    if (problems_kept_ >= kProblemsMax || problem_bytes_ >= kProblemBytesMax) return;
    problems_->push_back({PointerOf(place), std::move(message)});
    ++problems_kept_;
    problem_bytes_ += problems_->back().pointer.size() + problems_->back().message.size();
  }

  // The value of a member `"key.$"`.
  Part ParseExpression(const Json& json, absl::string_view field, const Place& place) {
    const auto refuse = [&](absl::string_view why) {
      Add(place, absl::StrCat("The value for the field '", field,
                              "' must be a valid JSONPath or a valid intrinsic function call",
                              why.empty() ? "" : ": ", why));
      return Part{};
    };
    if (!json.is_string()) return refuse("");
    absl::StatusOr<Expression> expression = Expression::Parse(json.AsString());
    if (!expression.ok()) return refuse(expression.status().message());
    Part part;
    part.is_constant = false;
    part.expression = *std::move(expression);
    return part;
  }

  Part ParseObject(const Json& json, const Place& place) {
    Part part;
    for (const JsonMember& member : json.members()) {
      const absl::string_view field = member.key.AsString();
      const Place below{.above = &place, .key = field};
      absl::string_view key = field;
      const bool is_expression = absl::ConsumeSuffix(&key, ".$");
      if (is_expression && json.Find(key) != nullptr) {
        Add(below, absl::StrCat("'", field, "' and '", key, "' are in conflict."));
      }
      part.members.push_back({.key = is_expression ? Json(key) : member.key,
                              .field = std::string(field),
                              .part = is_expression ? ParseExpression(member.value, field, below)
                                                    : ParsePart(member.value, below)});
      part.is_constant &= !is_expression && part.members.back().part.is_constant;
    }
    return part;
  }

  Part ParseArray(const Json& json, const Place& place) {
    Part part;
    part.is_array = true;
    for (size_t i = 0; i < json.size(); ++i) {
      part.elements.push_back(
          ParsePart(json.elements()[i], {.above = &place, .index = i, .is_element = true}));
      part.is_constant &= part.elements.back().is_constant;
    }
    return part;
  }

  std::vector<TemplateProblem>* const problems_;
  size_t problems_kept_ = 0;
  size_t problem_bytes_ = 0;
};

AslResult<Json> EvaluatePart(const Part& part, const Scope& scope, absl::string_view field) {
  if (part.is_constant) return part.constant;
  if (!scope.Charge(1)) return LooksAtTooMuch();
  if (part.expression.has_value()) {
    AslResult<Json> value = part.expression->Evaluate(scope, field);
    const bool is_made = part.expression->path() == nullptr;
    if (is_made && value.ok() && !scope.Keep(*value)) return MakesTooMuch();
    return value;
  }
  if (part.is_array) {
    std::vector<Json> elements;
    elements.reserve(part.elements.size());
    for (const Part& element : part.elements) {
      AslResult<Json> value = EvaluatePart(element, scope, field);
      if (!value.ok()) return value;
      elements.push_back(*std::move(value));
    }
    return Json::Array(std::move(elements));
  }
  std::vector<JsonMember> members;
  members.reserve(part.members.size());
  for (const Member& member : part.members) {
    AslResult<Json> value = EvaluatePart(member.part, scope, member.field);
    if (!value.ok()) return value;
    members.push_back({member.key, *std::move(value)});
  }
  return Json::Object(std::move(members));
}

}  // namespace

PayloadTemplate PayloadTemplate::Parse(const Json& json, std::vector<TemplateProblem>* problems) {
  PayloadTemplate parsed;
  parsed.root_ = std::make_shared<const Part>(TemplateParser(problems).ParsePart(json, Place{}));
  return parsed;
}

AslResult<Json> PayloadTemplate::Evaluate(const Scope& scope) const {
  return EvaluatePart(*root_, scope, "");
}

}  // namespace millrace
