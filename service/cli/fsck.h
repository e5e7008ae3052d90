#pragma once

#include <CLI/CLI.hpp>

#include <functional>

#include "absl/status/statusor.h"
#include "engine/runtime/integrity.h"
#include "service/config.h"

namespace millrace::cli {

// Makes the check on the database that `config` names.
using IntegrityCheck = std::function<absl::StatusOr<IntegrityReport>(
    const service::ServeConfig& config, const IntegrityOptions& options,
    const IntegritySink& sink)>;

// `millrace fsck` prints a line for each execution that breaks a rule, as it is found, and then
// what was looked at. `exit_code` becomes 0 for a database without damage, 1 where there is any,
// and 2 if the check could not be made to its end.
void AddFsckCommand(CLI::App& app, IntegrityCheck check, int* exit_code);

}  // namespace millrace::cli
