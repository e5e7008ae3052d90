#include "tests/faults/command.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/support/postgres.h"

namespace millrace::testing {

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

Ended RunToItsEnd(const std::vector<std::string>& arguments) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/output";
  int status = 0;
  EXPECT_GT(waitpid(Begin(arguments, path), &status, 0), 0);
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1, .output = text.str()};
}

void ExpectNoDamage(const std::string& data_dir) {
  const Ended ended = RunToItsEnd({"fsck", "--data-dir=" + data_dir, "--fold=all"});
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.output, ::testing::HasSubstr(" live servers: no damage, 0 notes"));
}

}  // namespace millrace::testing
