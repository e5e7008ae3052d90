#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/runtime/held.h"
#include "engine/runtime/storage.h"
#include "engine/runtime/views.h"
#include "engine/runtime/workflows.h"

namespace millrace {

// One execution's history as callers see it, read from the journal piece by piece: what has been
// folded is kept, so that following a long history reads each of its rows once. Not thread-safe.
class HistoryReader {
 public:
  // Gives events whose id is above `after_id`.
  HistoryReader(ExecutionStorage* storage, Workflows* workflows, const ExecutionKey& key,
                int64_t after_id)
      : storage_(storage), workflows_(workflows), key_(key), after_id_(after_id) {}

  // The committed events that it has not given yet, and whether they are the last.
  struct News {
    std::vector<HistoryEventView> events;
    bool ended = false;
  };
  absl::StatusOr<News> ReadOn();

  const ExecutionKey& key() const { return key_; }
  // Of the first journal row that it has not read.
  int64_t next_seq() const { return folded_.has_value() ? folded_->next_seq : 1; }

 private:
  absl::Status FoldRows(const StoredExecution& stored, std::vector<HistoryEventView>* events);

  ExecutionStorage* const storage_;
  Workflows* const workflows_;
  const ExecutionKey key_;
  int64_t after_id_;
  DatabaseToken token_;
  std::optional<FoldedExecution> folded_;
};

}  // namespace millrace
