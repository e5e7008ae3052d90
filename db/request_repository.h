#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "db/transaction.h"
#include "engine/runtime/catalog_storage.h"

// The table requests: what was asked by which request_id, in the mutation's own transaction.
namespace millrace::db {

// Remembers the request, and that it made or changes `resource`. If an earlier call with its id did
// the same, returns that call's resource: there is nothing to do. Waits for one that is under way.
// REQUEST_ID_REUSED when the id belongs to another call. A request without an id is not remembered.
absl::StatusOr<std::optional<std::string>> RememberRequest(Session& session,
                                                           const RequestKey& request,
                                                           absl::string_view resource);

int64_t RemoveRequestsOlderThanADay(Session& session, int limit);

}  // namespace millrace::db
