// A definition compiles or has errors, in either dialect; one that compiles runs to an end, and its
// journal, folded from nothing, gives the snapshot that was live.
#include <algorithm>
#include <cstdint>

#include "engine/base/check.h"
#include "engine/languages/compile.h"
#include "engine/runtime/local_runner.h"

namespace millrace {
namespace {

void Run(const Program& program) {
  LocalRunOptions options{.starts_at = absl::FromUnixSeconds(1'700'000'000), .virtual_time = true};
  options.info.events_max = 300;
  const LocalInvoke echo = [](const InvokeFunction& call, InvocationDone done) {
    done(call.payload);
  };
  const Json input = *ParseJson(R"({"a":[1,2,{"b":"c"}],"n":3,"t":"2024-01-01T00:00:00Z"})");
  const absl::StatusOr<LocalRun> run = RunLocally(program, input, options, echo);
  if (!run.ok()) return;
  Snapshot folded;
  for (const HistoryEvent& event : run->history) Apply(program, event, &folded);
  MILLRACE_CHECK(DebugText(folded) == DebugText(run->snapshot));
}

void Check(absl::string_view language, absl::string_view text) {
  const CompileResult compiled = Compile(language, text, {});
  const bool has_errors =
      std::any_of(compiled.problems.begin(), compiled.problems.end(),
                  [](const Problem& problem) { return problem.severity == Severity::kError; });
  MILLRACE_CHECK((compiled.program == nullptr) == has_errors);
  MILLRACE_CHECK(compiled.problems.size() <= 101);
  if (compiled.program != nullptr) Run(*compiled.program);
}

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  millrace::Check("ASL", text);
  millrace::Check("ASW", text);
  return 0;
}
