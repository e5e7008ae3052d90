#pragma once

#include <CLI/CLI.hpp>

namespace millrace::cli {

// `millrace run DEFINITION.json [--input=JSON|@FILE] [--functions=DIR] [--mock=FILE]
// [--virtual-time] [--history]` runs a definition in this process, with no database, and prints one
// JSON object: `status`, `output` or `error` and `cause`, and `events` if asked for. `exit_code` is
// 0 if it succeeded; 1 if not, and for a definition with problems, which go to standard error; 2
// for wrong arguments.
//
// With `--state=NAME [--attempt=N] [--inspect]` it runs that state alone, and prints what
// state_test_json.h says; `exit_code` is 0 if the state succeeded.
void AddRunCommand(CLI::App& app, int* exit_code);

}  // namespace millrace::cli
