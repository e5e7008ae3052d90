#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/base/asl_error.h"
#include "engine/expr/scope.h"
#include "engine/json/json.h"

namespace millrace {

namespace intrinsics_internal {
struct Call;
}

// A parsed call of an intrinsic function, "States.Format('Hello {}', $.name)". Arguments are
// strings in single quotes, numbers, true, false, null, JSONPaths and further calls. Immutable,
// cheap to copy, thread-safe.
class IntrinsicCall {
 public:
  // INVALID_ARGUMENT for what is no call, an unknown function, or a wrong number of arguments.
  static absl::StatusOr<IntrinsicCall> Parse(absl::string_view text);

  // Fails with States.IntrinsicFailure for arguments that the function does not take; with
  // States.Runtime for a path that selects nothing, which names `field`. MathRandom without a seed
  // and UUID need `scope.random_state`.
  AslResult<Json> Evaluate(const Scope& scope, absl::string_view field) const;

 private:
  explicit IntrinsicCall(std::shared_ptr<const intrinsics_internal::Call> call)
      : call_(std::move(call)) {}
  std::shared_ptr<const intrinsics_internal::Call> call_;
};

}  // namespace millrace
