#pragma once

#include <optional>
#include <string>
#include <vector>

#include "db/transaction.h"
#include "engine/runtime/catalog_storage.h"

// The table functions.
namespace millrace::db {

// False if the name is taken.
bool InsertFunction(Session& session, const FunctionRow& function);
std::optional<FunctionRow> FindFunction(Session& session, const FunctionId& id);
// By name, from just after `after_name`; without code.
std::vector<FunctionRow> ListFunctions(Session& session, const std::string& project,
                                       const std::string& after_name, int limit);
// The function that was, without code.
std::optional<FunctionRow> RemoveFunction(Session& session, const FunctionId& id);

}  // namespace millrace::db
