#include "engine/languages/asl/express_rules.h"

namespace millrace::asl {

void CheckExpressResource(const Resource& resource, ObjectReader& fields) {
  if (resource.is_activity) {
    fields.Forbid("Resource", problem_code::kNotInExpress,
                  "An EXPRESS workflow has no activities.");
  } else if (resource.pattern == CallPattern::kRunJob) {
    fields.Forbid("Resource", problem_code::kNotInExpress,
                  "An EXPRESS workflow does not wait for a job, with '.sync'.");
  } else if (resource.pattern == CallPattern::kWaitForTaskToken) {
    fields.Forbid("Resource", problem_code::kNotInExpress,
                  "An EXPRESS workflow does not wait for a task token, with '.waitForTaskToken'.");
  }
}

void CheckExpressMode(absl::string_view mode, ObjectReader& config) {
  if (mode != "DISTRIBUTED") return;
  config.Forbid("Mode", problem_code::kNotInExpress,
                "An EXPRESS workflow has no distributed Map; its own Map is 'INLINE'.");
}

}  // namespace millrace::asl
