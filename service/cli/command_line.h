#pragma once

#include <CLI/CLI.hpp>

namespace millrace::cli {

// Adds `help [SUBCOMMAND]`.
void AddHelpCommand(CLI::App& app);

// Parses the command line, and so runs its subcommand, whose exit code is in `exit_code`. Returns
// the program's: that one; 0 after help or version; 2 for wrong usage, of which standard error says
// what is wrong.
int ParseAndRun(CLI::App& app, int argc, const char* const* argv, const int& exit_code);

}  // namespace millrace::cli
