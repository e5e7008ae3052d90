#include "engine/core/single_state.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/core/data_flow.h"
#include "engine/core/error_flow.h"
#include "engine/core/evaluation.h"
#include "engine/core/map_run.h"
#include "engine/core/states/outcome.h"

namespace millrace {
namespace {

// About a second of work, as a fuel takes five microseconds.
constexpr Fuel kFuel = 200'000;
constexpr FrameId kRoot = 1;

// What the States Language's TestState shows of each type of state; the rest is how we work.
void Trim(const State& state, Inspection* inspection) {
  const bool is_task = std::holds_alternative<TaskState>(state.body);
  const auto* pass = std::get_if<PassState>(&state.body);
  const bool has_work = is_task || pass != nullptr ||
                        std::holds_alternative<MapState>(state.body) ||
                        std::holds_alternative<ParallelState>(state.body);
  if (!is_task && pass == nullptr) inspection->after_parameters.reset();
  if (!has_work) {
    inspection->after_result_selector.reset();
    inspection->after_result_path.reset();
  }
  if (pass != nullptr && pass->result.has_value()) {
    inspection->after_input_path.reset();
    inspection->after_parameters.reset();
  } else if (!is_task) {
    inspection->result.reset();
  }
  if (std::holds_alternative<ParallelState>(state.body)) inspection->after_input_path.reset();
}

class SingleStateRunner {
 public:
  SingleStateRunner(const Program& program, const SingleState& single)
      : program_(program), single_(single), fuel_(kFuel) {
    snapshot_.input = single.input;
    snapshot_.started_at = single.at;
    snapshot_.last_at = single.at;
    snapshot_.seed = single.seed;
    Frame& frame = snapshot_.frames[kRoot];
    frame.id = kRoot;
    frame.state = single.state;
    frame.entered_at = single.at;
    frame.data = single.input;
    frame.variables = single.variables;
    frame.retry_count = single.retry_count;
  }

  std::variant<SingleStateRun, InvokeFunction, ReadItems> Run();

 private:
  const Frame& FrameOf() const { return snapshot_.frames.at(kRoot); }
  const State& StateOf() const { return program_.states[static_cast<size_t>(single_.state)]; }
  Evaluation NewEvaluation() {
    return Evaluation({.program = program_,
                       .info = single_.info,
                       .snapshot = snapshot_,
                       .at = single_.at,
                       .context = single_.context.has_value() ? &*single_.context : nullptr,
                       .inspection = &run_.inspection},
                      FrameOf(), &fuel_);
  }
  Outcome Enter(Evaluation& evaluation) const;
  // What the state's work gives takes its way.
  void Finish(Evaluation& evaluation, const Outcome& outcome);
  void FinishMap(Evaluation& evaluation, const RunItems& run);
  void Answer(Evaluation& evaluation, const Json& result);
  void Leave(AslResult<Exit> exit, std::optional<StateIndex> next);
  void Fail(const AslError& error);
  void End(SingleStateStatus status, AslError error);

  const Program& program_;
  const SingleState& single_;
  Fuel fuel_;
  Snapshot snapshot_;
  SingleStateRun run_;
};

std::variant<SingleStateRun, InvokeFunction, ReadItems> SingleStateRunner::Run() {
  try {
    Evaluation evaluation = NewEvaluation();
    const Outcome outcome = Enter(evaluation);
    const auto* call = std::get_if<CallFunction>(&outcome);
    if (call != nullptr && !single_.answer.has_value()) {
      const auto& task = std::get<TaskState>(StateOf().body);
      return InvokeFunction{.event_id = 0,
                            .state = single_.state,
                            .function = call->function,
                            .version = call->version,
                            .payload = InvocationPayload(task, call->parameters)};
    }
    const auto* items = std::get_if<RunItems>(&outcome);
    const Json* read = items != nullptr && items->run.ok() ? items->run->Find("Read") : nullptr;
    if (read != nullptr && single_.reads_items && !single_.read_items.has_value()) {
      return ReadItems{.event_id = 0, .request = *read};
    }
    Finish(evaluation, outcome);
  } catch (const OutOfFuel&) {
    End(SingleStateStatus::kFailed,
        {.name = "States.Runtime", .cause = "The state's expressions take too much work."});
  }
  Trim(StateOf(), &run_.inspection);
  return std::move(run_);
}

Outcome SingleStateRunner::Enter(Evaluation& evaluation) const {
  return std::visit(
      [&](const auto& body) -> Outcome {
        if constexpr (std::is_same_v<std::decay_t<decltype(body)>, WaitState>) {
          return millrace::Enter(body, evaluation, single_.at);
        } else {
          return millrace::Enter(body, evaluation);
        }
      },
      StateOf().body);
}

void SingleStateRunner::Finish(Evaluation& evaluation, const Outcome& outcome) {
  if (const auto* leave = std::get_if<millrace::Leave>(&outcome)) {
    return Leave(leave->exit, leave->next);
  }
  if (const auto* fail = std::get_if<millrace::Fail>(&outcome)) return Fail(fail->error);
  if (std::holds_alternative<SleepUntil>(outcome)) {
    const AslResult<Json> input = EffectiveInput(evaluation);
    if (!input.ok()) return Fail(input.error());
    return Leave(PassOn(evaluation, *input), std::nullopt);
  }
  if (const auto* items = std::get_if<RunItems>(&outcome)) return FinishMap(evaluation, *items);
  if (const auto* error = std::get_if<AslError>(&*single_.answer)) return Fail(*error);
  const Json& answer = std::get<Json>(*single_.answer);
  if (!single_.is_functions_answer) return Answer(evaluation, answer);
  Answer(evaluation, InvocationOutput(std::get<TaskState>(StateOf().body),
                                      std::get<CallFunction>(outcome).parameters, answer));
}

void SingleStateRunner::FinishMap(Evaluation& evaluation, const RunItems& run) {
  if (!run.run.ok()) return Fail(run.run.error());
  const Json& items = single_.read_items.has_value() ? *single_.read_items : run.items;
  const auto& map = std::get<MapState>(StateOf().body);
  if (map.item_selector.has_value()) {
    std::vector<Json> selected;
    for (const Json& item : items.elements()) {
      AslResult<Json> input =
          ItemInput(map, evaluation, static_cast<int64_t>(selected.size()), item);
      if (!input.ok()) return Fail(input.error());
      selected.push_back(*std::move(input));
    }
    evaluation.Inspect(&Inspection::after_item_selector, Json::Array(std::move(selected)));
  }
  run_.inspection.max_concurrency = run.concurrency_max;
  const Json* count = run.run->Find("ToleratedFailureCount");
  const Json* percentage = run.run->Find("ToleratedFailurePercentage");
  if (count != nullptr) run_.inspection.tolerated_failure_count = count->ToInt64();
  if (percentage != nullptr) run_.inspection.tolerated_failure_percentage = percentage->AsDouble();
  if (const auto* error = std::get_if<AslError>(&*single_.answer)) return Fail(*error);
  const Json& answer = std::get<Json>(*single_.answer);
  const auto failed = static_cast<double>(single_.failed_iterations);
  const auto all = static_cast<double>(items.size() == 0 ? answer.size() : items.size());
  const bool is_exceeded = (count != nullptr && failed > count->AsDouble()) ||
                           (percentage != nullptr && failed * 100 > percentage->AsDouble() * all);
  if (is_exceeded) return Fail(ToleranceExceeded());
  Answer(evaluation, answer);
}

void SingleStateRunner::Answer(Evaluation& evaluation, const Json& result) {
  if (std::optional<AslError> error = CheckSize(evaluation, StateOf().name, result)) {
    return Fail(*error);
  }
  Leave(ExitWith(evaluation, result), std::nullopt);
}

void SingleStateRunner::Leave(AslResult<Exit> exit, std::optional<StateIndex> next) {
  if (!exit.ok()) return Fail(exit.error());
  run_.output = exit->output;
  run_.next = next.has_value() ? next : StateOf().transition.next;
  run_.variables = single_.variables;
  for (const auto& [name, value] : exit->assigned) run_.variables[name] = value;
}

void SingleStateRunner::Fail(const AslError& error) {
  const State& state = StateOf();
  if (const std::optional<RetrierMatch> match = FindRetrier(state, error)) {
    run_.retry_index = match->retrier;
    std::vector<int64_t>& attempts = snapshot_.frames.at(kRoot).attempts;
    attempts.assign(static_cast<size_t>(match->counter) + 1, 0);
    attempts.back() = single_.retry_count;
  }
  if (const std::optional<Retry> retry = FindRetry(state, FrameOf(), error, single_.seed)) {
    run_.retry_delay = retry->delay;
    return End(SingleStateStatus::kRetriable, error);
  }
  const Catcher* catcher = FindCatcher(state, error);
  if (catcher == nullptr) return End(SingleStateStatus::kFailed, error);
  run_.catch_index = catcher - state.catches.data();
  Evaluation evaluation = NewEvaluation();
  AslResult<Exit> exit = ExitCaught(evaluation, *catcher, error);
  if (!exit.ok()) return End(SingleStateStatus::kFailed, exit.error());
  Leave(std::move(exit), catcher->next);
  End(SingleStateStatus::kCaughtError, error);
}

void SingleStateRunner::End(SingleStateStatus status, AslError error) {
  run_.status = status;
  run_.error = std::move(error);
  if (status != SingleStateStatus::kCaughtError) run_.variables = single_.variables;
}

}  // namespace

std::variant<SingleStateRun, InvokeFunction, ReadItems> RunSingleState(const Program& program,
                                                                       const SingleState& single) {
  return SingleStateRunner(program, single).Run();
}

}  // namespace millrace
