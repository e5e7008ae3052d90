#include "db/secret_repository.h"

#include <openssl/rand.h>

#include "db/rows.h"
#include "engine/base/check.h"

namespace millrace::db {
namespace {

constexpr size_t kSecretBytes = 32;

constexpr Statement kInsert{"secret.insert", R"sql(
  INSERT INTO secrets (name, value) VALUES ($1::text, $2::bytea)
      ON CONFLICT DO NOTHING
)sql"};

constexpr Statement kFind{"secret.find", R"sql(
  SELECT value FROM secrets WHERE name = $1::text
)sql"};

}  // namespace

std::string EnsureSecret(Session& session, absl::string_view name) {
  std::string value(kSecretBytes, '\0');
  MILLRACE_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(value.data()),
                            static_cast<int>(value.size())) == 1);
  session.Exec(kInsert, Params().Text(name).Bytes(value));
  return BytesOf(session.Exec(kFind, Params().Text(name)).at(0)["value"]);
}

}  // namespace millrace::db
