#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "db/conn.h"
#include "engine/base/ids.h"
#include "engine/runtime/storage.h"

// Between columns and the engine's types. Results are text; a time is selected as microseconds
// since 1970: `unix_micros(started_at)`.
namespace millrace::db {

Uuid UuidOf(const pqxx::field& field);
std::optional<Uuid> OptionalUuidOf(const pqxx::field& field);
absl::Time TimeOf(const pqxx::field& field);
std::optional<absl::Time> OptionalTimeOf(const pqxx::field& field);
bool BoolOf(const pqxx::field& field);
// A uuid[] as text: {a,b}.
std::vector<Uuid> UuidsOf(const pqxx::field& field);

absl::string_view NameOf(ExecutionStatus status);
ExecutionStatus StatusNamed(absl::string_view name);

// An executions row joined with its workflow; columns as kExecutionColumns names them.
StoredExecution ExecutionOf(const pqxx::row& row);

// For a SELECT from `executions e` and `workflows w`.
#define MILLRACE_EXECUTION_COLUMNS                                                            \
  "e.execution_key, w.project, w.workflow_id, e.workflow_key, e.revision_asked, e.revision, " \
  "e.execution_id, e.input_hash, e.status, e.owner, e.claims, e.losses, "                     \
  "unix_micros(e.started_at) AS started_at, unix_micros(e.ended_at) AS ended_at, e.error"

std::string UuidArray(const std::vector<ExecutionKey>& keys);
std::string UuidArray(const std::vector<NodeIncarnation>& nodes);

}  // namespace millrace::db
