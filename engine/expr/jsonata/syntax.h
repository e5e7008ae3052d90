#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/expr/jsonata/function.h"
#include "engine/expr/jsonata/value.h"

namespace millrace::jsonata_internal {

class Regex;
class Signature;

enum class NodeKind : uint8_t {
  // What the parser makes and the compiler leaves.
  kName,
  kNumber,
  kString,
  kLiteral,  // true, false, null
  kRegex,
  kVariable,
  kWildcard,
  kDescendants,
  kParent,
  kArray,
  kObject,
  kNegate,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kEqual,
  kUnequal,
  kLess,
  kGreater,
  kLessOrEqual,
  kGreaterOrEqual,
  kConcatenate,
  kAnd,
  kOr,
  kIn,
  kRange,
  kApply,  // ~>
  kCall,
  kPartial,
  kPlaceholder,  // the ? of a partial application
  kLambda,
  kCondition,
  kDefault,   // ?:
  kCoalesce,  // ??
  kBlock,
  kBind,  // :=
  kTransform,
  // What the parser makes and the compiler turns into paths.
  kDot,
  kPredicate,
  kGroup,
  kOrderBy,
  kFocus,
  kIndexBinding,
  // What only the compiler makes.
  kPath,
  kSort,
};

struct Node;

// The ancestor that one `%` means: `level` steps above it. The compiler finds the step, which then
// binds its context to `label` for each of its results.
struct AncestorSlot {
  int level = 1;
  Node* parent = nullptr;  // the `%` itself; its name is the label
};

struct Stage {
  Node* filter = nullptr;  // or else an index binding:
  uint32_t index_name = 0;
};

struct SortTerm {
  Node* expression = nullptr;
  bool is_descending = false;
};

// `{...}` behind an expression: keys and values alternate.
struct Grouping {
  std::vector<Node*> pairs;
  size_t position = 0;
};

inline constexpr uint32_t kNoName = 0;

// One node of the tree. What a kind does not need stays empty.
struct Node {
  NodeKind kind = NodeKind::kName;
  bool is_bare = false;         // nothing filters or groups its value
  bool is_plain_name = false;   // a step that is a name and nothing else
  bool keep_array = false;      // `[]` was written behind it
  bool is_cons = false;         // an array constructor that begins or ends a path
  bool is_tuple = false;        // a step that binds; a path or block whose bindings are looked for
  bool has_tuple_step = false;  // of a path
  bool is_tail_call = false;
  bool is_free = false;     // a variable that nothing in the program binds
  bool has_frame = false;   // a block that binds variables
  uint32_t name = kNoName;  // of a variable, an assignment, a parent's label
  uint32_t focus = kNoName;
  uint32_t index = kNoName;
  Node* ancestor = nullptr;  // the `%` whose label a step binds
  Node* left = nullptr;
  Node* right = nullptr;
  Node* otherwise = nullptr;
  Value literal;
  std::vector<Node*> children;  // steps, arguments, expressions, keys and values
  std::vector<Stage> stages;    // of a step, behind each of its evaluations
  std::vector<Stage> predicates;
  std::unique_ptr<Grouping> grouping;
  size_t position = 0;
  int height = 1;
  std::string text;  // as written: a name, a string's contents, an operator
  std::vector<SortTerm> terms;
  std::vector<uint32_t> parameters;
  std::vector<AncestorSlot*> seeking;  // ancestors that are not found yet
  AncestorSlot* slot = nullptr;        // of a parent
  std::shared_ptr<const Regex> regex;
  std::shared_ptr<const Signature> signature;
  // The function a regex or a name of a built-in function stands for.
  const Function* function = nullptr;
};

struct NameInfo {
  std::string text;
  bool is_bound = false;               // somewhere in the program
  const Function* function = nullptr;  // the built-in one of this name
};

// The numbers of names, so that comparing them is comparing integers. 0 is no name.
class NameTable {
 public:
  NameTable() : names_(1) {}
  uint32_t Intern(absl::string_view text) {
    const auto [at, is_new] =
        numbers_.try_emplace(std::string(text), static_cast<uint32_t>(names_.size()));
    if (is_new) names_.push_back({.text = std::string(text)});
    return at->second;
  }
  uint32_t Find(absl::string_view text) const {
    const auto found = numbers_.find(text);
    return found == numbers_.end() ? kNoName : found->second;
  }
  size_t size() const { return names_.size(); }
  NameInfo& operator[](uint32_t name) { return names_[name]; }
  const NameInfo& operator[](uint32_t name) const { return names_[name]; }

 private:
  std::vector<NameInfo> names_;
  absl::flat_hash_map<std::string, uint32_t> numbers_;
};

// A parsed expression and all it consists of.
struct Program {
  std::string text;
  bool is_states_language = false;
  std::deque<Node> nodes;
  std::deque<AncestorSlot> slots;
  std::deque<Function> regexes;
  NameTable names;
  Node* root = nullptr;

  Node* NewNode(NodeKind kind, size_t position) {
    Node& node = nodes.emplace_back();
    node.kind = kind;
    node.position = position;
    return &node;
  }
};

}  // namespace millrace::jsonata_internal
