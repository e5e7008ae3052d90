#include "db/function_repository.h"

#include "db/rows.h"

namespace millrace::db {
namespace {

// An empty text stands for the one of source and zip that is not set.
constexpr Statement kInsert{"function.insert", R"sql(
  INSERT INTO functions (project, function_id, version_key, handler, source, zip, timeout_ms,
                         memory_bytes_max, description, created_at)
  VALUES ($1::text, $2::text, $3::uuid, $4::text,
          CASE WHEN $6::bytea = '' THEN $5::bytea END, nullif($6::bytea, ''),
          $7::int8, $8::int8, $9::text, $10::timestamptz)
      ON CONFLICT DO NOTHING
)sql"};

#define FUNCTION_COLUMNS                                                       \
  "project, function_id, version_key, handler, timeout_ms, memory_bytes_max, " \
  "description, unix_micros(created_at) AS created_at"

constexpr Statement kFind{"function.find", "SELECT " FUNCTION_COLUMNS R"sql(
       , coalesce(source, '') AS source, coalesce(zip, '') AS zip
    FROM functions
   WHERE project = $1::text AND function_id = $2::text
)sql"};

constexpr Statement kList{"function.list", "SELECT " FUNCTION_COLUMNS R"sql(
    FROM functions
   WHERE project = $1::text AND function_id > $2::text
   ORDER BY function_id
   LIMIT $3::int4
)sql"};

constexpr Statement kRemove{"function.remove", R"sql(
  DELETE FROM functions
   WHERE project = $1::text AND function_id = $2::text
  RETURNING )sql" FUNCTION_COLUMNS};
#undef FUNCTION_COLUMNS

FunctionRow FunctionOf(const pqxx::row& row) {
  return {.id = {.project = row["project"].c_str(), .function = row["function_id"].c_str()},
          .version_key = UuidOf(row["version_key"]),
          .handler = row["handler"].c_str(),
          .timeout = absl::Milliseconds(row["timeout_ms"].as<int64_t>()),
          .memory_bytes_max = row["memory_bytes_max"].as<int64_t>(),
          .description = row["description"].c_str(),
          .created_at = TimeOf(row["created_at"])};
}

Params NameParams(const FunctionId& id) { return Params().Text(id.project).Text(id.function); }

}  // namespace

bool InsertFunction(Session& session, const FunctionRow& function) {
  Params params = NameParams(function.id);
  params.Uuid(function.version_key)
      .Text(function.handler)
      .Bytes(function.source)
      .Bytes(function.zip)
      .Int8(absl::ToInt64Milliseconds(function.timeout))
      .Int8(function.memory_bytes_max)
      .Text(function.description)
      .Time(function.created_at);
  return session.Exec(kInsert, params).affected_rows() == 1;
}

std::optional<FunctionRow> FindFunction(Session& session, const FunctionId& id) {
  const pqxx::result rows = session.Exec(kFind, NameParams(id));
  if (rows.empty()) return std::nullopt;
  FunctionRow function = FunctionOf(rows[0]);
  function.source = BytesOf(rows[0]["source"]);
  function.zip = BytesOf(rows[0]["zip"]);
  return function;
}

std::vector<FunctionRow> ListFunctions(Session& session, const std::string& project,
                                       const std::string& after_name, int limit) {
  std::vector<FunctionRow> functions;
  const Params params = Params().Text(project).Text(after_name).Int4(limit);
  for (const pqxx::row& row : session.Exec(kList, params)) functions.push_back(FunctionOf(row));
  return functions;
}

std::optional<FunctionRow> RemoveFunction(Session& session, const FunctionId& id) {
  const pqxx::result rows = session.Exec(kRemove, NameParams(id));
  if (rows.empty()) return std::nullopt;
  return FunctionOf(rows[0]);
}

}  // namespace millrace::db
