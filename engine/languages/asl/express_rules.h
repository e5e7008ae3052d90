#pragma once

#include "engine/languages/object_reader.h"
#include "engine/program/resource.h"

namespace millrace::asl {

// Reports what a Task of an EXPRESS workflow cannot do: nothing may outlive the call that started
// it, so that no job, task token or activity is waited for.
void CheckExpressResource(const Resource& resource, ObjectReader& fields);

// Likewise a Map that starts an execution for each batch of items.
void CheckExpressMode(absl::string_view mode, ObjectReader& config);

}  // namespace millrace::asl
