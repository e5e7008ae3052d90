#include "engine/expr/timestamp.h"

#include <string>

#include "absl/strings/ascii.h"

namespace millrace {
namespace {

// Whether `text` begins like `shape`, where 0 stands for any digit.
bool HasShape(absl::string_view text, absl::string_view shape) {
  if (text.size() < shape.size()) return false;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool fits =
        shape[i] == '0' ? absl::ascii_isdigit(static_cast<uint8_t>(text[i])) : text[i] == shape[i];
    if (!fits) return false;
  }
  return true;
}

}  // namespace

// absl::ParseTime checks the ranges, but accepts spaces, signs and names besides.
std::optional<absl::Time> ParseTimestamp(absl::string_view text) {
  constexpr absl::string_view kSeconds = "0000-00-00T00:00:00";
  if (!HasShape(text, kSeconds)) return std::nullopt;
  absl::string_view rest = text.substr(kSeconds.size());
  if (HasShape(rest, ".0")) {
    rest.remove_prefix(1);
    while (HasShape(rest, "0")) rest.remove_prefix(1);
  }
  const bool has_offset =
      rest.size() == 6 && (HasShape(rest, "+00:00") || HasShape(rest, "-00:00"));
  if (rest != "Z" && !has_offset) return std::nullopt;
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) return std::nullopt;
  return time;
}

}  // namespace millrace
