#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/errors.h"
#include "engine/runtime/catalog_storage.h"
#include "engine/tasks/function_host.h"

namespace millrace {

// The error of a call to a function that does not exist.
inline constexpr absl::string_view kFunctionNotFoundError = "Lambda.ResourceNotFoundException";

// Functions that Tasks and callers invoke. Thread-safe; Create to Delete block on the database.
class Functions {
 public:
  Functions(CatalogStorage* storage, FunctionHost* host);
  ~Functions();

  // `function.version_key` and `created_at` are set here, and limits that are zero. INVALID_FIELD
  // for code that cannot be one, with fields as in "function.handler".
  // FindViolations says the same beforehand, of a function whose defaults are set.
  static void SetDefaults(FunctionRow* function);
  static std::vector<errors::FieldViolation> FindViolations(const FunctionRow& function);
  absl::StatusOr<FunctionRow> Create(FunctionRow function, const std::string& request_id);
  absl::StatusOr<FunctionRow> Get(const FunctionId& id);
  absl::StatusOr<std::vector<FunctionRow>> List(const std::string& project,
                                                const std::string& after_name, int limit);
  absl::StatusOr<FunctionRow> Delete(const FunctionId& id, const std::string& request_id);

  // Calls a function; never blocks. Code that is not cached is read by a thread of this class,
  // which tries again as long as the database cannot be reached. A function that does not exist
  // answers with the error Lambda.ResourceNotFoundException. `done` must not block. What another
  // node changed is seen within 15 seconds, what this one changed at once.
  void Invoke(const FunctionId& id, Json event, InvocationContext context, InvocationDone done);
  // As FunctionHost::Cancel().
  void Cancel(const std::string& call_id);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace millrace
