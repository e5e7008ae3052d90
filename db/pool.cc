#include "db/pool.h"

#include <libpq-fe.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "db/transaction.h"

namespace millrace::db {
namespace {

struct Setting {
  const char* keyword;
  const char* value;
};

// Used where the URL does not say otherwise.
constexpr Setting kDefaults[] = {
    {"connect_timeout", "5"},         {"keepalives", "1"},         {"keepalives_idle", "5"},
    {"keepalives_interval", "2"},     {"keepalives_count", "3"},   {"tcp_user_timeout", "10000"},
    {"application_name", "millrace"}, {"client_encoding", "UTF8"},
};

// A prepared statement's plan is made once and used for hours, on tables that grow from nothing to
// millions of rows: so no plan may depend on how large a table was then.
constexpr absl::string_view kSessionOptions =
    "-c lock_timeout=2s -c idle_in_transaction_session_timeout=2s -c statement_timeout=30s "
    "-c synchronous_commit=on -c jit=off -c plan_cache_mode=force_generic_plan "
    "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off "
    "-c max_parallel_workers_per_gather=0 -c timezone=UTC";

void AppendPair(absl::string_view keyword, absl::string_view value, std::string* out) {
  absl::StrAppend(out, out->empty() ? "" : " ", keyword, "='",
                  absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

using ParsedOptions = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

}  // namespace

absl::StatusOr<std::string> ConnectionString(const PoolOptions& options) {
  char* message = nullptr;
  const ParsedOptions parsed(PQconninfoParse(options.url.c_str(), &message), &PQconninfoFree);
  if (parsed == nullptr) {
    // libpq's message repeats what it did not understand, which may be a password.
    PQfreemem(message);
    return absl::InvalidArgumentError("the database URL is malformed");
  }
  std::string text;
  std::string session_options(options.prepared ? kSessionOptions : "");
  if (options.prepared && options.read_only) {
    absl::StrAppend(&session_options, " -c default_transaction_read_only=on");
  }
  std::unordered_set<std::string> given;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    given.insert(option->keyword);
    if (absl::string_view(option->keyword) == "options") {
      absl::StrAppend(&session_options, " ", option->val);
    } else {
      AppendPair(option->keyword, option->val, &text);
    }
  }
  for (const Setting& setting : kDefaults) {
    if (!given.contains(setting.keyword)) AppendPair(setting.keyword, setting.value, &text);
  }
  if (!session_options.empty()) AppendPair("options", session_options, &text);
  return text;
}

absl::StatusOr<std::unique_ptr<Conn>> Pool::Connect() {
  MILLRACE_ASSIGN_OR_RETURN(const std::string text, ConnectionString(options_));
  try {
    return std::make_unique<Conn>(text, options_.prepared);
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat("cannot connect to the database: ", FirstLine(error.what())));
  }
}

absl::StatusOr<Pool::Lease> Pool::Acquire() {
  {
    std::unique_lock lock(mutex_);
    const auto deadline =
        std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(options_.acquire_timeout);
    for (;;) {
      while (!idle_.empty()) {
        std::unique_ptr<Conn> conn = std::move(idle_.back());
        idle_.pop_back();
        if (conn->IsQuiet()) return Lease(this, std::move(conn));
        --open_;
      }
      if (open_ < options_.connections_max) break;
      if (returned_.wait_until(lock, deadline) == std::cv_status::timeout && idle_.empty() &&
          open_ >= options_.connections_max) {
        return absl::UnavailableError("all database connections are in use");
      }
    }
    ++open_;
  }
  absl::StatusOr<std::unique_ptr<Conn>> conn = Connect();
  if (conn.ok()) return Lease(this, *std::move(conn));
  Return(nullptr, /*evicted=*/true);
  return conn.status();
}

void Pool::Return(std::unique_ptr<Conn> conn, bool evicted) {
  {
    const std::lock_guard lock(mutex_);
    if (evicted) {
      --open_;
    } else {
      idle_.push_back(std::move(conn));
    }
  }
  returned_.notify_one();
}

}  // namespace millrace::db
