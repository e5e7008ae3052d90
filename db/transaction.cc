#include "db/transaction.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace millrace::db {
namespace {

// The connection went, before or after the server did what it was asked.
Failure Broken(Effect effect, absl::string_view why) {
  const std::string message = absl::StrCat("the database connection broke: ", FirstLine(why));
  return {
      effect == Effect::kCommits ? absl::UnknownError(message) : absl::UnavailableError(message),
      /*evict=*/true};
}

Failure Aborted(const std::exception& error) {
  return {absl::AbortedError(FirstLine(error.what())), /*evict=*/false};
}

bool EndsSession(absl::string_view state) {
  // 57P01 to 57P05: shut down, crashed, starting, dropped, idle; 25P03: idle in a transaction.
  return absl::StartsWith(state, "08") || absl::StartsWith(state, "57P") || state == "25P03";
}

// A server that does not write just now: a standby, a full disk, no memory, an I/O error.
bool CannotServe(absl::string_view state) {
  return state == "25006" || state == "55000" || absl::StartsWith(state, "53") ||
         absl::StartsWith(state, "58");
}

Failure OfState(absl::string_view state, const std::exception& error, Effect effect) {
  const std::string message = absl::StrCat(FirstLine(error.what()), " (SQLSTATE ", state, ")");
  if (state == "40003") return Broken(effect, error.what());
  if (absl::StartsWith(state, "40") || state == "55P03" || state == "57014") {
    return {absl::AbortedError(message), false};
  }
  if (EndsSession(state)) return Broken(effect, error.what());
  if (CannotServe(state)) return {absl::UnavailableError(message), /*evict=*/true};
  // A plan that a migration made invalid, and a prepared statement that a pooler gave to another
  // session: a new connection knows better.
  if (state == "0A000" || state == "26000") return {absl::AbortedError(message), /*evict=*/true};
  if (absl::StartsWith(state, "22") || absl::StartsWith(state, "23") ||
      absl::StartsWith(state, "54")) {
    return {absl::InvalidArgumentError(message), false};
  }
  return {absl::InternalError(message), false};
}

}  // namespace

absl::string_view FirstLine(absl::string_view text) {
  return absl::StripAsciiWhitespace(text.substr(0, text.find('\n')));
}

Failure FailureOf(const std::exception& error, Effect effect) {
  if (dynamic_cast<const BrokenInvariant*>(&error) != nullptr) throw;
  if (dynamic_cast<const pqxx::broken_connection*>(&error) != nullptr) {
    return Broken(effect, error.what());
  }
  if (dynamic_cast<const pqxx::in_doubt_error*>(&error) != nullptr ||
      dynamic_cast<const pqxx::statement_completion_unknown*>(&error) != nullptr) {
    return Broken(Effect::kCommits, error.what());
  }
  // Before sql_error: in libpqxx 6 these are not among those, and have no SQLSTATE.
  if (dynamic_cast<const pqxx::transaction_rollback*>(&error) != nullptr) return Aborted(error);
  if (const auto* sql = dynamic_cast<const pqxx::sql_error*>(&error)) {
    return OfState(sql->sqlstate(), error, effect);
  }
  return {absl::InternalError(FirstLine(error.what())), /*evict=*/true};
}

}  // namespace millrace::db
