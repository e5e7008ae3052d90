#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "db/transaction.h"

// The table secrets: what nodes share and nobody else may know.
namespace millrace::db {

// The 32 bytes of this name; made now if there are none.
std::string EnsureSecret(Session& session, absl::string_view name);

}  // namespace millrace::db
