#pragma once

#include <variant>

#include "engine/core/event.h"
#include "engine/tasks/function_host.h"
#include "engine/tasks/object_store.h"

namespace millrace {

// What a distributed Map asks of the object store.
using StoreCall = std::variant<ReadItems, WriteResults>;

// Does it; may block, as the store may. Without a store, nullptr, the call fails.
InvocationResult CallStore(ObjectStore* store, const StoreCall& call);

}  // namespace millrace
