#include "tests/support/postgres.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "db/migrator.h"
#include "engine/base/check.h"

#if defined(__SANITIZE_ADDRESS__)
// libpqxx 6 loses a result when it finds its connection broken.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:pqxx::connection_base::exec_prepared\n";
}
#endif

namespace millrace::testing {
namespace {

constexpr const char* kTemplate = "migrated_template";

std::string UrlOf(const std::string& database) {
  return absl::StrReplaceAll(TestCluster().url(),
                             {{"dbname=millrace", absl::StrCat("dbname=", database)}});
}

void Administer(const std::string& sql) {
  pqxx::connection connection(UrlOf("postgres"));
  pqxx::nontransaction(connection).exec(sql);
}

// Made once: copying it is much faster than migrating.
void MakeTemplate() {
  Administer(absl::StrCat("CREATE DATABASE ", kTemplate, " TEMPLATE template0"));
  db::Pool pool({.url = UrlOf(kTemplate), .connections_max = 1});
  const auto report = db::Migrate(pool);
  if (!report.ok()) {
    ADD_FAILURE() << report.status();
    MILLRACE_CHECK(false);
  }
}

// Stops the cluster before the program's own destructors run.
class ClusterEnvironment : public ::testing::Environment {
 public:
  void Start() {
    auto started = db::EmbeddedPostgres::Start(
        {.data_dir = folder_.path() + "/data",
         .settings = {"shared_buffers=64MB", "max_connections=60", "autovacuum=off", "fsync=off"}});
    if (!started.ok()) ADD_FAILURE() << started.status();
    MILLRACE_CHECK(started.ok());
    server_ = *std::move(started);
  }
  void TearDown() override { server_ = nullptr; }
  db::EmbeddedPostgres& server() { return *server_; }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<db::EmbeddedPostgres> server_;
};

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "millrace-test-XXXXXX").string();
  MILLRACE_CHECK(mkdtemp(name.data()) != nullptr);
  MILLRACE_CHECK(chmod(name.c_str(), 0755) == 0);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

db::EmbeddedPostgres& TestCluster() {
  static ClusterEnvironment* environment = [] {
    auto* made = new ClusterEnvironment;
    made->Start();
    ::testing::AddGlobalTestEnvironment(made);
    return made;
  }();
  return environment->server();
}

TestDatabase::TestDatabase(Schema schema) {
  static std::atomic<int> count{0};
  TestCluster();
  static const bool made = (MakeTemplate(), true);
  MILLRACE_CHECK(made);
  name_ = absl::StrCat("test_", ++count);
  Administer(absl::StrCat("CREATE DATABASE ", name_, " TEMPLATE ",
                          schema == Schema::kMigrated ? kTemplate : "template0"));
  url_ = UrlOf(name_);
  pool_ = std::make_unique<db::Pool>(db::PoolOptions{.url = url_});
}

TestDatabase::~TestDatabase() {
  pool_ = nullptr;
  Administer(absl::StrCat("DROP DATABASE ", name_, " WITH (FORCE)"));
}

std::string TestDatabase::Query(const std::string& sql) {
  pqxx::connection connection(url_);
  const pqxx::result rows = pqxx::nontransaction(connection).exec(sql);
  return rows.empty() || rows[0].empty() ? "" : rows[0][0].c_str();
}

}  // namespace millrace::testing
