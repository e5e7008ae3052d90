// How many durable steps a second the whole service makes, and beside it what its PostgreSQL and
// its disk would give to a plain loop. bench/README.md has the figures and how to read them.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "bench/bench_server.h"
#include "bench/closed_loop.h"
#include "bench/inserts.h"
#include "bench/stop_signal.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"

namespace millrace::bench {
namespace {

struct Arguments {
  double seconds = 5;
  std::vector<int> in_flight = {1, 16, 64, 256};
  std::string only;

  bool Wants(const std::string& part) const { return only.empty() || only == part; }
};

absl::Status MeasureWorkflow(const Arguments& arguments, const BenchServer& server,
                             const std::string& workflow, const std::string& shown_as) {
  for (const int in_flight : arguments.in_flight) {
    MILLRACE_ASSIGN_OR_RETURN(const LoopFigures figures,
                              RunClosedLoop({.address = server.address(),
                                             .workflow = workflow,
                                             .in_flight = in_flight,
                                             .warm_up = absl::Seconds(1),
                                             .measured = absl::Seconds(arguments.seconds)}));
    std::printf("%-6s %3d %9.1f workflows/s %9.1f steps/s  p50 %8.2f ms  p99 %8.2f ms\n",
                shown_as.c_str(), in_flight, figures.workflows_per_second,
                figures.workflows_per_second * BenchServer::kSteps,
                absl::ToDoubleMilliseconds(figures.p50), absl::ToDoubleMilliseconds(figures.p99));
    std::fflush(stdout);
  }
  return absl::OkStatus();
}

absl::Status MeasureServer(const Arguments& arguments, db::Pool* pool) {
  MILLRACE_ASSIGN_OR_RETURN(const std::unique_ptr<BenchServer> server, BenchServer::Start(pool));
  if (arguments.Wants("noop")) {
    MILLRACE_RETURN_IF_ERROR(MeasureWorkflow(arguments, *server, "noop", "noop"));
  }
  if (arguments.Wants("python")) {
    MILLRACE_RETURN_IF_ERROR(MeasureWorkflow(arguments, *server, "echo", "python"));
  }
  return absl::OkStatus();
}

absl::Status MeasureWithoutEngine(const Arguments& arguments, const Database& database) {
  for (const int batch_rows : {50, 500}) {
    MILLRACE_ASSIGN_OR_RETURN(const double rows, MeasureInserts(*database.pool, batch_rows,
                                                                absl::Seconds(arguments.seconds)));
    std::printf("insert %3d %9.0f rows/s %9.1f statements/s\n", batch_rows, rows,
                rows / batch_rows);
  }
  MILLRACE_ASSIGN_OR_RETURN(const double syncs,
                            MeasureSyncs(database.folder->path(), absl::Seconds(1)));
  std::printf("fdatasync  %9.0f /s\n", syncs);
  return absl::OkStatus();
}

absl::Status Run(const Arguments& arguments) {
  MILLRACE_ASSIGN_OR_RETURN(const Database database, OpenDatabase());
  if (arguments.Wants("noop") || arguments.Wants("python")) {
    MILLRACE_RETURN_IF_ERROR(MeasureServer(arguments, database.pool.get()));
  }
  if (arguments.Wants("inserts")) return MeasureWithoutEngine(arguments, database);
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  CLI::App app("Measures Millrace end to end: gRPC, engine, functions and PostgreSQL");
  Arguments arguments;
  app.add_option("--seconds", arguments.seconds, "How long each row is measured")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  app.add_option("--in-flight", arguments.in_flight, "Workflows at once, one row for each")
      ->delimiter(',')
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--only", arguments.only, "One part of it")
      ->check(CLI::IsMember({"noop", "python", "inserts"}));
  CLI11_PARSE(app, argc, argv);
  CatchStopSignals();
  SetLogLevel(LogLevel::kWarning);
  const absl::Status status = Run(arguments);
  if (status.ok()) return 0;
  std::fprintf(stderr, "service_bench: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) { return millrace::bench::Main(argc, argv); }
