#pragma once

#include <memory>

#include "engine/runtime/functions.h"
#include "engine/runtime/state_test.h"
#include "millrace/v1/workflow.pb.h"
#include "service/calls.h"

namespace millrace::service {

// Answers TestState. Expressions are a caller's and may take a while, so they are evaluated in the
// pool; while a function is under way, no thread waits for it. Thread-safe.
class StateTester {
 public:
  StateTester(Calls* calls, Functions* functions) : calls_(calls), functions_(functions) {}

  void Test(const v1::TestStateRequest& request, const std::shared_ptr<PendingCall>& call);

 private:
  struct Tested;

  void Run(const std::shared_ptr<Tested>& tested, const std::shared_ptr<PendingCall>& call);
  void Invoke(const std::shared_ptr<Tested>& tested, const InvokeFunction& invoke,
              const std::shared_ptr<PendingCall>& call);

  Calls* const calls_;
  Functions* const functions_;
};

}  // namespace millrace::service
