#include "engine/expr/jsonpath.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/expr/jsonpath_evaluator.h"
#include "engine/expr/jsonpath_parser.h"
#include "engine/expr/jsonpath_syntax.h"

namespace millrace {

using jsonpath_internal::ChildOf;
using jsonpath_internal::Evaluator;
using jsonpath_internal::LengthOf;
using jsonpath_internal::Query;
using jsonpath_internal::Segment;
using jsonpath_internal::Selector;

namespace {

// A selector as Jayway prints it: ['name'] or [0].
std::string Fragment(const Selector& selector) {
  if (selector.kind == Selector::Kind::kName) return absl::StrCat("['", selector.name, "']");
  return absl::StrCat("[", selector.index, "]");
}

// `node` with `value` below it, where segments[at...] lead; nullopt as Insert says.
std::optional<Json> InsertBelow(const Query& query, size_t at, const Json& node,
                                const Json& value) {
  if (at == query.segments.size()) return value;
  const Selector& selector = query.segments[at].selectors[0];
  const bool is_name = selector.kind == Selector::Kind::kName;
  if (is_name ? !node.is_object() : !node.is_array()) return std::nullopt;
  const Json* child = ChildOf(node, selector);
  if (child == nullptr && !is_name) return std::nullopt;
  const std::optional<Json> changed =
      InsertBelow(query, at + 1, child != nullptr ? *child : Json::Object(), value);
  if (!changed.has_value()) return std::nullopt;
  return is_name ? node.With(selector.name, *changed)
                 : node.WithElement(static_cast<size_t>(selector.index), *changed);
}

std::string WrongKindMessage(const Selector& selector, const std::string& path, const Json& node) {
  if (selector.kind == Selector::Kind::kIndex) {
    return absl::StrCat("Filter: ", Fragment(selector), " can only be applied to arrays. ",
                        "Current context is: ", node.ToText());
  }
  return absl::StrCat("Expected to find an object with property ", Fragment(selector), " in path $",
                      path);
}

}  // namespace

absl::StatusOr<JsonPath> JsonPath::Parse(absl::string_view text, PathDialect dialect) {
  absl::StatusOr<Query> query = jsonpath_internal::Parser(text, dialect).ParseAll();
  if (!query.ok()) return query.status();
  return JsonPath(std::make_shared<const Query>(*std::move(query)));
}

const std::string& JsonPath::text() const { return query_->text; }

bool JsonPath::is_root() const {
  return query_->root == Query::Root::kData && query_->segments.empty() && !query_->is_length;
}

bool JsonPath::is_definite() const { return query_->is_singular || query_->is_length; }

bool JsonPath::is_reference() const {
  if (!query_->is_singular || query_->is_length) return false;
  if (query_->root == Query::Root::kVariable) return false;
  for (const Segment& segment : query_->segments) {
    if (segment.selectors[0].index < 0) return false;
  }
  return true;
}

bool JsonPath::uses_context() const { return query_->root == Query::Root::kContext; }

const std::string& JsonPath::variable() const { return query_->variable; }

std::vector<Json> JsonPath::Select(const Scope& scope) const {
  if (is_definite()) {
    std::optional<Json> value = Evaluate(scope);
    if (!value.has_value()) return {};
    return {*std::move(value)};
  }
  Evaluator evaluator(scope);
  std::vector<Json> values;
  for (const Json* node : evaluator.Select(*query_, nullptr)) values.push_back(*node);
  return values;
}

std::optional<Json> JsonPath::Evaluate(const Scope& scope) const {
  Evaluator evaluator(scope);
  if (query_->is_singular) {
    const Json* node = evaluator.SelectOne(*query_, nullptr);
    if (node == nullptr) return std::nullopt;
    if (!query_->is_length) return *node;
    evaluator.ChargeText(*node);
    const std::optional<int64_t> length = LengthOf(*node);
    return length.has_value() ? std::optional<Json>(Json(*length)) : std::nullopt;
  }
  std::vector<Json> values;
  for (const Json* node : evaluator.Select(*query_, nullptr)) values.push_back(*node);
  if (evaluator.gave_up()) return std::nullopt;
  if (query_->is_length) return Json(static_cast<int64_t>(values.size()));
  return Json::Array(std::move(values));
}

const Json* JsonPath::Find(const Scope& scope, std::optional<Json>* made) const {
  if (query_->is_singular && !query_->is_length)
    return Evaluator(scope).SelectOne(*query_, nullptr);
  *made = Evaluate(scope);
  return made->has_value() ? &**made : nullptr;
}

std::optional<Json> JsonPath::Insert(const Json& root, const Json& value) const {
  if (!is_reference()) return std::nullopt;
  return InsertBelow(*query_, 0, root, value);
}

std::string JsonPath::MissingMessage(const Scope& scope) const {
  if (!query_->is_singular) return "The path looks at too many values.";
  const Json* node = Evaluator(scope).RootOf(*query_, nullptr);
  if (node == nullptr) return absl::StrCat("No results for path: ", query_->text);
  std::string path;
  for (size_t i = 0; i < query_->segments.size(); ++i) {
    const Selector& selector = query_->segments[i].selectors[0];
    const bool fits = selector.kind == Selector::Kind::kName ? node->is_object() : node->is_array();
    if (!fits) return WrongKindMessage(selector, path, *node);
    absl::StrAppend(&path, Fragment(selector));
    node = ChildOf(*node, selector);
    if (node != nullptr) continue;
    const bool is_leaf = i + 1 == query_->segments.size();
    if (is_leaf || selector.kind == Selector::Kind::kIndex) {
      return absl::StrCat("No results for path: $", path);
    }
    return absl::StrCat("Missing property in path $", path);
  }
  return absl::StrCat("No results for path: $", path);
}

}  // namespace millrace
