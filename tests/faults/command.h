#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace millrace::testing {

// Starts `millrace ARGUMENTS`, which writes to `output`.
pid_t Begin(std::vector<std::string> arguments, const std::string& output);

struct Ended {
  int exit_code = -1;
  std::string output;  // and what it complained of
};

// Runs `millrace ARGUMENTS` and waits for its end.
Ended RunToItsEnd(const std::vector<std::string>& arguments);

// Checks the database in a data folder, all journals included, beside the server that runs on it: a
// test failure unless there is no damage in it, nor anything to be noted.
void ExpectNoDamage(const std::string& data_dir);

}  // namespace millrace::testing
