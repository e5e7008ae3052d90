#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/base/ids.h"
#include "engine/runtime/storage.h"

struct evp_mac_ctx_st;

namespace millrace {

// A task, in one try of its state: what is dispatched is known by the row that scheduled it, or,
// for EXPRESS executions, by the run.
struct TaskId {
  ExecutionKey key;
  int64_t event_id = 0;  // of TaskScheduled
  Writer writer;
  int64_t claims = 0;
  friend bool operator==(const TaskId&, const TaskId&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const TaskId& task) {
    return H::combine(std::move(h), task.key, task.event_id, task.writer.batch, task.claims);
  }
};

// Makes and reads the task tokens of a project: a TaskId, signed, so that only who was given a task
// can answer it, in its project. Tokens hold for as long as the database: the key is kept there.
// Not thread-safe.
class TaskTokens {
 public:
  // `key`: 32 random bytes.
  TaskTokens(absl::string_view key, absl::string_view project);
  ~TaskTokens();
  TaskTokens(const TaskTokens&) = delete;
  TaskTokens& operator=(const TaskTokens&) = delete;

  std::string Make(const TaskId& task);
  // nullopt for what no server with this key has made for this project.
  std::optional<TaskId> Read(absl::string_view token);

 private:
  std::string Sign(absl::string_view bytes);

  evp_mac_ctx_st* context_;
  const std::string project_;
};

}  // namespace millrace
