#pragma once

#include <compare>
#include <string>
#include <utility>

#include "absl/hash/hash.h"
#include "engine/base/uuid.h"

namespace millrace {

// An execution's key in the database: a UUIDv7 whose time is the database's.
struct ExecutionKey {
  Uuid uuid;
  friend auto operator<=>(const ExecutionKey&, const ExecutionKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const ExecutionKey& key) {
    return H::combine(std::move(h), key.uuid);
  }
};

// One life of a node, from its start to its end. A restarted node is another one.
struct NodeIncarnation {
  Uuid uuid;
  friend auto operator<=>(const NodeIncarnation&, const NodeIncarnation&) = default;
};

// A workflow as its users name it.
struct WorkflowId {
  std::string project;
  std::string workflow;
  friend auto operator<=>(const WorkflowId&, const WorkflowId&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const WorkflowId& id) {
    return H::combine(std::move(h), id.project, id.workflow);
  }
};

// An execution as its users name it: unique within its workflow.
struct ExecutionId {
  WorkflowId workflow;
  std::string execution;
  friend auto operator<=>(const ExecutionId&, const ExecutionId&) = default;
};

struct FunctionId {
  std::string project;
  std::string function;
  friend auto operator<=>(const FunctionId&, const FunctionId&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const FunctionId& id) {
    return H::combine(std::move(h), id.project, id.function);
  }
};

}  // namespace millrace
