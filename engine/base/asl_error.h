#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "engine/base/check.h"

namespace millrace {

// Which field's evaluation failed, as the history's EvaluationFailed event says it.
struct EvaluationFailure {
  std::string location;    // "Output/total"; "" where no field is at fault
  bool is_result = false;  // the expression gave a value, which the state cannot use
  friend bool operator==(const EvaluationFailure&, const EvaluationFailure&) = default;
};

// What fails a workflow, as data for its author: Retry, Catch and the history see it. Never an
// absl::Status, which is what fails a caller's request. A Fail state may leave out either part.
struct AslError {
  std::optional<std::string> name;   // as in "States.Timeout"
  std::optional<std::string> cause;  // text for people, or JSON text that a function gave
  std::optional<EvaluationFailure> evaluation = std::nullopt;  // of States.QueryEvaluationError
  friend bool operator==(const AslError&, const AslError&) = default;
};

// What of an error a workflow keeps: more of either is cut off, between two characters.
inline constexpr size_t kErrorBytesMax = 256;
inline constexpr size_t kCauseBytesMax = 32'768;
void HoldToLimits(AslError* error);

// A value, or the error that the workflow sees.
template <typename T>
class AslResult {
 public:
  AslResult(T value) : value_(std::move(value)) {}         // NOLINT: implicit like StatusOr
  AslResult(AslError error) : value_(std::move(error)) {}  // NOLINT
  bool ok() const { return std::holds_alternative<T>(value_); }
  const T& operator*() const& { return std::get<T>(value_); }
  T&& operator*() && { return std::get<T>(std::move(value_)); }
  const T* operator->() const { return &std::get<T>(value_); }
  const AslError& error() const { return std::get<AslError>(value_); }

 private:
  std::variant<T, AslError> value_;
};

}  // namespace millrace
