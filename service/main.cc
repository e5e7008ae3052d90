// The wiring: configuration -> database -> engine -> server; nothing else.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "db/embedded.h"
#include "db/migrator.h"
#include "db/pg_catalog.h"
#include "db/pg_integrity.h"
#include "db/pg_storage.h"
#include "db/pool.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/runtime/functions.h"
#include "engine/runtime/integrity.h"
#include "engine/runtime/runtime.h"
#include "engine/runtime/workflows.h"
#include "engine/tasks/python_host.h"
#include "service/cli/command_line.h"
#include "service/cli/conformance.h"
#include "service/cli/fsck.h"
#include "service/cli/run.h"
#include "service/cli/validate.h"
#include "service/config.h"
#include "service/library_logs.h"
#include "service/listen.h"
#include "service/server.h"

namespace millrace {
namespace {

constexpr char kVersion[] = "0.1.0";

// SIGINT and SIGTERM end the server in order; they are blocked in every thread and waited for.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

// Whether one of `signals` has come already: what is being started is then not wanted any more.
bool IsStopAsked() {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
}

struct Database {
  std::unique_ptr<db::EmbeddedPostgres> embedded;  // null for a database of the operator's
  std::unique_ptr<db::Pool> pool;
  std::unique_ptr<db::Pool> beats;  // heartbeats wait for nobody's connection
};

absl::StatusOr<Database> OpenDatabase(const service::ServeConfig& config) {
  Database database;
  std::string url = config.database_url;
  if (url.empty()) {
    MILLRACE_ASSIGN_OR_RETURN(database.embedded,
                              db::EmbeddedPostgres::Start({.data_dir = config.data_dir}));
    url = database.embedded->url();
  }
  database.pool = std::make_unique<db::Pool>(db::PoolOptions{.url = url});
  database.beats = std::make_unique<db::Pool>(db::PoolOptions{.url = url, .connections_max = 1});
  MILLRACE_RETURN_IF_ERROR(db::Migrate(*database.pool).status());
  return database;
}

absl::Status Serve(const service::ServeConfig& config) {
  const sigset_t signals = BlockStopSignals();
  service::CatchLibraryLogs();
  // Before a database is made: what is wrong with the address need not cost anything.
  MILLRACE_RETURN_IF_ERROR(service::CheckCanListen(config.listen));
  MILLRACE_ASSIGN_OR_RETURN(const Database database, OpenDatabase(config));
  if (IsStopAsked()) return absl::OkStatus();
  db::PgStorage storage(database.pool.get(), database.beats.get());
  db::PgCatalog catalog(database.pool.get());
  db::PgIntegrity integrity(database.pool.get());
  PythonHost host;
  Workflows workflows(&catalog);
  Functions functions(&catalog, &host);
  Runtime runtime(
      &storage, &catalog, &workflows,
      [&functions](const FunctionId& id, Json event, InvocationContext context,
                   InvocationDone done) {
        functions.Invoke(id, std::move(event), std::move(context), std::move(done));
      },
      {.lanes = config.lanes,
       .address = config.advertise,
       .is_alone = database.embedded != nullptr,
       .cancel = [&functions](const std::string& call_id) { functions.Cancel(call_id); }});
  MILLRACE_RETURN_IF_ERROR(runtime.Begin());
  MILLRACE_ASSIGN_OR_RETURN(
      const std::unique_ptr<service::Server> server,
      service::Server::Start(
          service::ServerOptionsOf(config),
          {.workflows = &workflows,
           .functions = &functions,
           .executions = &runtime,
           .task_queues = &runtime.task_queues(),
           .integrity = {.facts = &integrity, .journals = &storage, .workflows = &workflows}}));
  Log(LogLevel::kInfo, "serving",
      {{"listen", config.listen}, {"port", absl::StrCat(server->port())}, {"version", kVersion}});
  int signal = 0;
  sigwait(&signals, &signal);
  Log(LogLevel::kInfo, "stopping", {{"signal", absl::StrCat(signal)}});
  server->Shutdown(absl::Seconds(config.shutdown_grace_seconds));
  runtime.Shutdown();
  return absl::OkStatus();
}

absl::Status MigrateOnly(const service::ServeConfig& config) {
  MILLRACE_ASSIGN_OR_RETURN(const Database database, OpenDatabase(config));
  std::puts("the database is up to date");
  return absl::OkStatus();
}

// On the database that servers work on; a private cluster that nobody runs is started for it.
absl::StatusOr<IntegrityReport> CheckDatabase(const service::ServeConfig& config,
                                              const IntegrityOptions& options,
                                              const IntegritySink& sink) {
  std::string url = config.database_url;
  std::unique_ptr<db::EmbeddedPostgres> embedded;
  if (url.empty()) {
    MILLRACE_ASSIGN_OR_RETURN(url, db::EmbeddedPostgres::FindRunning(config.data_dir));
  }
  if (url.empty()) {
    MILLRACE_ASSIGN_OR_RETURN(embedded, db::EmbeddedPostgres::Start({.data_dir = config.data_dir}));
    url = embedded->url();
  }
  db::Pool pool({.url = url, .connections_max = 2, .read_only = true});
  MILLRACE_RETURN_IF_ERROR(db::CheckSchema(pool));
  db::PgIntegrity integrity(&pool);
  db::PgStorage storage(&pool);
  db::PgCatalog catalog(&pool);
  Workflows workflows(&catalog);
  return CheckIntegrity({.facts = &integrity, .journals = &storage, .workflows = &workflows},
                        options, sink);
}

int Report(const absl::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "millrace: %s\n", std::string(status.message()).c_str());
  return 1;
}

int Main(int argc, char** argv) {
  CLI::App app("Millrace: durable workflows on PostgreSQL", "millrace");
  app.require_subcommand(1);
  app.set_version_flag("--version", kVersion);
  app.footer("Exit codes: 0 for what was done, 1 for what failed, 2 for wrong usage.");
  int exit_code = 0;
  service::ServeConfig config;
  CLI::App* serve = app.add_subcommand("serve", "Serve the API");
  service::AddServeFlags(serve, &config);
  serve->callback([&] { exit_code = Report(Serve(config)); });
  CLI::App* migrate = app.add_subcommand("migrate", "Bring the database's schema up to date");
  service::AddDatabaseFlags(migrate, &config);
  migrate->callback([&] { exit_code = Report(MigrateOnly(config)); });
  cli::AddFsckCommand(app, CheckDatabase, &exit_code);
  cli::AddRunCommand(app, &exit_code);
  cli::AddValidateCommand(app, &exit_code);
  cli::AddConformanceCommand(app, &exit_code);
  app.add_subcommand("version", "Print the version")->callback([] { std::puts(kVersion); });
  cli::AddHelpCommand(app);
  return cli::ParseAndRun(app, argc, argv, exit_code);
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) { return millrace::Main(argc, argv); }
