#include "engine/program/timestamp.h"

#include <string>

#include "absl/strings/ascii.h"

namespace millrace {
namespace {

// Takes what `shape` describes from the front of `text`: 'd' is a digit, all else itself.
bool Consume(absl::string_view shape, absl::string_view* text) {
  if (text->size() < shape.size()) return false;
  for (size_t i = 0; i < shape.size(); ++i) {
    const char c = (*text)[i];
    if (shape[i] == 'd' ? !absl::ascii_isdigit(c) : c != shape[i]) return false;
  }
  text->remove_prefix(shape.size());
  return true;
}

bool ConsumeFraction(absl::string_view* text) {
  if (!Consume(".", text)) return true;  // there is none
  if (!Consume("d", text)) return false;
  while (Consume("d", text)) {
  }
  return true;
}

bool HasShape(absl::string_view text) {
  if (!Consume("dddd-dd-ddTdd:dd:dd", &text) || !ConsumeFraction(&text)) return false;
  return text == "Z" ||
         ((Consume("+dd:dd", &text) || Consume("-dd:dd", &text)) && text.empty());
}

}  // namespace

std::optional<absl::Time> ParseTimestamp(absl::string_view text) {
  absl::Time time;
  std::string error;
  if (!HasShape(text) || !absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return std::nullopt;
  }
  return time;
}

}  // namespace millrace
