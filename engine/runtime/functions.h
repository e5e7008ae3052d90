#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/runtime/catalog_storage.h"
#include "engine/tasks/function_host.h"

namespace millrace {

// Functions that Tasks and callers invoke. Thread-safe; Create to Delete block on the database.
class Functions {
 public:
  Functions(CatalogStorage* storage, FunctionHost* host);
  ~Functions();

  // `function.version_key` and `created_at` are set here. INVALID_FIELD for code that cannot be
  // one.
  absl::StatusOr<FunctionRow> Create(FunctionRow function, const std::string& request_id);
  absl::StatusOr<FunctionRow> Get(const FunctionId& id);
  absl::StatusOr<std::vector<FunctionRow>> List(const std::string& project,
                                                const std::string& after_name, int limit);
  absl::StatusOr<FunctionRow> Delete(const FunctionId& id, const std::string& request_id);

  // Calls a function. Returns at once where its code is cached; a function that does not exist
  // answers with the error Lambda.ResourceNotFoundException. `done` must not block.
  void Invoke(const FunctionId& id, Json event, InvocationContext context, InvocationDone done);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace millrace
