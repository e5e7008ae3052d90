#include "db/request_repository.h"

#include "db/rows.h"
#include "engine/errors.h"

namespace millrace::db {
namespace {

constexpr Statement kInsert{"request.insert", R"sql(
  INSERT INTO requests (project, request_id, method, hash, resource)
  VALUES ($1::text, $2::text, $3::text, $4::bytea, $5::text)
      ON CONFLICT DO NOTHING
)sql"};

constexpr Statement kFind{"request.find", R"sql(
  SELECT resource, method = $3::text AND hash = $4::bytea AS same
    FROM requests
   WHERE project = $1::text AND request_id = $2::text
)sql"};

constexpr Statement kRemoveOld{"request.remove_old", R"sql(
  DELETE FROM requests
   WHERE (project, request_id) IN (
           SELECT project, request_id
             FROM requests
            WHERE requested_at < now() - interval '24 hours'
            ORDER BY requested_at
            LIMIT $1::int4
              FOR UPDATE SKIP LOCKED)
)sql"};

}  // namespace

absl::StatusOr<std::optional<std::string>> RememberRequest(Session& session,
                                                           const RequestKey& request,
                                                           absl::string_view resource) {
  if (request.request_id.empty()) return std::nullopt;
  Params key;
  key.Text(request.project).Text(request.request_id).Text(request.method).Bytes(request.hash);
  Params row = key;
  if (session.Exec(kInsert, row.Text(resource)).affected_rows() == 1) return std::nullopt;
  const pqxx::result found = session.Exec(kFind, key);
  // It may just have been removed for its age: then the caller comes again.
  if (found.empty()) return absl::AbortedError("the request_id has just expired");
  if (!BoolOf(found[0]["same"])) return errors::RequestIdReused(request.request_id);
  return std::optional<std::string>(found[0]["resource"].c_str());
}

int64_t RemoveRequestsOlderThanADay(Session& session, int limit) {
  return static_cast<int64_t>(session.Exec(kRemoveOld, Params().Int4(limit)).affected_rows());
}

}  // namespace millrace::db
