#pragma once

#include <stdexcept>
#include <string>

#include "absl/strings/str_cat.h"

namespace millrace {

// Thrown by MILLRACE_CHECK: our own logic is wrong. A lane catches it around the step or fold of
// one execution and quarantines that execution; anywhere else it ends the process, which says
// where.
class BrokenInvariant : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] inline void ThrowBrokenInvariant(const char* file, int line, const char* condition) {
  throw BrokenInvariant(absl::StrCat(file, ":", line, ": ", condition));
}

}  // namespace millrace

#define MILLRACE_CHECK(condition)     \
  ((condition) ? static_cast<void>(0) \
               : ::millrace::ThrowBrokenInvariant(__FILE__, __LINE__, #condition))
