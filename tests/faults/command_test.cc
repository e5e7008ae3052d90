// The real binary's first moments: what it refuses before it makes anything, and being killed while
// it makes its first database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/faults/command.h"
#include "tests/faults/server_process.h"
#include "tests/support/postgres.h"

namespace millrace::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A socket that listens on a port of its own.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* const pointer = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(fd_, pointer, length), 0);
    EXPECT_EQ(listen(fd_, 1), 0);
    EXPECT_EQ(getsockname(fd_, pointer, &length), 0);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { close(fd_); }
  int port() const { return port_; }

 private:
  const int fd_;
  int port_ = 0;
};

TEST(CommandTest, AnAddressThatCannotBeServedCostsNoDatabase) {
  const TemporaryFolder folder;
  const Listener other;
  const std::string taken = absl::StrCat("127.0.0.1:", other.port());
  const struct {
    std::string address;
    int exit_code;
    const char* says;
  } cases[] = {
      {"nonsense", 2, "0 to 65535"},
      {"127.0.0.1:70000", 2, "0 to 65535"},
      {taken, 1, "Address already in use"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.address);
    const std::string data = folder.path() + "/data";
    const Ended ended = RunToItsEnd({"serve", "--listen=" + c.address, "--data-dir=" + data});
    EXPECT_EQ(ended.exit_code, c.exit_code);
    EXPECT_THAT(ended.output,
                AllOf(StartsWith("millrace: "), HasSubstr(c.address), HasSubstr(c.says)));
    EXPECT_EQ(ended.output.find('\n'), ended.output.size() - 1) << ended.output;
    EXPECT_FALSE(std::filesystem::exists(data));
  }
}

TEST(CommandTest, WhatIsNoSubcommandIsWrongUsage) {
  const Ended ended = RunToItsEnd({"srve"});
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.output, HasSubstr("did you mean 'serve'?"));
  EXPECT_EQ(RunToItsEnd({}).exit_code, 2);
}

TEST(CommandTest, EverySubcommandHasItsHelp) {
  for (const char* command :
       {"serve", "migrate", "run", "validate", "conformance", "fsck", "version", "help"}) {
    SCOPED_TRACE(command);
    const Ended ended = RunToItsEnd({command, "--help"});
    EXPECT_EQ(ended.exit_code, 0);
    EXPECT_THAT(ended.output,
                AllOf(HasSubstr(absl::StrCat("millrace ", command)), HasSubstr("--help")));
    EXPECT_EQ(RunToItsEnd({"help", command}).output, ended.output);
  }
  EXPECT_EQ(RunToItsEnd({"--version"}).output, RunToItsEnd({"version"}).output);
}

TEST(CommandTest, AServerKilledWhileItMakesItsDatabaseStartsAgain) {
  const TemporaryFolder folder;
  const std::string data = folder.path() + "/data";
  const int port = FreePort();
  const pid_t first =
      Begin({"serve", absl::StrCat("--listen=127.0.0.1:", port), "--data-dir=" + data},
            folder.path() + "/first.log");
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (!std::filesystem::exists(data + "/pgdata.new/global") &&
         !std::filesystem::exists(data + "/pgdata") && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_LT(absl::Now(), deadline);
  kill(first, SIGKILL);
  waitpid(first, nullptr, 0);
  ServerProcess second(data, port);
  second.Start();
}

TEST(CommandTest, FsckChecksADataFolderWithAndWithoutItsServer) {
  const TemporaryFolder folder;
  const std::string data = folder.path() + "/data";
  const std::vector<std::string> fsck = {"fsck", "--data-dir=" + data};
  const Ended none = RunToItsEnd(fsck);
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.output, HasSubstr("there is no database cluster in the data folder " + data));
  EXPECT_FALSE(std::filesystem::exists(data));
  {
    ServerProcess server(data, FreePort());
    server.Start();
    const Ended beside = RunToItsEnd(fsck);
    EXPECT_EQ(beside.exit_code, 0);
    EXPECT_THAT(beside.output, HasSubstr("1 live servers: no damage, 0 notes"));
    EXPECT_EQ(RunToItsEnd({"fsck", "--data-dir=" + data, "--fold=some"}).exit_code, 2);
  }
  const Ended alone = RunToItsEnd(fsck);
  EXPECT_EQ(alone.exit_code, 0);
  EXPECT_THAT(alone.output, HasSubstr("0 live servers: no damage, 0 notes"));
  EXPECT_FALSE(std::filesystem::exists(data + "/pgdata/postmaster.pid")) << "it was started for it";
}

}  // namespace
}  // namespace millrace::testing
