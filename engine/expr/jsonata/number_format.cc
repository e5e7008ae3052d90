#include "engine/expr/jsonata/number_format.h"
namespace millrace::jsonata_internal {
void DecimalFormat::Set(absl::string_view, absl::string_view) {}
std::string FormatNumber(double, absl::string_view, const DecimalFormat&) { return ""; }
}  // namespace millrace::jsonata_internal
