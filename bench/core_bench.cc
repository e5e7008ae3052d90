// What the engine costs without a database: transitions of the pure core, and evaluations of
// JSONPath. One thread; items per second are transitions (entering and leaving a state is one) or
// evaluations.
#include <benchmark/benchmark.h>

#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/core/step.h"
#include "engine/expr/jsonpath.h"
#include "engine/languages/compile.h"

namespace millrace {
namespace {

constexpr int kStates = 10;
constexpr int kItems = 1000;
constexpr int64_t kFuel = 1'000'000;

std::shared_ptr<const Program> ProgramOf(const std::string& definition) {
  CompileResult compiled = Compile("ASL", definition, {});
  for (const Problem& problem : compiled.problems) std::fputs(problem.message.c_str(), stderr);
  MILLRACE_CHECK(compiled.program != nullptr);
  return std::move(compiled.program);
}

std::string Chain(const std::string& body) {
  std::string states;
  for (int i = 0; i < kStates; ++i) {
    const std::string next =
        i + 1 < kStates ? absl::StrCat(R"("Next": "S)", i + 1, R"(")") : R"("End": true)";
    absl::StrAppend(&states, i == 0 ? "" : ",", R"("S)", i, R"(": {)", body, ", ", next, "}");
  }
  return absl::StrCat(R"({"StartAt": "S0", "States": {)", states, "}}");
}

// From the start to the end; every call is answered at once with what it was given.
void RunToEnd(const Program& program, const ExecutionInfo& info, const Json& input) {
  Snapshot snapshot;
  StepResult result;
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  MILLRACE_CHECK(Step(program, info, {.at = now, .what = Started{.input = input, .seed = 1}}, kFuel,
                      &snapshot, &result) == StepRefusal::kNone);
  while (!snapshot.ended) {
    const std::vector<Command> commands = std::exchange(result.commands, {});
    result.history.clear();
    MILLRACE_CHECK(!commands.empty());
    for (const Command& command : commands) {
      const auto* call = std::get_if<InvokeFunction>(&command);
      if (call == nullptr) continue;
      const Event event{.at = now, .what = TaskSucceeded{call->event_id, call->payload}};
      MILLRACE_CHECK(Step(program, info, event, kFuel, &snapshot, &result) == StepRefusal::kNone);
    }
  }
  benchmark::DoNotOptimize(snapshot);
}

void Measure(benchmark::State& state, const std::string& definition, const std::string& input,
             int transitions) {
  const std::shared_ptr<const Program> program = ProgramOf(definition);
  const ExecutionInfo info{.execution_name = "projects/p/workflows/w/executions/e",
                           .execution_id = "e",
                           .workflow_name = "projects/p/workflows/w",
                           .workflow_id = "w"};
  const Json json = *ParseJson(input);
  for (auto _ : state) RunToEnd(*program, info, json);
  state.SetItemsProcessed(state.iterations() * transitions);
}

void BM_TenPasses(benchmark::State& state) {
  Measure(state, Chain(R"("Type": "Pass")"), R"({"order": 7})", kStates);
}
BENCHMARK(BM_TenPasses);

void BM_TenTasks(benchmark::State& state) {
  Measure(state, Chain(R"("Type": "Task", "Resource": "noop")"), R"({"order": 7})", kStates);
}
BENCHMARK(BM_TenTasks);

// The last of 20 rules holds.
void BM_ChoiceOfTwentyRules(benchmark::State& state) {
  std::string rules;
  for (int i = 1; i <= 20; ++i) {
    absl::StrAppend(&rules, i == 1 ? "" : ",", R"({"Variable": "$.total", "NumericEquals": )", i,
                    R"(, "Next": "End"})");
  }
  Measure(state,
          absl::StrCat(R"({"StartAt": "C", "States": {"C": {"Type": "Choice", "Choices": [)", rules,
                       R"(]}, "End": {"Type": "Succeed"}}})"),
          R"({"total": 20})", 2);
}
BENCHMARK(BM_ChoiceOfTwentyRules);

void BM_MapOverAThousand(benchmark::State& state) {
  std::string items = "[0";
  for (int i = 1; i < kItems; ++i) absl::StrAppend(&items, ",", i);
  Measure(state, R"({"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": {
                     "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}},
                     "End": true}}})",
          items + "]", kItems + 1);
}
BENCHMARK(BM_MapOverAThousand);

constexpr char kOrders[] = R"({"orders": [
    {"id": 1, "total": 25.5, "items": [{"sku": "a", "count": 2}, {"sku": "b", "count": 1}]},
    {"id": 2, "total": 120, "items": [{"sku": "c", "count": 7}]},
    {"id": 3, "total": 8, "items": []}], "customer": {"name": "Ada", "vip": true}})";

void BM_JsonPath(benchmark::State& state, const char* text) {
  const absl::StatusOr<JsonPath> path = JsonPath::Parse(text);
  MILLRACE_CHECK(path.ok());
  const Json data = *ParseJson(kOrders);
  const Scope scope{.data = &data};
  for (auto _ : state) benchmark::DoNotOptimize(path->Evaluate(scope));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(BM_JsonPath, name, "$.customer.name");
BENCHMARK_CAPTURE(BM_JsonPath, index, "$.orders[1].items[0].sku");
BENCHMARK_CAPTURE(BM_JsonPath, wildcard, "$.orders[*].id");
BENCHMARK_CAPTURE(BM_JsonPath, filter, "$.orders[?(@.total > 10)].id");
BENCHMARK_CAPTURE(BM_JsonPath, descendants, "$..sku");

}  // namespace
}  // namespace millrace

BENCHMARK_MAIN();
