#include "service/cli/run.h"

#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/errors.h"
#include "engine/languages/compile.h"
#include "engine/runtime/local_runner.h"
#include "engine/runtime/mocks.h"
#include "engine/runtime/state_test.h"
#include "engine/tasks/function_code.h"
#include "engine/tasks/python_host.h"
#include "service/cli/event_json.h"
#include "service/cli/files.h"
#include "service/cli/state_test_json.h"

namespace millrace::cli {
namespace {

struct Arguments {
  std::string definition;
  std::string input = "{}";
  std::string functions;
  std::string mock;
  std::string state;
  int64_t attempt = 0;
  bool inspect = false;
  std::string language = "ASL";
  bool virtual_time = false;
  bool history = false;
};

// Tasks have time limits of their own; this one is for functions that hang in tasks without one.
constexpr absl::Duration kFunctionTimeout = absl::Minutes(15);
constexpr char kExecutionName[] = "projects/local/workflows/local/executions/local";

absl::StatusOr<Json> ReadInput(const std::string& argument) {
  absl::StatusOr<std::string> text = argument;
  if (!argument.empty() && argument[0] == '@') text = ReadFile(argument.substr(1));
  if (!text.ok()) return text.status();
  absl::StatusOr<Json> input = ParseJson(*text);
  if (input.ok()) return input;
  return absl::InvalidArgumentError(
      absl::StrCat("the input is not JSON: ", input.status().message()));
}

// Reads DIR/NAME.py when NAME is called first.
FunctionLoader LoaderFrom(const std::string& folder) {
  using Loaded = absl::StatusOr<std::shared_ptr<const FunctionCode>>;
  const auto loaded = std::make_shared<absl::flat_hash_map<std::string, Loaded>>();
  return [folder, loaded](const std::string& function, const std::string&) -> Loaded {
    if (folder.empty()) return absl::NotFoundError("there is no folder of functions");
    const auto found = loaded->find(function);
    if (found != loaded->end()) return found->second;
    auto code = LoadFunctionFile(absl::StrCat(folder, "/", function, ".py"));
    if (!code.ok()) return (*loaded)[function] = code.status();
    (*code)->timeout = kFunctionTimeout;
    return (*loaded)[function] = std::shared_ptr<const FunctionCode>(*std::move(code));
  };
}

std::vector<JsonMember> DescribeEnd(const Snapshot& snapshot) {
  std::vector<JsonMember> members = {{Json("status"), Json(StatusName(snapshot.end))}};
  if (snapshot.output.has_value()) members.push_back({Json("output"), *snapshot.output});
  if (!snapshot.error.has_value()) return members;
  const std::optional<std::string>& name = snapshot.error->name;
  const std::optional<std::string>& cause = snapshot.error->cause;
  if (name.has_value()) members.push_back({Json("error"), Json(*name)});
  if (cause.has_value()) members.push_back({Json("cause"), Json(*cause)});
  return members;
}

Json DescribeEvents(const Program& program, const std::vector<HistoryEvent>& history) {
  std::vector<Json> events;
  for (const HistoryEvent& event : history) {
    if (!IsShown(event)) continue;
    HistoryEventView view = MakeHistoryEventView(program, event);
    if (event.type == EventType::kTaskScheduled) {
      view.idempotency_key = LocalIdempotencyKey(kExecutionName, event.id);
    }
    events.push_back(EventToJson(view));
  }
  return Json::Array(std::move(events));
}

int Execute(const Arguments& arguments, const Mocks& mocks, const Program& program, Json input) {
  LocalRunOptions options;
  options.info = {.execution_name = kExecutionName,
                  .execution_id = "local",
                  .workflow_name = "projects/local/workflows/local",
                  .workflow_id = "local"};
  options.seed = static_cast<uint64_t>(absl::GetCurrentTimeNanos());
  options.virtual_time = arguments.virtual_time;
  PythonHost host;
  options.cancel = CancelThrough(host, kExecutionName);
  std::string missing;
  const absl::StatusOr<LocalRun> run = RunLocally(
      program, std::move(input), options,
      InvokeMocks(program, mocks,
                  InvokeThrough(host, LoaderFrom(arguments.functions), options.info.execution_name),
                  &missing));
  if (!run.ok()) {
    Complain(run.status());
    return 1;
  }
  if (!missing.empty()) return Complain(absl::InvalidArgumentError(missing));
  std::vector<JsonMember> members = DescribeEnd(run->snapshot);
  if (arguments.history) {
    members.push_back({Json("events"), DescribeEvents(program, run->history)});
  }
  std::cout << Json::Object(std::move(members)).ToPrettyText() << "\n";
  return run->snapshot.end == EventType::kExecutionSucceeded ? 0 : 1;
}

absl::StatusOr<Mocks> ReadMocks(const std::string& file) {
  if (file.empty()) return Mocks();
  MILLRACE_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  return Mocks::Parse(text);
}

// What `arguments` and `mocks` ask of one state; INVALID_ARGUMENT if there is no such answer.
absl::StatusOr<StateTestRequest> StateRequest(const Arguments& arguments,
                                              const std::string& definition, const Json& input,
                                              const Mocks& mocks) {
  StateTestRequest request{.definition = definition,
                           .input = input.ToText(),
                           .calls_functions = !arguments.functions.empty(),
                           .retry_count = arguments.attempt};
  const absl::StatusOr<Json> json = ParseJson(definition);
  if (json.ok() && json->Find("States") != nullptr) request.state = arguments.state;
  if (mocks.variables().has_value()) request.variables = mocks.variables()->ToText();
  if (mocks.context().has_value()) request.context = mocks.context()->ToText();
  if (!mocks.Has(arguments.state)) return request;
  const MockAnswer* mock = mocks.Find(arguments.state, arguments.attempt);
  if (mock == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        "/States/", arguments.state, ": has no answer for attempt ", arguments.attempt));
  }
  const auto* result = std::get_if<Json>(&mock->answer);
  if (result != nullptr) request.mock_result = result->ToText();
  if (result == nullptr) request.mock_error = std::get<AslError>(mock->answer);
  request.failed_iterations = mock->failed_iterations;
  if (const std::optional<Json>& data = mock->reader_data) {
    request.reader_data = data->is_string() ? std::string(data->AsString()) : data->ToText();
  }
  return request;
}

int RunState(const Arguments& arguments, const std::string& definition, const Json& input,
             const Mocks& mocks) {
  const absl::StatusOr<StateTestRequest> request =
      StateRequest(arguments, definition, input, mocks);
  if (!request.ok()) return Complain(request.status());
  const absl::StatusOr<StateTest> test = PrepareStateTest(*request);
  if (!test.ok()) {
    Complain(test.status());
    return errors::ReasonOf(test.status()) == "INVALID_DEFINITION" ? 1 : 2;
  }
  PythonHost host;
  const SingleStateRun run =
      RunStateTest(*test, InvokeThrough(host, LoaderFrom(arguments.functions), kExecutionName));
  std::cout
      << DescribeStateTest(*test->program, test->single, run, arguments.inspect).ToPrettyText()
      << "\n";
  return run.status == SingleStateStatus::kSucceeded ? 0 : 1;
}

int Run(const Arguments& arguments) {
  const absl::StatusOr<std::string> text = ReadFile(arguments.definition);
  if (!text.ok()) return Complain(text.status());
  absl::StatusOr<Json> input = ReadInput(arguments.input);
  if (!input.ok()) return Complain(input.status());
  const absl::StatusOr<Mocks> mocks = ReadMocks(arguments.mock);
  if (!mocks.ok()) return Complain(mocks.status());
  if (!arguments.state.empty()) return RunState(arguments, *text, *input, *mocks);
  const CompileResult compiled = Compile(arguments.language, *text, {});
  if (compiled.program == nullptr) {
    std::cerr << DescribeProblems(compiled.problems);
    return 1;
  }
  if (const std::string problem = compiled.program->CheckInput(*input); !problem.empty()) {
    return Complain(absl::InvalidArgumentError(absl::StrCat("the input ", problem)));
  }
  const absl::StatusOr<Program> mocked = MockTasks(*compiled.program, *mocks);
  if (!mocked.ok()) return Complain(mocked.status());
  return Execute(arguments, *mocks, *mocked, *std::move(input));
}

}  // namespace

void AddRunCommand(CLI::App& app, int* exit_code) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("run", "Run a definition here, with no database");
  command->footer(
      "Exit codes: 0 for an execution that SUCCEEDED; 1 for one that did not, and for a definition "
      "with\nproblems; 2 for wrong usage, a file that cannot be read, an input that is not JSON.");
  command->add_option("DEFINITION", arguments->definition, "The definition's file; - is stdin")
      ->required();
  command->add_option("--input", arguments->input, "JSON text, or @FILE; {} if absent");
  AddLanguageOption(command, &arguments->language);
  command->add_option("--functions", arguments->functions,
                      "A folder: DIR/NAME.py is the function NAME, its main_handler or handler");
  command->add_option("--mock", arguments->mock,
                      "A file of answers for Tasks, by state and attempt (docs/testing.md)");
  CLI::Option* state = command->add_option(
      "--state", arguments->state, "Run this state alone; the definition may be that state only");
  command
      ->add_option("--attempt", arguments->attempt,
                   "With --state: which attempt it is; 0, the first, if absent")
      ->needs(state)
      ->check(CLI::NonNegativeNumber);
  command
      ->add_flag("--inspect", arguments->inspect,
                 "With --state: print the data after each step of the data flow")
      ->needs(state);
  command->add_flag("--virtual-time", arguments->virtual_time, "Waits take no time");
  command->add_flag("--history", arguments->history, "Print the events too");
  command->callback([arguments, exit_code] { *exit_code = Run(*arguments); });
}

}  // namespace millrace::cli
