#include "engine/expr/jsonata/builtins.h"
namespace millrace::jsonata_internal {
absl::Span<const BuiltinEntry> DateFunctions() { return {}; }
}  // namespace millrace::jsonata_internal
