#include "db/rows.h"

#include "engine/base/check.h"

namespace millrace::db {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  MILLRACE_CHECK(c >= 'a' && c <= 'f');
  return c - 'a' + 10;
}

// PostgreSQL's own output: 36 characters, lower case.
Uuid UuidFrom(absl::string_view text) {
  MILLRACE_CHECK(text.size() == 36);
  Uuid uuid;
  size_t place = 0;
  for (uint8_t& byte : uuid.bytes) {
    if (text[place] == '-') ++place;
    byte = static_cast<uint8_t>(HexDigit(text[place]) << 4 | HexDigit(text[place + 1]));
    place += 2;
  }
  return uuid;
}

absl::string_view TextOf(const pqxx::field& field) { return {field.c_str(), field.size()}; }

template <typename Key>
std::string EncodeUuids(const std::vector<Key>& keys) {
  ArrayBuilder array = ArrayBuilder::Uuids(keys.size());
  for (const Key& key : keys) array.Add(key.uuid);
  return std::move(array).Finish();
}

struct StatusName {
  ExecutionStatus status;
  absl::string_view name;
};

constexpr StatusName kStatusNames[] = {
    {ExecutionStatus::kRunning, "running"}, {ExecutionStatus::kSucceeded, "succeeded"},
    {ExecutionStatus::kFailed, "failed"},   {ExecutionStatus::kTimedOut, "timed_out"},
    {ExecutionStatus::kAborted, "aborted"}, {ExecutionStatus::kQuarantined, "quarantined"},
};

}  // namespace

Uuid UuidOf(const pqxx::field& field) { return UuidFrom(TextOf(field)); }

std::optional<Uuid> OptionalUuidOf(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return UuidOf(field);
}

absl::Time TimeOf(const pqxx::field& field) { return absl::FromUnixMicros(field.as<int64_t>()); }

std::optional<absl::Time> OptionalTimeOf(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return TimeOf(field);
}

bool BoolOf(const pqxx::field& field) { return field.c_str()[0] == 't'; }

std::vector<Uuid> UuidsOf(const pqxx::field& field) {
  absl::string_view text = TextOf(field);
  std::vector<Uuid> uuids;
  for (size_t place = 1; place + 36 < text.size(); place += 37) {
    uuids.push_back(UuidFrom(text.substr(place, 36)));
  }
  return uuids;
}

absl::string_view NameOf(ExecutionStatus status) {
  for (const StatusName& entry : kStatusNames) {
    if (entry.status == status) return entry.name;
  }
  MILLRACE_CHECK(false);
}

ExecutionStatus StatusNamed(absl::string_view name) {
  for (const StatusName& entry : kStatusNames) {
    if (entry.name == name) return entry.status;
  }
  MILLRACE_CHECK(false);
}

StoredExecution ExecutionOf(const pqxx::row& row) {
  StoredExecution execution;
  execution.key = {UuidOf(row["execution_key"])};
  execution.project = row["project"].c_str();
  execution.workflow = row["workflow_id"].c_str();
  execution.workflow_key = UuidOf(row["workflow_key"]);
  execution.revision_asked = row["revision_asked"].as<int64_t>();
  execution.revision = row["revision"].as<int64_t>();
  execution.execution_id = row["execution_id"].c_str();
  execution.input_hash = BytesOf(row["input_hash"]);
  execution.status = StatusNamed(row["status"].c_str());
  if (const auto owner = OptionalUuidOf(row["owner"])) execution.owner = NodeIncarnation{*owner};
  execution.claims = row["claims"].as<int64_t>();
  execution.losses = row["losses"].as<int>();
  execution.started_at = TimeOf(row["started_at"]);
  execution.ended_at = OptionalTimeOf(row["ended_at"]);
  execution.error = row["error"].c_str();
  return execution;
}

std::string UuidArray(const std::vector<ExecutionKey>& keys) { return EncodeUuids(keys); }
std::string UuidArray(const std::vector<NodeIncarnation>& nodes) { return EncodeUuids(nodes); }

}  // namespace millrace::db
