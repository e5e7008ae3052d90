#pragma once

// The only place that knows which libpqxx this is: 6.4 (Debian 12) or 7 (Ubuntu 24.04, Debian 13).
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <poll.h>
#include <pqxx/pqxx>

#include "absl/strings/string_view.h"
#include "db/params.h"

namespace millrace::db {

// A statement and the name it is prepared by. Both are literals: they live as long as the program.
struct Statement {
  const char* name;
  const char* sql;
};

// One connection. For one thread at a time. Errors are libpqxx's exceptions, which end in
// transaction.h.
class Conn {
 public:
  // `prepared` false sends every statement with its text, which is what a transaction pooler needs
  // that knows no prepared statements.
  Conn(const std::string& connection_string, bool prepared) : prepared_(prepared) {
    connection_ = std::make_unique<pqxx::connection>(connection_string);
#if PQXX_VERSION_MAJOR < 7
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    // Otherwise libpqxx 6 silently connects again, and what is in doubt looks like an error.
    connection_->inhibit_reactivation(true);
#pragma GCC diagnostic pop
#endif
  }

  pqxx::result Exec(pqxx::transaction_base& tx, const Statement& statement, const Params& params) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#if PQXX_VERSION_MAJOR < 7
    std::vector<pqxx::binarystring> binary;
    binary.reserve(params.values().size());
    for (const std::string& value : params.values()) binary.emplace_back(value);
    const auto arguments = pqxx::prepare::make_dynamic_params(binary);
#else
    pqxx::params arguments;
    for (const std::string& value : params.values()) {
      arguments.append(std::basic_string_view<std::byte>(
          reinterpret_cast<const std::byte*>(value.data()), value.size()));
    }
#endif
    if (!prepared_) return tx.exec_params(statement.sql, arguments);
    if (known_.insert(statement.name).second) connection_->prepare(statement.name, statement.sql);
    return tx.exec_prepared(statement.name, arguments);
#pragma GCC diagnostic pop
  }

  // False when the server has closed it, or said something unasked (such as that it shuts down),
  // while nobody used it. Costs a system call, no round trip.
  bool IsQuiet() const {
    if (!connection_->is_open()) return false;
    pollfd fd{.fd = connection_->sock(), .events = POLLIN, .revents = 0};
    return ::poll(&fd, 1, 0) == 0;
  }

  pqxx::connection& raw() { return *connection_; }

 private:
  const bool prepared_;
  std::unique_ptr<pqxx::connection> connection_;
  std::unordered_set<std::string> known_;  // names of statements that are prepared here
};

// The bytes of a bytea column.
inline std::string BytesOf(const pqxx::field& field) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  return pqxx::binarystring(field).str();
#pragma GCC diagnostic pop
}

}  // namespace millrace::db
