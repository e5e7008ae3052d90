#pragma once

#include "engine/runtime/state_test.h"
#include "millrace/v1/workflow.pb.h"
#include "service/checks.h"

namespace millrace::service {

// Adds a violation for every field that is too long or out of its enum; what the fields say of the
// state is the engine's to check.
StateTestRequest FromProto(const v1::TestStateRequest& request, FieldChecks* checks);

v1::TestStateResponse ToProto(const StateTest& test, const SingleStateRun& run,
                              v1::TestStateRequest::InspectionLevel level);

}  // namespace millrace::service
