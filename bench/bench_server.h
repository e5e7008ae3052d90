#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "db/embedded.h"
#include "db/pg_catalog.h"
#include "db/pg_storage.h"
#include "db/pool.h"
#include "engine/runtime/functions.h"
#include "engine/runtime/runtime.h"
#include "engine/runtime/workflows.h"
#include "engine/tasks/python_host.h"
#include "service/server.h"

namespace millrace::bench {

// A folder that all users may enter, PostgreSQL's among them, and that goes with this object.
class TemporaryFolder {
 public:
  static absl::StatusOr<std::unique_ptr<TemporaryFolder>> Make();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

// A migrated database in a cluster of its own, with the settings of `millrace serve`.
struct Database {
  std::unique_ptr<TemporaryFolder> folder;
  std::unique_ptr<db::EmbeddedPostgres> cluster;
  std::unique_ptr<db::Pool> pool;
};
absl::StatusOr<Database> OpenDatabase();

// `millrace serve` inside this process, with one difference: the function `noop` answers at once
// without leaving the process. Its workflows `noop` and `echo` are sequences of kSteps tasks on the
// function of their name; `echo` is a Python function that returns what it gets.
class BenchServer {
 public:
  static constexpr int kSteps = 10;

  static absl::StatusOr<std::unique_ptr<BenchServer>> Start(db::Pool* pool);
  ~BenchServer();

  std::string address() const;

 private:
  explicit BenchServer(db::Pool* pool);
  void Invoke(const FunctionId& id, Json event, InvocationContext context, InvocationDone done);
  // Both of one name.
  absl::Status CreateFunctionAndWorkflow(const std::string& name);

  db::PgStorage storage_;
  db::PgCatalog catalog_;
  PythonHost host_;
  Workflows workflows_;
  Functions functions_;
  Runtime runtime_;
  std::unique_ptr<service::Server> server_;
};

}  // namespace millrace::bench
