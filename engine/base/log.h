#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace millrace {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// A field of a log line. Values are names, keys, counts and reasons; never a user's data.
struct LogField {
  absl::string_view name;
  std::string value;
};

// Writes one JSON object to standard error: ts, level, msg and the fields. Thread-safe.
void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields = {});

// Lines below `level` are dropped. kInfo until told otherwise.
void SetLogLevel(LogLevel level);

}  // namespace millrace
