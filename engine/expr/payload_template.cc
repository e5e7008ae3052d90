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

using Problems = std::vector<TemplateProblem>;

std::string PointerBelow(absl::string_view pointer, absl::string_view key) {
  return absl::StrCat(pointer, "/", absl::StrReplaceAll(key, {{"~", "~0"}, {"/", "~1"}}));
}

Part ParsePart(const Json& json, const std::string& pointer, Problems* problems);

// The value of a member `"key.$"`.
Part ParseExpression(const Json& json, absl::string_view field, const std::string& pointer,
                     Problems* problems) {
  const auto refuse = [&](absl::string_view why) {
    problems->push_back(
        {pointer, absl::StrCat("The value for the field '", field,
                               "' must be a valid JSONPath or a valid intrinsic function call",
                               why.empty() ? "" : ": ", why)});
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

Part ParseObject(const Json& json, const std::string& pointer, Problems* problems) {
  Part part;
  for (const JsonMember& member : json.members()) {
    const absl::string_view field = member.key.AsString();
    const std::string below = PointerBelow(pointer, field);
    absl::string_view key = field;
    const bool is_expression = absl::ConsumeSuffix(&key, ".$");
    if (is_expression && json.Find(key) != nullptr) {
      problems->push_back({below, absl::StrCat("'", field, "' and '", key, "' are in conflict.")});
    }
    part.members.push_back({.key = is_expression ? Json(key) : member.key,
                            .field = std::string(field),
                            .part = is_expression
                                        ? ParseExpression(member.value, field, below, problems)
                                        : ParsePart(member.value, below, problems)});
    part.is_constant &= !is_expression && part.members.back().part.is_constant;
  }
  return part;
}

Part ParseArray(const Json& json, const std::string& pointer, Problems* problems) {
  Part part;
  part.is_array = true;
  for (size_t i = 0; i < json.size(); ++i) {
    part.elements.push_back(ParsePart(json.elements()[i], absl::StrCat(pointer, "/", i), problems));
    part.is_constant &= part.elements.back().is_constant;
  }
  return part;
}

Part ParsePart(const Json& json, const std::string& pointer, Problems* problems) {
  Part part;
  if (json.is_object()) part = ParseObject(json, pointer, problems);
  if (json.is_array()) part = ParseArray(json, pointer, problems);
  if (!part.is_constant) return part;
  Part constant;
  constant.constant = json;
  return constant;
}

AslResult<Json> EvaluatePart(const Part& part, const Scope& scope, absl::string_view field) {
  if (part.is_constant) return part.constant;
  if (part.expression.has_value()) return part.expression->Evaluate(scope, field);
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
  parsed.root_ = std::make_shared<const Part>(ParsePart(json, "", problems));
  return parsed;
}

AslResult<Json> PayloadTemplate::Evaluate(const Scope& scope) const {
  return EvaluatePart(*root_, scope, "");
}

}  // namespace millrace
