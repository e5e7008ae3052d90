#pragma once

#include <memory>
#include <string>

#include "db/embedded.h"
#include "db/pool.h"

namespace millrace::testing {

// A folder under the system's temporary one that any user may enter (a cluster's user must); gone
// with this.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The test program's one PostgreSQL cluster: started when first asked for, stopped at its end.
db::EmbeddedPostgres& TestCluster();

// A database of one test's own, with all migrations applied; dropped with this.
class TestDatabase {
 public:
  enum class Schema { kMigrated, kEmpty };
  explicit TestDatabase(Schema schema = Schema::kMigrated);
  ~TestDatabase();

  const std::string& url() const { return url_; }
  db::Pool& pool() { return *pool_; }
  // The first column of a query's first row; for looking at what the code under test did.
  std::string Query(const std::string& sql);

 private:
  std::string name_, url_;
  std::unique_ptr<db::Pool> pool_;
};

}  // namespace millrace::testing
