#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the calling function when `expression`, an absl::Status, is not ok.
#define MILLRACE_RETURN_IF_ERROR(expression)                                    \
  do {                                                                          \
    if (absl::Status millrace_status_ = (expression); !millrace_status_.ok()) { \
      return millrace_status_;                                                  \
    }                                                                           \
  } while (false)

// `MILLRACE_ASSIGN_OR_RETURN(Type name, StatusOrExpression)`.
#define MILLRACE_ASSIGN_OR_RETURN(declaration, expression) \
  MILLRACE_ASSIGN_OR_RETURN_(MILLRACE_CONCAT_(millrace_result_, __LINE__), declaration, expression)

#define MILLRACE_CONCAT_INNER_(a, b) a##b
#define MILLRACE_CONCAT_(a, b) MILLRACE_CONCAT_INNER_(a, b)
#define MILLRACE_ASSIGN_OR_RETURN_(result, declaration, expression) \
  auto result = (expression);                                       \
  if (!result.ok()) return std::move(result).status();              \
  declaration = *std::move(result)
