#include "engine/expr/jsonpath_evaluator.h"

#include <algorithm>
#include <utility>

namespace millrace::jsonpath_internal {
namespace {

template <typename Use>
void ForEachChild(const Json& node, Use use) {
  if (node.is_array()) {
    for (const Json& element : node.elements()) use(element);
  } else if (node.is_object()) {
    for (const JsonMember& member : node.members()) use(member.value);
  }
}

// Pushes the children so that the first is on top.
void PushChildren(const Json& node, Nodes* stack) {
  const size_t before = stack->size();
  ForEachChild(node, [stack](const Json& child) { stack->push_back(&child); });
  std::reverse(stack->begin() + static_cast<std::ptrdiff_t>(before), stack->end());
}

}  // namespace

const Json* ChildOf(const Json& node, const Selector& selector) {
  if (selector.kind == Selector::Kind::kName) return node.Find(selector.name);
  if (!node.is_array()) return nullptr;
  const auto size = static_cast<int64_t>(node.size());
  const int64_t index = selector.index < 0 ? selector.index + size : selector.index;
  if (index < 0 || index >= size) return nullptr;
  return &node.elements()[static_cast<size_t>(index)];
}

const Json* Evaluator::RootOf(const Query& query, const Json* current) const {
  switch (query.root) {
    case Query::Root::kData:
      return scope_.data;
    case Query::Root::kContext:
      return scope_.context == nullptr && scope_.context_source != nullptr
                 ? &scope_.context_source->Context()
                 : scope_.context;
    case Query::Root::kCurrent:
      return current;
    case Query::Root::kVariable:
      break;
  }
  if (scope_.variables == nullptr) return nullptr;
  const auto found = scope_.variables->find(query.variable);
  return found == scope_.variables->end() ? nullptr : &found->second;
}

Evaluator::Evaluator(const Scope& scope)
    : scope_(scope),
      visits_max_(scope.visits_left == nullptr
                      ? kVisitsMax
                      : std::clamp<int64_t>(*scope.visits_left, 0, kVisitsMax)),
      visits_left_(visits_max_) {}

Evaluator::~Evaluator() { scope_.Charge(static_cast<size_t>(visits_max_ - visits_left_)); }

bool Evaluator::Visit() {
  if (gave_up()) return false;
  return --visits_left_ >= 0;
}

void Evaluator::Charge(size_t visits) {
  if (visits_left_ >= 0) visits_left_ -= static_cast<int64_t>(visits);
}

void Evaluator::Keep(const Json& node, Nodes* out) {
  if (!Visit()) return;
  if (out->size() >= kResultsMax) {
    selects_too_many_ = true;
    return;
  }
  out->push_back(&node);
}

const Json* Evaluator::SelectOne(const Query& query, const Json* current) {
  const Json* node = RootOf(query, current);
  for (const Segment& segment : query.segments) {
    if (node == nullptr || !Visit()) return nullptr;
    node = ChildOf(*node, segment.selectors[0]);
  }
  return node;
}

Nodes Evaluator::Select(const Query& query, const Json* current) {
  Nodes nodes;
  if (query.is_singular) {
    if (const Json* node = SelectOne(query, current)) nodes.push_back(node);
    return nodes;
  }
  const Json* root = RootOf(query, current);
  if (root != nullptr) nodes.push_back(root);
  Nodes next;
  for (const Segment& segment : query.segments) {
    next.clear();
    for (const Json* node : nodes) {
      if (gave_up()) return {};
      segment.descendant ? ApplyBelow(segment, *node, &next) : Apply(segment, *node, &next);
    }
    nodes.swap(next);
  }
  if (gave_up()) nodes.clear();
  return nodes;
}

void Evaluator::Apply(const Segment& segment, const Json& node, Nodes* out) {
  for (const Selector& selector : segment.selectors) {
    if (gave_up()) return;
    ApplySelector(selector, node, out);
  }
}

void Evaluator::ApplyBelow(const Segment& segment, const Json& node, Nodes* out) {
  Nodes stack = {&node};
  while (!stack.empty() && Visit()) {
    const Json* next = stack.back();
    stack.pop_back();
    Apply(segment, *next, out);
    PushChildren(*next, &stack);
  }
}

void Evaluator::ApplySelector(const Selector& selector, const Json& node, Nodes* out) {
  switch (selector.kind) {
    case Selector::Kind::kName:
    case Selector::Kind::kIndex:
      if (const Json* child = ChildOf(node, selector)) Keep(*child, out);
      break;
    case Selector::Kind::kSlice:
      if (node.is_array()) ApplySlice(selector, node, out);
      break;
    case Selector::Kind::kWildcard:
      ForEachChild(node, [&](const Json& child) { Keep(child, out); });
      break;
    case Selector::Kind::kFilter:
      ForEachChild(node, [&](const Json& child) {
        if (Visit() && Holds(*selector.filter, &child)) Keep(child, out);
      });
      break;
  }
}

// RFC 9535, section 2.3.4.2.2.
void Evaluator::ApplySlice(const Selector& selector, const Json& array, Nodes* out) {
  const int64_t step = selector.step;
  const auto size = static_cast<int64_t>(array.size());
  if (step == 0) return;
  const auto normal = [size](int64_t index) { return index < 0 ? size + index : index; };
  const auto element = [&array](int64_t i) -> const Json& {
    return array.elements()[static_cast<size_t>(i)];
  };
  if (step > 0) {
    const int64_t lower = std::clamp<int64_t>(normal(selector.start.value_or(0)), 0, size);
    const int64_t upper = std::clamp<int64_t>(normal(selector.end.value_or(size)), 0, size);
    for (int64_t i = lower; i < upper; i += step) Keep(element(i), out);
    return;
  }
  const int64_t first = selector.start.has_value() ? normal(*selector.start) : size - 1;
  const int64_t last = selector.end.has_value() ? normal(*selector.end) : -1;
  const int64_t upper = std::clamp<int64_t>(first, -1, size - 1);
  const int64_t lower = std::clamp<int64_t>(last, -1, size - 1);
  for (int64_t i = upper; i > lower; i += step) Keep(element(i), out);
}

}  // namespace millrace::jsonpath_internal
