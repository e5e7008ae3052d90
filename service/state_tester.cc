#include "service/state_tester.h"

#include <string>
#include <utility>
#include <variant>

#include "service/convert/state_test.h"
#include "service/names.h"

namespace millrace::service {

struct StateTester::Tested {
  std::string project;
  v1::TestStateRequest::InspectionLevel level;
  StateTest test;
};

void StateTester::Test(const v1::TestStateRequest& request,
                       const std::shared_ptr<PendingCall>& call) {
  FieldChecks checks;
  std::string project = ParseProjectName("parent", request.parent(), &checks);
  const StateTestRequest wanted = FromProto(request, &checks);
  if (!checks.ok()) return call->End(checks.status());
  absl::StatusOr<StateTest> test = PrepareStateTest(wanted);
  if (!test.ok()) return call->End(test.status());
  Run(std::make_shared<Tested>(Tested{.project = std::move(project),
                                      .level = request.inspection_level(),
                                      .test = *std::move(test)}),
      call);
}

void StateTester::Run(const std::shared_ptr<Tested>& tested,
                      const std::shared_ptr<PendingCall>& call) {
  const auto run = AdvanceStateTest(&tested->test);
  if (const auto* invoke = std::get_if<InvokeFunction>(&run)) return Invoke(tested, *invoke, call);
  call->Answer(ToProto(tested->test, std::get<SingleStateRun>(run), tested->level));
}

void StateTester::Invoke(const std::shared_ptr<Tested>& tested, const InvokeFunction& invoke,
                         const std::shared_ptr<PendingCall>& call) {
  functions_->Invoke({.project = tested->project, .function = invoke.function}, invoke.payload,
                     {.function_name = invoke.function},
                     [this, tested, call](InvocationResult result) {
                       calls_->RunBlocking(call, [this, tested, call, result = std::move(result)] {
                         AnswerStateTest(result, &tested->test);
                         Run(tested, call);
                       });
                     });
}

}  // namespace millrace::service
