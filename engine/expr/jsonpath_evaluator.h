#pragma once

#include <optional>
#include <vector>

#include "engine/expr/jsonpath_syntax.h"
#include "engine/expr/scope.h"

namespace millrace::jsonpath_internal {

using Nodes = std::vector<const Json*>;

// Runs one query. Nodes point into the scope's values, which outlive it.
class Evaluator {
 public:
  explicit Evaluator(const Scope& scope);
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;
  ~Evaluator();  // takes what it has looked at from the scope's budget

  // In order. `current` is what `@` is.
  Nodes Select(const Query& query, const Json* current);
  // The node of a singular query, or nullptr.
  const Json* SelectOne(const Query& query, const Json* current);
  // What the query's first `$`, `$$`, `$name` or `@` is, or nullptr.
  const Json* RootOf(const Query& query, const Json* current) const;
  bool gave_up() const { return visits_left_ < 0 || selects_too_many_; }
  // What reading a text takes; nothing for all else.
  void ChargeText(const std::optional<Json>& text);

 private:
  static constexpr int64_t kVisitsMax = 1'000'000;
  static constexpr size_t kResultsMax = 100'000;

  bool Visit();
  // What takes as long as looking at so many values.
  void Charge(size_t visits);
  void ChargeComparison(const Filter& filter, const std::optional<Json>& a,
                        const std::optional<Json>& b);
  void Keep(const Json& node, Nodes* out);

  void Apply(const Segment& segment, const Json& node, Nodes* out);
  void ApplyBelow(const Segment& segment, const Json& node, Nodes* out);
  void ApplySelector(const Selector& selector, const Json& node, Nodes* out);
  void ApplySlice(const Selector& selector, const Json& array, Nodes* out);

  // jsonpath_filter.cc
  bool Holds(const Filter& filter, const Json* current);
  bool TestHolds(const Operand& operand, const Json* current);
  bool ComparisonHolds(const Filter& filter, const Json* current);
  // nullopt is RFC 9535's Nothing.
  std::optional<Json> ValueOf(const Operand& operand, const Json* current);
  std::optional<Json> Call(const Operand& call, const Json* current);
  bool Matches(const Operand& call, const Json* current);

  const Scope& scope_;
  const int64_t visits_max_;
  int64_t visits_left_;
  bool selects_too_many_ = false;
};

// What a name or index selects in `node`, or nullptr.
const Json* ChildOf(const Json& node, const Selector& selector);
// An array's elements, an object's members, a string's characters; nullopt for all else.
std::optional<int64_t> LengthOf(const Json& json);

}  // namespace millrace::jsonpath_internal
