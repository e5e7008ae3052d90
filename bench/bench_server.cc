#include "bench/bench_server.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "db/migrator.h"
#include "engine/base/status_macros.h"

namespace millrace::bench {
namespace {

constexpr char kProject[] = "default";
constexpr char kNoop[] = "noop";

std::string SequenceOn(const std::string& function) {
  std::string states;
  for (int step = 1; step <= BenchServer::kSteps; ++step) {
    const bool is_last = step == BenchServer::kSteps;
    absl::StrAppend(
        &states, step == 1 ? "" : ",", "\"Step", step, R"(":{"Type":"Task","Resource":")", function,
        "\",",
        is_last ? std::string(R"("End":true)") : absl::StrCat(R"("Next":"Step)", step + 1, "\""),
        "}");
  }
  return absl::StrCat(R"({"StartAt":"Step1","States":{)", states, "}}");
}

}  // namespace

absl::StatusOr<std::unique_ptr<TemporaryFolder>> TemporaryFolder::Make() {
  // Not in /tmp, which is in memory on many machines: a sync would cost nothing.
  std::string path = "/var/tmp/millrace-bench-XXXXXX";
  if (mkdtemp(path.data()) == nullptr || chmod(path.c_str(), 0755) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot make the folder ", path));
  }
  return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(path));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

absl::StatusOr<Database> OpenDatabase() {
  Database database;
  MILLRACE_ASSIGN_OR_RETURN(database.folder, TemporaryFolder::Make());
  MILLRACE_ASSIGN_OR_RETURN(
      database.cluster,
      db::EmbeddedPostgres::Start({.data_dir = absl::StrCat(database.folder->path(), "/data")}));
  database.pool = std::make_unique<db::Pool>(db::PoolOptions{.url = database.cluster->url()});
  MILLRACE_RETURN_IF_ERROR(db::Migrate(*database.pool).status());
  return database;
}

BenchServer::BenchServer(db::Pool* pool)
    : storage_(pool),
      catalog_(pool),
      workflows_(&catalog_),
      functions_(&catalog_, &host_),
      runtime_(
          &storage_, &catalog_, &workflows_,
          [this](const FunctionId& id, Json event, InvocationContext context, InvocationDone done) {
            Invoke(id, std::move(event), std::move(context), std::move(done));
          },
          {.is_alone = true,
           .cancel = [this](const std::string& call_id) { functions_.Cancel(call_id); }}) {}

BenchServer::~BenchServer() {
  if (server_ != nullptr) server_->Shutdown(absl::Seconds(10));
  runtime_.Shutdown();
}

void BenchServer::Invoke(const FunctionId& id, Json event, InvocationContext context,
                         InvocationDone done) {
  if (id.function == kNoop) return done(std::move(event));
  functions_.Invoke(id, std::move(event), std::move(context), std::move(done));
}

absl::Status BenchServer::CreateFunctionAndWorkflow(const std::string& name) {
  MILLRACE_RETURN_IF_ERROR(
      functions_
          .Create({.id = {.project = kProject, .function = name},
                   .handler = "index.main_handler",
                   .source = "def main_handler(event, context):\n    return event\n"},
                  /*request_id=*/"")
          .status());
  return workflows_
      .Create({.id = {.project = kProject, .workflow = name},
               .language = "ASL",
               .definition = SequenceOn(name)})
      .status();
}

absl::StatusOr<std::unique_ptr<BenchServer>> BenchServer::Start(db::Pool* pool) {
  std::unique_ptr<BenchServer> bench(new BenchServer(pool));
  MILLRACE_RETURN_IF_ERROR(bench->runtime_.Begin());
  for (const char* name : {kNoop, "echo"}) {
    MILLRACE_RETURN_IF_ERROR(bench->CreateFunctionAndWorkflow(name));
  }
  MILLRACE_ASSIGN_OR_RETURN(
      bench->server_, service::Server::Start({.listen = "127.0.0.1:0"},
                                             {.workflows = &bench->workflows_,
                                              .functions = &bench->functions_,
                                              .executions = &bench->runtime_,
                                              .task_queues = &bench->runtime_.task_queues()}));
  return bench;
}

std::string BenchServer::address() const { return absl::StrCat("127.0.0.1:", server_->port()); }

}  // namespace millrace::bench
