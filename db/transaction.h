#pragma once

#include <exception>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "db/conn.h"
#include "db/pool.h"
#include "engine/base/status_macros.h"

// Where libpqxx's exceptions end. Codes are those of engine/runtime/storage.h: UNAVAILABLE (nothing
// was done), UNKNOWN (done or not), ABORTED (a deadlock or time limit; nothing was done), and
// others for a statement that is refused for what it is.
namespace millrace::db {

// What the function given to RunStatement or RunTransaction works with. Throws.
class Session {
 public:
  Session(Conn& conn, pqxx::transaction_base& tx) : conn_(conn), tx_(tx) {}
  pqxx::result Exec(const Statement& statement, const Params& params = {}) {
    return conn_.Exec(tx_, statement, params);
  }
  // Several statements in one text without parameters, as a migration has them.
  void ExecScript(absl::string_view sql) { tx_.exec(std::string(sql)); }

 private:
  Conn& conn_;
  pqxx::transaction_base& tx_;
};

// What a lost connection means for what was being done.
enum class Effect {
  kNone,     // nothing was written: UNAVAILABLE
  kCommits,  // it may have been committed: UNKNOWN
};

struct Failure {
  absl::Status status;
  bool evict = false;  // the connection is of no more use
};

// For use in a catch block.
Failure FailureOf(const std::exception& error, Effect effect);

absl::string_view FirstLine(absl::string_view text);

// `function(session)` makes exactly one statement, committed by itself: one round trip. `effect`
// says whether it writes.
template <typename Function>
auto RunStatement(Pool& pool, Effect effect, Function&& function)
    -> absl::StatusOr<std::invoke_result_t<Function, Session&>> {
  MILLRACE_ASSIGN_OR_RETURN(Pool::Lease lease, pool.Acquire());
  try {
    pqxx::nontransaction tx(lease->raw());
    Session session(*lease, tx);
    return function(session);
  } catch (const std::exception& error) {
    Failure failure = FailureOf(error, effect);
    if (failure.evict) lease.Evict();
    return failure.status;
  }
}

// `function(session)` returns a StatusOr: OK commits, all else rolls back. A lost answer to the
// COMMIT is UNKNOWN.
template <typename Function>
auto RunTransaction(Pool& pool, Function&& function) -> std::invoke_result_t<Function, Session&> {
  MILLRACE_ASSIGN_OR_RETURN(Pool::Lease lease, pool.Acquire());
  Effect effect = Effect::kNone;
  try {
    pqxx::work tx(lease->raw());
    Session session(*lease, tx);
    auto result = function(session);
    if (!result.ok()) return result;
    effect = Effect::kCommits;
    tx.commit();
    return result;
  } catch (const std::exception& error) {
    Failure failure = FailureOf(error, effect);
    if (failure.evict) lease.Evict();
    return failure.status;
  }
}

}  // namespace millrace::db
