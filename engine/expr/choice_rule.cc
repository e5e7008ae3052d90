#include "engine/expr/choice_rule.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/base/suggest.h"
#include "engine/expr/expression.h"
#include "engine/expr/jsonpath.h"
#include "engine/expr/string_pattern.h"
#include "engine/expr/timestamp.h"

namespace millrace {

namespace choice_internal {

enum class Relation : uint8_t { kEquals, kLess, kGreater, kLessOrEqual, kGreaterOrEqual };

struct Condition {
  enum class Kind : uint8_t {
    kAnd,
    kOr,
    kNot,
    kString,
    kNumeric,
    kBoolean,
    kTimestamp,
    kMatches,
    kIsPresent,
    kIsType,
  };
  Kind kind = Kind::kAnd;
  std::vector<Condition> children;

  std::optional<JsonPath> variable;
  Relation relation = Relation::kEquals;
  Json operand;
  std::optional<JsonPath> operand_path;  // of the ...Path operators
  StringPattern pattern;
  bool (*is_type)(const Json&) = nullptr;
};

}  // namespace choice_internal

using choice_internal::Condition;
using choice_internal::Relation;
using Kind = Condition::Kind;

namespace {

using Problems = std::vector<TemplateProblem>;

bool IsTimestamp(const Json& json) {
  return json.is_string() && ParseTimestamp(json.AsString()).has_value();
}

bool IsBool(const Json& json) { return json.is_bool(); }
bool IsNull(const Json& json) { return json.is_null(); }
bool IsNumber(const Json& json) { return json.is_number(); }
bool IsString(const Json& json) { return json.is_string(); }

// Says what an operator is, and of what type its operand has to be.
struct Operator {
  Kind kind;
  Relation relation = Relation::kEquals;
  bool has_path = false;
  bool (*accepts)(const Json&) = nullptr;
  absl::string_view expected;
  bool (*is_type)(const Json&) = nullptr;
};

struct TypeTest {
  absl::string_view name;
  bool (*is_type)(const Json&);
};
constexpr TypeTest kTypeTests[] = {
    {"IsNull", IsNull},    {"IsNumeric", IsNumber},      {"IsString", IsString},
    {"IsBoolean", IsBool}, {"IsTimestamp", IsTimestamp},
};

struct Comparable {
  absl::string_view prefix;
  Kind kind;
  bool (*accepts)(const Json&);
  absl::string_view expected;
};
constexpr Comparable kComparables[] = {
    {"String", Kind::kString, IsString, "a string"},
    {"Numeric", Kind::kNumeric, IsNumber, "a number"},
    {"Boolean", Kind::kBoolean, IsBool, "true or false"},
    {"Timestamp", Kind::kTimestamp, IsTimestamp, "an RFC 3339 timestamp"},
};

std::optional<Relation> RelationNamed(absl::string_view name) {
  if (name == "Equals") return Relation::kEquals;
  if (name == "LessThan") return Relation::kLess;
  if (name == "GreaterThan") return Relation::kGreater;
  if (name == "LessThanEquals") return Relation::kLessOrEqual;
  if (name == "GreaterThanEquals") return Relation::kGreaterOrEqual;
  return std::nullopt;
}

std::optional<Operator> OperatorNamed(absl::string_view name) {
  if (name == "And") return Operator{.kind = Kind::kAnd};
  if (name == "Or") return Operator{.kind = Kind::kOr};
  if (name == "Not") return Operator{.kind = Kind::kNot};
  if (name == "IsPresent") {
    return Operator{.kind = Kind::kIsPresent, .accepts = IsBool, .expected = "true or false"};
  }
  if (name == "StringMatches") {
    return Operator{.kind = Kind::kMatches, .accepts = IsString, .expected = "a string"};
  }
  for (const TypeTest& test : kTypeTests) {
    if (test.name != name) continue;
    return Operator{.kind = Kind::kIsType,
                    .accepts = IsBool,
                    .expected = "true or false",
                    .is_type = test.is_type};
  }
  const bool has_path = absl::ConsumeSuffix(&name, "Path");
  for (const Comparable& comparable : kComparables) {
    absl::string_view rest = name;
    if (!absl::ConsumePrefix(&rest, comparable.prefix)) continue;
    const std::optional<Relation> relation = RelationNamed(rest);
    if (!relation.has_value()) return std::nullopt;
    if (comparable.kind == Kind::kBoolean && *relation != Relation::kEquals) return std::nullopt;
    return Operator{.kind = comparable.kind,
                    .relation = *relation,
                    .has_path = has_path,
                    .accepts = comparable.accepts,
                    .expected = comparable.expected};
  }
  return std::nullopt;
}

constexpr absl::string_view kOtherFields[] = {"Variable", "Next",   "Comment",
                                              "Assign",   "Output", "Condition"};

// All fields of a rule, as candidates for one that is misspelt.
const std::vector<absl::string_view>& FieldNames() {
  static const auto& names = *[] {
    constexpr absl::string_view kOrders[] = {"LessThan", "GreaterThan", "LessThanEquals",
                                             "GreaterThanEquals"};
    static std::vector<std::string> composed;
    for (const Comparable& comparable : kComparables) {
      composed.push_back(absl::StrCat(comparable.prefix, "Equals"));
      composed.push_back(absl::StrCat(comparable.prefix, "EqualsPath"));
      if (comparable.kind == Kind::kBoolean) continue;
      for (const absl::string_view order : kOrders) {
        composed.push_back(absl::StrCat(comparable.prefix, order));
        composed.push_back(absl::StrCat(comparable.prefix, order, "Path"));
      }
    }
    auto* all = new std::vector<absl::string_view>(composed.begin(), composed.end());
    all->insert(all->end(), std::begin(kOtherFields), std::end(kOtherFields));
    all->insert(all->end(), {"And", "Or", "Not", "IsPresent", "StringMatches"});
    for (const TypeTest& test : kTypeTests) all->push_back(test.name);
    return all;
  }();
  return names;
}

// Reads one rule, and those it nests.
class RuleParser {
 public:
  explicit RuleParser(Problems* problems) : problems_(problems) {}

  Condition Parse(const Json& json, const std::string& pointer) {
    Condition condition;
    if (!json.is_object()) {
      Add(pointer, "A Choice rule is an object");
      return condition;
    }
    const JsonMember* found = FindOperator(json, pointer);
    if (found == nullptr) return condition;
    const absl::string_view name = found->key.AsString();
    const Operator op = *OperatorNamed(name);
    condition.kind = op.kind;
    condition.relation = op.relation;
    condition.is_type = op.is_type;
    condition.operand = found->value;
    const std::string below = absl::StrCat(pointer, "/", name);
    if (op.kind <= Kind::kNot) {
      ParseNested(*found, below, &condition);
      if (json.Find("Variable") != nullptr) {
        Add(pointer + "/Variable", absl::StrCat("A rule with '", name, "' has no Variable"));
      }
      return condition;
    }
    ParseVariable(json, pointer, &condition);
    ParseOperand(op, *found, below, &condition);
    return condition;
  }

 private:
  void Add(std::string pointer, std::string message) {
    problems_->push_back({std::move(pointer), std::move(message)});
  }

  // The rule's only operator, or nullptr.
  const JsonMember* FindOperator(const Json& json, const std::string& pointer) {
    const JsonMember* found = nullptr;
    int count = 0;
    bool is_misspelt = false;
    for (const JsonMember& member : json.members()) {
      const absl::string_view name = member.key.AsString();
      if (OperatorNamed(name).has_value()) {
        found = &member;
        ++count;
      } else if (std::find(std::begin(kOtherFields), std::end(kOtherFields), name) ==
                 std::end(kOtherFields)) {
        const absl::string_view nearest = Nearest(name, FieldNames());
        is_misspelt |= OperatorNamed(nearest).has_value();
        Add(absl::StrCat(pointer, "/", name),
            absl::StrCat("A Choice rule has no field '", name, "'",
                         nearest.empty() ? "." : absl::StrCat("; did you mean '", nearest, "'?")));
      }
    }
    if (count == 1) return found;
    if (count == 0 && is_misspelt) return nullptr;
    Add(pointer, absl::StrCat("A Choice rule has exactly one comparison operator, not ", count));
    return nullptr;
  }

  void ParseNested(const JsonMember& member, const std::string& pointer, Condition* condition) {
    if (condition->kind == Kind::kNot) return ParseChild(member.value, pointer, condition);
    if (!member.value.is_array() || member.value.size() == 0) {
      return Add(pointer,
                 absl::StrCat("'", member.key.AsString(), "' must be an array of Choice rules"));
    }
    for (size_t i = 0; i < member.value.size(); ++i) {
      ParseChild(member.value.elements()[i], absl::StrCat(pointer, "/", i), condition);
    }
  }

  void ParseChild(const Json& json, const std::string& pointer, Condition* condition) {
    for (const char* field : {"Next", "Assign", "Output"}) {
      if (json.Find(field) == nullptr) continue;
      Add(absl::StrCat(pointer, "/", field),
          absl::StrCat("A rule inside of another has no ", field));
    }
    condition->children.push_back(Parse(json, pointer));
  }

  void ParseVariable(const Json& json, const std::string& pointer, Condition* condition) {
    const Json* variable = json.Find("Variable");
    if (variable == nullptr) return Add(pointer, "The field 'Variable' is required");
    ParsePath(*variable, pointer + "/Variable", &condition->variable);
  }

  void ParsePath(const Json& json, const std::string& pointer, std::optional<JsonPath>* path) {
    if (!json.is_string()) return Add(pointer, "Must be a JSONPath");
    absl::StatusOr<JsonPath> parsed = JsonPath::Parse(json.AsString());
    if (!parsed.ok()) return Add(pointer, std::string(parsed.status().message()));
    *path = *std::move(parsed);
  }

  void ParseOperand(const Operator& op, const JsonMember& member, const std::string& pointer,
                    Condition* condition) {
    if (op.has_path) return ParsePath(member.value, pointer, &condition->operand_path);
    if (!op.accepts(member.value)) {
      return Add(pointer, absl::StrCat("'", member.key.AsString(), "' must be ", op.expected));
    }
    if (op.kind == Kind::kMatches) condition->pattern = StringPattern(member.value.AsString());
  }

  Problems* const problems_;
};

bool Satisfies(Relation relation, int order) {
  switch (relation) {
    case Relation::kEquals:
      return order == 0;
    case Relation::kLess:
      return order < 0;
    case Relation::kGreater:
      return order > 0;
    case Relation::kLessOrEqual:
      return order <= 0;
    case Relation::kGreaterOrEqual:
      return order >= 0;
  }
  return false;
}

bool CompareTimestamps(Relation relation, absl::string_view a, absl::string_view b) {
  const std::optional<absl::Time> left = ParseTimestamp(a);
  const std::optional<absl::Time> right = ParseTimestamp(b);
  if (!left.has_value() || !right.has_value()) return false;
  return Satisfies(relation, *left < *right ? -1 : (*left > *right ? 1 : 0));
}

bool Compare(const Condition& condition, const Json& value, const Json& operand) {
  switch (condition.kind) {
    case Kind::kNumeric:
      return value.is_number() && operand.is_number() &&
             Satisfies(condition.relation, CompareNumbers(value, operand));
    case Kind::kBoolean:
      return value.is_bool() && operand.is_bool() && value.AsBool() == operand.AsBool();
    case Kind::kMatches:
      return value.is_string() && condition.pattern.Matches(value.AsString());
    case Kind::kIsType:
      return condition.is_type(value) == operand.AsBool();
    default:
      break;
  }
  if (!value.is_string() || !operand.is_string()) return false;
  if (condition.kind == Kind::kTimestamp) {
    return CompareTimestamps(condition.relation, value.AsString(), operand.AsString());
  }
  return Satisfies(condition.relation, value.AsString().compare(operand.AsString()));
}

// What comparing takes, as so many values: a text is read once, and only as far as both go.
size_t VisitsOf(const Condition& condition, const Json& value, const Json& operand) {
  constexpr size_t kBytesPerVisit = 16;
  if (!value.is_string() || !operand.is_string()) return 1;
  const size_t bytes = value.AsString().size();
  const size_t others = operand.AsString().size();
  const bool reads_all = condition.kind == Kind::kMatches || condition.kind == Kind::kTimestamp;
  return 1 + (reads_all ? bytes + others : std::min(bytes, others)) / kBytesPerVisit;
}

AslResult<bool> CompareWithin(const Condition& condition, const Scope& scope, const Json& value,
                              const Json& operand) {
  if (!scope.Charge(VisitsOf(condition, value, operand))) return LooksAtTooMuch();
  return Compare(condition, value, operand);
}

AslError InvalidPath(const JsonPath& path) {
  return {
      .name = "States.Runtime",
      .cause = absl::StrCat("Invalid path '", path.text(),
                            "': The choice state's condition path references an invalid value.")};
}

AslResult<bool> HoldsFor(const Condition& condition, const Scope& scope);

// Looks at no more rules than it takes.
AslResult<bool> NestedHolds(const Condition& condition, const Scope& scope) {
  const bool decisive = condition.kind != Kind::kAnd;
  for (const Condition& child : condition.children) {
    const AslResult<bool> holds = HoldsFor(child, scope);
    if (!holds.ok()) return holds;
    if (condition.kind == Kind::kNot) return !*holds;
    if (*holds == decisive) return decisive;
  }
  return !decisive;
}

AslResult<bool> HoldsFor(const Condition& condition, const Scope& scope) {
  if (!scope.Charge(1)) return LooksAtTooMuch();
  if (condition.kind <= Kind::kNot) return NestedHolds(condition, scope);
  std::optional<Json> made;
  const Json* value = condition.variable->Find(scope, &made);
  if (condition.kind == Kind::kIsPresent) return (value != nullptr) == condition.operand.AsBool();
  if (value == nullptr) return InvalidPath(*condition.variable);
  if (!condition.operand_path.has_value()) {
    return CompareWithin(condition, scope, *value, condition.operand);
  }
  std::optional<Json> made_operand;
  const Json* operand = condition.operand_path->Find(scope, &made_operand);
  if (operand == nullptr) return InvalidPath(*condition.operand_path);
  return CompareWithin(condition, scope, *value, *operand);
}

}  // namespace

bool ChoiceCondition::IsOperator(absl::string_view name) { return OperatorNamed(name).has_value(); }

ChoiceCondition ChoiceCondition::Parse(const Json& json, std::vector<TemplateProblem>* problems) {
  ChoiceCondition condition;
  condition.root_ = std::make_shared<const Condition>(RuleParser(problems).Parse(json, ""));
  return condition;
}

AslResult<bool> ChoiceCondition::Holds(const Scope& scope) const { return HoldsFor(*root_, scope); }

}  // namespace millrace
