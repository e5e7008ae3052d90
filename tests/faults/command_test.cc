// The real binary's first moments: what it refuses before it makes anything, and being killed while
// it makes its first database.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/faults/server_process.h"
#include "tests/support/postgres.h"

namespace millrace::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Starts `millrace ARGUMENTS`, which writes to `output`.
pid_t Begin(std::vector<std::string> arguments, const std::string& output) {
  const char* binary = std::getenv("MILLRACE_BINARY");
  EXPECT_NE(binary, nullptr);
  arguments.insert(arguments.begin(), binary);
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const int fd = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execv(pointers[0], pointers.data());
    _exit(127);
  }
  return child;
}

struct Ended {
  int exit_code = -1;
  std::string output;
};

Ended RunToItsEnd(const std::vector<std::string>& arguments) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/output";
  int status = 0;
  EXPECT_GT(waitpid(Begin(arguments, path), &status, 0), 0);
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1, .output = text.str()};
}

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
       {"serve", "migrate", "run", "validate", "conformance", "version", "help"}) {
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

}  // namespace
}  // namespace millrace::testing
