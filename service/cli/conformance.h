#pragma once

#include <CLI/CLI.hpp>

namespace millrace::cli {

// `millrace conformance FILE.jsonl... [--json] [--known-failures=FILE]` runs conformance cases, a
// JSON object per line, and prints a line per failing case (with --json, a JSON line per case), a
// table by area, and "N passed, N failed, N skipped". `exit_code` becomes 1 if a case fails, or,
// with known failures, if another one fails or one of them passes; 2 if a file cannot be read.
void AddConformanceCommand(CLI::App& app, int* exit_code);

}  // namespace millrace::cli
