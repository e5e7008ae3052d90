#pragma once

#include "engine/runtime/catalog_storage.h"
#include "millrace/v1/function.pb.h"
#include "service/checks.h"

namespace millrace::service {

v1::Function ToProto(const FunctionRow& row);

// Adds a violation for every field that is wrong, but for the code, which is the engine's to check.
FunctionRow FromProto(const v1::CreateFunctionRequest& request, FieldChecks* checks);

}  // namespace millrace::service
