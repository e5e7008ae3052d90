#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "engine/errors.h"

namespace millrace::service {

constexpr size_t kInputBytesMax = 262'144;
constexpr size_t kDefinitionBytesMax = 1 << 20;
constexpr size_t kDescriptionBytesMax = 1024;

// Gathers everything that is wrong with a request, so that its caller hears of all fields at once.
// The checks add a violation and go on; status() is asked before anything is done.
class FieldChecks {
 public:
  void Add(absl::string_view field, absl::string_view description);
  void SizeAtMost(absl::string_view field, absl::string_view text, size_t bytes_max);
  // What an execution's id may be, or nothing.
  void OptionalRequestId(absl::string_view field, absl::string_view id);
  // JSON text within the limits of inputs, or nothing.
  void OptionalJson(absl::string_view field, absl::string_view text);
  void NotNegative(absl::string_view field, int64_t number);

  bool ok() const { return violations_.empty(); }
  // OK, or INVALID_ARGUMENT with all violations.
  absl::Status status() const;

 private:
  std::vector<errors::FieldViolation> violations_;
};

// What a caller gave, as an error may repeat it: short, in quotes, printable.
std::string Quote(absl::string_view given);

}  // namespace millrace::service
