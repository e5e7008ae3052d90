#pragma once

#include <CLI/CLI.hpp>

namespace millrace::cli {

// `millrace validate DEFINITION.json [--express]` prints all that is wrong with a definition, a
// line each, with its JSON pointer. `exit_code` becomes 1 if there is anything, 2 if the file
// cannot be read.
void AddValidateCommand(CLI::App& app, int* exit_code);

}  // namespace millrace::cli
