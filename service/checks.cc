#include "service/checks.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/json/json.h"
#include "service/names.h"

namespace millrace::service {

void FieldChecks::Add(absl::string_view field, absl::string_view description) {
  violations_.push_back({std::string(field), std::string(description)});
}

void FieldChecks::SizeAtMost(absl::string_view field, absl::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return;
  Add(field, absl::StrCat("is at most ", bytes_max, " bytes, and has ", text.size()));
}

void FieldChecks::OptionalRequestId(absl::string_view field, absl::string_view id) {
  if (!id.empty()) CheckExecutionId(field, id, this);
}

void FieldChecks::OptionalJson(absl::string_view field, absl::string_view text) {
  if (text.empty()) return;
  if (text.size() > kInputBytesMax) return SizeAtMost(field, text, kInputBytesMax);
  const auto json = ParseJson(text, {.text_bytes_max = kInputBytesMax});
  if (!json.ok()) Add(field, absl::StrCat("is no JSON text: ", json.status().message()));
}

void FieldChecks::NotNegative(absl::string_view field, int64_t number) {
  if (number < 0) Add(field, absl::StrCat("is 0 or more, and is ", number));
}

absl::Status FieldChecks::status() const {
  return violations_.empty() ? absl::OkStatus() : errors::InvalidArgument(violations_);
}

std::string Quote(absl::string_view given) {
  constexpr size_t kBytesMax = 100;
  return absl::StrCat("'", absl::CHexEscape(given.substr(0, kBytesMax)),
                      given.size() > kBytesMax ? "'..." : "'");
}

}  // namespace millrace::service
