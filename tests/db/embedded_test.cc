#include "db/embedded.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "absl/time/clock.h"
#include "db/pool.h"
#include "db/postgres_process.h"
#include "db/transaction.h"
#include "tests/support/postgres.h"

namespace millrace::db {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

constexpr Statement kOne{"one", "SELECT 1"};

bool Answers(const std::string& url) {
  Pool pool({.url = url, .connections_max = 1});
  return RunStatement(pool, Effect::kNone,
                      [](Session& session) { return session.Exec(kOne).size(); })
      .ok();
}

bool AnswersWithin(const std::string& url, absl::Duration time) {
  const absl::Time deadline = absl::Now() + time;
  while (!Answers(url)) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(20));
  }
  return true;
}

std::unique_ptr<EmbeddedPostgres> StartIn(const std::string& folder) {
  auto server = EmbeddedPostgres::Start(
      {.data_dir = folder, .settings = {"shared_buffers=16MB", "max_connections=20"}});
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

// Runs `server` in a process of its own, which is killed when all is up: what it leaves behind is
// what a crash of ours leaves.
void CrashWhileRunning(const std::string& folder) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto server = EmbeddedPostgres::Start({.data_dir = folder});
    const char up = server.ok() ? 'y' : 'n';
    if (write(ready[1], &up, 1) != 1) _exit(1);
    for (;;) pause();
  }
  char up = 0;
  ASSERT_EQ(read(ready[0], &up, 1), 1);
  EXPECT_EQ(up, 'y');
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
}

TEST(EmbeddedPostgresTest, KeepsItsDataFromOneStartToTheNext) {
  TemporaryFolder folder;
  const std::string data_dir = folder.path() + "/a/data";
  {
    const auto server = StartIn(data_dir);
    pqxx::connection connection(server->url());
    pqxx::nontransaction(connection).exec("CREATE TABLE kept (x integer)");
  }
  const auto server = StartIn(data_dir);
  pqxx::connection connection(server->url());
  pqxx::nontransaction tx(connection);
  EXPECT_EQ(tx.exec("SELECT * FROM kept").size(), 0u);
  EXPECT_STREQ(tx.exec("SHOW listen_addresses")[0][0].c_str(), "");
  EXPECT_STREQ(tx.exec("SHOW synchronous_commit")[0][0].c_str(), "on");
  EXPECT_STREQ(tx.exec("SHOW fsync")[0][0].c_str(), "on");
}

TEST(EmbeddedPostgresTest, ASecondServerOnTheSameFolderIsRefused) {
  TemporaryFolder folder;
  const auto server = StartIn(folder.path());
  const auto second = EmbeddedPostgres::Start({.data_dir = folder.path()});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(second.status().message(), HasSubstr(folder.path()));
  EXPECT_TRUE(Answers(server->url()));
}

TEST(EmbeddedPostgresTest, IsFoundWhileItRuns) {
  TemporaryFolder folder;
  EXPECT_EQ(EmbeddedPostgres::FindRunning(folder.path()).status().code(),
            absl::StatusCode::kFailedPrecondition);
  {
    const auto server = StartIn(folder.path());
    const auto found = EmbeddedPostgres::FindRunning(folder.path());
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_TRUE(Answers(*found));
  }
  const auto stopped = EmbeddedPostgres::FindRunning(folder.path());
  ASSERT_TRUE(stopped.ok()) << stopped.status();
  EXPECT_EQ(*stopped, "");
}

TEST(EmbeddedPostgresTest, AKilledPostmasterIsStartedAgain) {
  TemporaryFolder folder;
  const auto server = StartIn(folder.path());
  // A session that is busy outlives the postmaster for a while, and holds its memory.
  pqxx::connection busy(server->url());
  const pid_t killed = server->postmaster();
  kill(killed, SIGKILL);
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (server->postmaster() == killed && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_TRUE(AnswersWithin(server->url(), absl::Seconds(20)));
}

TEST(EmbeddedPostgresTest, WhatACrashedServerLeftRunningIsEndedFirst) {
  TemporaryFolder folder;
  CrashWhileRunning(folder.path());
  const auto server = StartIn(folder.path());
  EXPECT_TRUE(Answers(server->url()));
}

TEST(EmbeddedPostgresTest, APidFileThatNamesAnotherProgramIsNoObstacle) {
  TemporaryFolder folder;
  StartIn(folder.path())->Stop();
  std::ofstream(folder.path() + "/pgdata/postmaster.pid") << getpid() << "\n"
                                                          << folder.path() << "/pgdata\n";
  const auto server = StartIn(folder.path());
  EXPECT_TRUE(Answers(server->url()));
}

TEST(EmbeddedPostgresTest, AnUnfinishedClusterIsMadeAgain) {
  TemporaryFolder folder;
  ASSERT_EQ(mkdir((folder.path() + "/pgdata.new").c_str(), 0700), 0);
  std::ofstream(folder.path() + "/pgdata.new/PG_VERSION") << "15\n";
  const auto server = StartIn(folder.path());
  EXPECT_TRUE(Answers(server->url()));
}

TEST(EmbeddedPostgresTest, AFolderWithSomebodysFilesIsRefusedAndStays) {
  for (const char* name : {"pgdata.new", "pgdata"}) {
    SCOPED_TRACE(name);
    TemporaryFolder folder;
    const std::string theirs = folder.path() + "/" + name;
    ASSERT_EQ(mkdir(theirs.c_str(), 0755), 0);
    ASSERT_EQ(mkdir((theirs + "/base").c_str(), 0755), 0);
    std::ofstream(theirs + "/thesis.tex") << "years of work\n";
    const auto server = EmbeddedPostgres::Start({.data_dir = folder.path()});
    EXPECT_EQ(server.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(server.status().message(), HasSubstr(theirs));
    EXPECT_EQ(access((theirs + "/thesis.tex").c_str(), F_OK), 0);
    EXPECT_EQ(access((theirs + "/base").c_str(), F_OK), 0);
  }
}

// Starts a server in `folder` and kills it as soon as `file` is there, in the middle of its first
// start.
void CrashWhen(const std::string& folder, const std::string& file) {
  const pid_t child = fork();
  if (child == 0) {
    const auto server = EmbeddedPostgres::Start({.data_dir = folder});
    if (!server.ok()) _exit(1);
    for (;;) pause();
  }
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (access((folder + "/" + file).c_str(), F_OK) != 0 && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_LT(absl::Now(), deadline) << file;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST(EmbeddedPostgresTest, AServerKilledInItsFirstStartIsNoObstacle) {
  TemporaryFolder folder;
  CrashWhen(folder.path(), "pgdata.new/PG_VERSION");  // initdb has just begun
  CrashWhen(folder.path(), "pgdata.new/base/1/pg_filenode.map");
  CrashWhen(folder.path(), "pgdata.new/base/5");  // it copies the last of its databases
  CrashWhen(folder.path(), "pgdata/PG_VERSION");
  const auto server = StartIn(folder.path());
  EXPECT_TRUE(Answers(server->url()));
}

TEST(EmbeddedPostgresTest, WaitsForTheProgramThatStillWritesToALog) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/log";
  auto first = LogFile::Open(path), second = LogFile::Open(path);
  ASSERT_TRUE(first.ok() && second.ok());
  ASSERT_TRUE(first->LockWithin(absl::ZeroDuration()).ok());
  const pid_t child = fork();  // as a program that was left behind
  if (child == 0) {
    for (;;) pause();
  }
  { const LogFile gone = *std::move(first); }
  EXPECT_TRUE(absl::IsUnavailable(second->LockWithin(absl::ZeroDuration())));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(second->LockWithin(absl::ZeroDuration()).ok());
}

TEST(EmbeddedPostgresTest, AFolderThatItsUserCannotEnterIsRefusedByName) {
  if (geteuid() != 0) GTEST_SKIP() << "only root runs PostgreSQL as another user";
  TemporaryFolder folder;
  const std::string closed = folder.path() + "/closed";
  ASSERT_EQ(mkdir(closed.c_str(), 0700), 0);
  const auto server = EmbeddedPostgres::Start({.data_dir = closed + "/data"});
  EXPECT_EQ(server.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(server.status().message(), HasSubstr("cannot enter " + closed + ":"));
}

TEST(EmbeddedPostgresTest, AnOrdinaryUserRunsItToo) {
  if (geteuid() != 0) GTEST_SKIP() << "every other test shows it";
  TemporaryFolder folder;
  const std::string home = folder.path() + "/home";
  ASSERT_EQ(mkdir(home.c_str(), 0700), 0);
  ASSERT_EQ(chown(home.c_str(), 65534, 65534), 0);
  const pid_t child = fork();
  if (child == 0) {
    unsetenv("XDG_RUNTIME_DIR");
    if (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0) _exit(2);
    auto server = EmbeddedPostgres::Start({.data_dir = home + "/data"});
    const bool answers = server.ok() && Answers((*server)->url());
    if (server.ok()) (*server)->Stop();
    _exit(answers ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace millrace::db
