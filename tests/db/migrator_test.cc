#include "db/migrator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/support/postgres.h"

namespace millrace::db {
namespace {

using ::testing::HasSubstr;
using testing::TestDatabase;

const std::vector<Migration> kTwo = {{1, "0001_a", "CREATE TABLE a (x integer)"},
                                     {2, "0002_b", "CREATE TABLE b (x integer)"}};

TEST(MigratorTest, AppliesEachMigrationOnce) {
  TestDatabase database(TestDatabase::Schema::kEmpty);
  const auto first = Migrate(database.pool());
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->applied, static_cast<int>(EmbeddedMigrations().size()));
  const auto second = Migrate(database.pool());
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->applied, 0);
  EXPECT_EQ(second->version, first->version);
}

TEST(MigratorTest, TellsWhetherTheSchemaIsItsOwnWithoutChangingIt) {
  TestDatabase database(TestDatabase::Schema::kEmpty);
  EXPECT_THAT(std::string(CheckSchema(database.pool(), kTwo).message()),
              HasSubstr("0 of the 2 migrations"));
  EXPECT_EQ(database.Query("SELECT to_regclass('schema_migrations')"), "");
  ASSERT_TRUE(Migrate(database.pool(), {kTwo[0]}).ok());
  const absl::Status older = CheckSchema(database.pool(), kTwo);
  EXPECT_EQ(older.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(older.message()), HasSubstr("'millrace migrate'"));
  ASSERT_TRUE(Migrate(database.pool(), kTwo).ok());
  EXPECT_TRUE(CheckSchema(database.pool(), kTwo).ok());
  EXPECT_THAT(std::string(CheckSchema(database.pool(), {kTwo[0]}).message()),
              HasSubstr("newer millrace"));
}

TEST(MigratorTest, ManyAtOnceApplyEachMigrationOnce) {
  TestDatabase database(TestDatabase::Schema::kEmpty);
  std::vector<std::thread> nodes;
  std::atomic<int> applied{0};
  for (int i = 0; i < 4; ++i) {
    nodes.emplace_back([&] {
      Pool pool({.url = database.url(), .connections_max = 1});
      const auto report = Migrate(pool);
      ASSERT_TRUE(report.ok()) << report.status();
      applied += report->applied;
    });
  }
  for (std::thread& node : nodes) node.join();
  EXPECT_EQ(applied, static_cast<int>(EmbeddedMigrations().size()));
}

TEST(MigratorTest, RefusesAMigrationThatWasEdited) {
  TestDatabase database(TestDatabase::Schema::kEmpty);
  ASSERT_TRUE(Migrate(database.pool(), kTwo).ok());
  auto edited = kTwo;
  edited[0].sql = "CREATE TABLE a (x bigint)";
  const auto refused = Migrate(database.pool(), edited);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.status().message(), HasSubstr("0001_a"));
}

TEST(MigratorTest, RefusesADatabaseNewerThanTheBinary) {
  TestDatabase database(TestDatabase::Schema::kEmpty);
  ASSERT_TRUE(Migrate(database.pool(), kTwo).ok());
  const auto refused = Migrate(database.pool(), {kTwo[0]});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.status().message(), HasSubstr("newer millrace"));
}

TEST(MigratorTest, AFailedMigrationLeavesNothing) {
  TestDatabase database(TestDatabase::Schema::kEmpty);
  auto broken = kTwo;
  broken[1].sql = "CREATE TABLE b (x integer); SELECT nonsense";
  EXPECT_FALSE(Migrate(database.pool(), broken).ok());
  EXPECT_EQ(database.Query("SELECT to_regclass('b') IS NULL AND to_regclass('a') IS NOT NULL"),
            "t");
  const auto repaired = Migrate(database.pool(), kTwo);
  ASSERT_TRUE(repaired.ok()) << repaired.status();
  EXPECT_EQ(repaired->applied, 1);
}

}  // namespace
}  // namespace millrace::db
