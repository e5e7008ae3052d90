#pragma once

#include <CLI/CLI.hpp>

namespace millrace::cli {

// `millrace run DEFINITION.json [--input=JSON|@FILE] [--functions=DIR] [--virtual-time]
// [--history]` runs a definition in this process, with no database, and prints one JSON object:
// `status`, `output` or `error` and `cause`, and `events` if asked for. `exit_code` is 0 if it
// succeeded; 1 if not, and for a definition with problems, which go to standard error; 2 for wrong
// arguments.
void AddRunCommand(CLI::App& app, int* exit_code);

}  // namespace millrace::cli
