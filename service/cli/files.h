#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/json/json.h"
#include "engine/program/program.h"

namespace millrace::cli {

// All of a file; NOT_FOUND names it. "-" is standard input.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// One line per problem: its JSON pointer ("(definition)" for the whole), code and message.
std::string DescribeProblems(const std::vector<Problem>& problems);

// --language, in letters of either case.
void AddLanguageOption(CLI::App* command, std::string* language);

// Prints a command's own failure to standard error, and returns its exit code.
int Complain(const absl::Status& status);

}  // namespace millrace::cli
