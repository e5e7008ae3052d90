#pragma once

#include <string>

#include "absl/status/status.h"

namespace millrace::service {

// "" for HOST:PORT with a port from 0 to 65535, as in 127.0.0.1:7070, localhost:7070 or [::1]:0;
// else what is wrong with it.
std::string ListenProblem(const std::string& address);

// Listens for a moment. UNAVAILABLE, with the address and the reason, where that cannot be: what
// follows need not be begun then. Somebody else may still come first.
absl::Status CheckCanListen(const std::string& address);

}  // namespace millrace::service
