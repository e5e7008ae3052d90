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

// The workflow whose executions a list of a name shows ($1 project, $2 id), at most one: the one
// that has the name; else the one that was deleted last of those whose executions were kept, which
// is there as long as they are.
#define MILLRACE_LISTED_WORKFLOW                                                 \
  "SELECT * FROM workflows w\n"                                                  \
  " WHERE w.project = $1::text AND w.workflow_id COLLATE \"C\" = $2::text\n"     \
  "   AND (w.deleted_at IS NULL OR (NOT w.remove_executions AND EXISTS (\n"      \
  "         SELECT FROM executions k WHERE k.workflow_key = w.workflow_key)))\n" \
  " ORDER BY w.deleted_at DESC NULLS FIRST\n"                                    \
  " LIMIT 1"

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
