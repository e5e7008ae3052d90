#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/expr/choice_rule.h"
#include "engine/expr/expression.h"
#include "engine/expr/jsonata_template.h"
#include "engine/expr/jsonpath.h"
#include "engine/expr/payload_template.h"
#include "engine/json/json.h"
#include "engine/program/error_names.h"

namespace millrace {

// A state's place in Program::states.
using StateIndex = int32_t;
// A machine's place in Program::machines: the root, a Parallel's branch, a Map's processor.
using MachineIndex = int32_t;

// JSON that is filled in while an execution runs, in the query language of its state.
using Template = std::variant<PayloadTemplate, JsonataTemplate>;

// Where a state goes when it is done: to another state of its machine, or to the machine's end.
struct Transition {
  std::optional<StateIndex> next;  // nullopt: End
};

// A path field. `$` by default; absent when the definition says null, which selects {}.
struct PathField {
  std::optional<JsonPath> path;

  bool is_root() const { return path.has_value() && path->is_root(); }
};

// Where a result goes. `$` by default: it replaces the input. Absent for null: it is dropped.
struct ResultPathField {
  std::optional<JsonPath> path;
};

// An integer or number that is written down, or found by a path or an expression when the state is
// entered.
struct NumberField {
  std::optional<double> value;
  std::optional<JsonPath> path;
  std::optional<JsonataTemplate> jsonata;
  std::string name;  // the definition's field: "TimeoutSeconds" or "TimeoutSecondsPath"
  double max = 99999999;
};

// A text that is written down, found by a path, or computed by an intrinsic function.
struct TextField {
  std::optional<std::string> value;
  std::optional<Expression> expression;
  std::optional<JsonataTemplate> jsonata;
  std::string name;  // the expression's field: "CausePath", or, in JSONata, "Cause"
};

struct Retrier {
  Dialect dialect = Dialect::kStates;  // of the names
  std::vector<std::string> error_equals;
  // Attempts are counted in a state's counters: a retrier has one, from here on, or, in ASW, one
  // for each name. The delay grows with the sum of them.
  int64_t first_counter = 0;
  int64_t counters = 1;
  double interval_seconds = 1;
  int64_t attempts_max = 3;
  double backoff_rate = 2;
  std::optional<double> delay_seconds_max;
  bool full_jitter = false;
};

struct Catcher {
  Dialect dialect = Dialect::kStates;  // of the names
  std::vector<std::string> error_equals;
  StateIndex next = 0;
  ResultPathField result_path;
  std::optional<JsonataTemplate> output;
  std::optional<Template> assign;
};

enum class QueryLanguage { kJsonPath, kJsonata };

// The data flow. Which fields a state type has is the language's business: those that it has not
// are left at their defaults, which change nothing. JSONata mode has arguments, output and assign.
struct DataFlow {
  QueryLanguage language = QueryLanguage::kJsonPath;
  std::optional<JsonataTemplate> arguments;
  std::optional<JsonataTemplate> output;
  PathField input_path;
  std::optional<PayloadTemplate> parameters;
  std::optional<PayloadTemplate> result_selector;
  ResultPathField result_path;
  PathField output_path;
  std::optional<Template> assign;
};

struct PassState {
  std::optional<Json> result;
};

// What a Task calls.
struct FunctionTarget {
  std::string function;  // Millrace's name
  std::string version;   // a version or alias that the Resource names; "" is the newest
  // The name is a path in Parameters ("FunctionName.$"), known when the state is entered:
  // ParseFunctionName() reads it then. `function` is empty.
  bool name_from_parameters = false;
};
// What a Task that starts a child workflow becomes.
enum class ChildAnswer {
  kStarted,            // the child's name, at once
  kDescription,        // what the child was and became, with its output as JSON text
  kParsedDescription,  // with its output as JSON
  kOutput,             // its output
};
struct ChildTarget {
  std::string workflow;  // its name; "": Parameters have it, with the input
  ChildAnswer answer = ChildAnswer::kStarted;
};
// A queue whose items other services take, over WorkerService.
struct QueueTarget {
  std::string queue;  // its name in the project
};
// A Resource that is right, while nothing here serves it: each call of it fails.
struct UnservedTarget {
  std::string reason;  // for people
};
struct TaskState {
  std::string resource;  // as written
  // What it calls. Other kinds of targets join this variant.
  std::variant<FunctionTarget, ChildTarget, QueueTarget, UnservedTarget> target;
  // "arn:...:states:::lambda:invoke": the payload and name come from Parameters, and the result is
  // wrapped in {"Payload": ..., "StatusCode": 200, ...}.
  bool wraps_invocation = false;
  // A mock answers in place of what it calls, with the whole result: in its envelope, if any.
  bool is_mocked = false;
  // What the history's Task events say of it.
  std::string resource_type;  // "function", "lambda"
  std::string action;         // of "arn:...:states:::...": "invoke", "startExecution.sync"
  std::optional<NumberField> timeout_seconds;  // 99999999 s if absent
  std::optional<NumberField> heartbeat_seconds;
};

struct ChoiceState {
  struct Rule {
    std::variant<ChoiceCondition, JsonataTemplate> condition;
    StateIndex next = 0;
    std::optional<JsonataTemplate> output;
    std::optional<Template> assign;
  };
  std::vector<Rule> rules;
  std::optional<StateIndex> default_next;
};

struct WaitState {
  std::optional<NumberField> seconds;
  std::optional<absl::Time> timestamp;
  std::optional<JsonPath> timestamp_path;
  std::optional<JsonataTemplate> timestamp_jsonata;
};

struct SucceedState {};

struct FailState {
  std::optional<TextField> error;
  std::optional<TextField> cause;
};

struct ParallelState {
  std::vector<MachineIndex> branches;
};

// What a distributed Map reads its items from, in place of its input.
struct ItemReader {
  std::string action;  // "getObject" or "listObjectsV2"
  std::optional<Template> arguments;
  Json config = Json::Object();  // ReaderConfig's constant fields, as written
  std::optional<NumberField> items_max;
};

// What makes one item of several.
struct ItemBatcher {
  std::optional<NumberField> items_max;
  std::optional<NumberField> bytes_max;
  std::optional<Template> batch_input;
};

// Where a distributed Map writes its results.
struct ResultWriter {
  std::optional<Template> arguments;  // absent: nowhere; the results are only transformed
  Json config = Json::Object();       // WriterConfig, as written
};

struct MapState {
  MachineIndex processor = 0;
  std::optional<JsonPath> items_path;     // `$` of the effective input if absent
  std::optional<JsonataTemplate> items;   // in JSONata; the input if absent
  std::optional<Template> item_selector;  // or Parameters in its old form
  NumberField max_concurrency;            // 0: no limit

  // Each item has a history of its own, and the Map goes on where some fail.
  bool is_distributed = false;
  std::optional<ItemReader> reader;
  std::optional<ItemBatcher> batcher;
  std::optional<ResultWriter> writer;
  std::optional<NumberField> tolerated_count;
  std::optional<NumberField> tolerated_percentage;
};

struct State {
  std::string name;
  MachineIndex machine = 0;
  DataFlow flow;
  Transition transition;  // unused by Choice, Succeed, Fail
  std::vector<Retrier> retry;
  std::vector<Catcher> catches;
  std::variant<PassState, TaskState, ChoiceState, WaitState, SucceedState, FailState, ParallelState,
               MapState>
      body;
};

// "Pass", "Task" ...: the definition's Type.
absl::string_view StateTypeName(const State& state);

struct Machine {
  StateIndex start = 0;
  std::optional<StateIndex>
      owner;  // the Parallel or Map state that it belongs to; none for the root
};

// What every definition language compiles to: parsed, validated, every path and expression
// compiled. Immutable; shared by all executions of a revision, on all threads.
struct Program {
  std::vector<State> states;              // names are unique in the whole program
  std::vector<Machine> machines;          // [0] is the root
  std::optional<double> timeout_seconds;  // of the whole execution
  bool is_express = false;
  Dialect dialect = Dialect::kStates;
  absl::flat_hash_map<std::string, StateIndex> index;

  // What is wrong with an execution's input, "" if nothing is: ASW takes objects only.
  std::string CheckInput(const Json& input) const;

  const State* FindState(absl::string_view name) const;
  // The functions that Tasks name, each once.
  std::vector<std::string> FunctionNames() const;
};

// One thing that is wrong with a definition. An error refuses it; a warning names what is allowed,
// and will hardly do what its author means.
enum class Severity { kError, kWarning };
struct Problem {
  std::string pointer;  // JSON pointer, as in "/States/Pay/Next"; "" is the whole definition
  std::string code;     // stable, as in "MISSING_FIELD"
  std::string message;
  Severity severity = Severity::kError;
};

struct CompileOptions {
  bool is_express = false;
  size_t definition_bytes_max = 1 << 20;
  // The definition was accepted before, perhaps by a version with fewer rules, and is to stay
  // runnable: what only a rule forbids is listed as an error, but does not refuse it. A number that
  // is out of range counts as the nearest that is not, and a field that is unknown as absent.
  bool is_lenient = false;
};

// A program with the warnings about its text, or everything that is wrong with it.
struct CompileResult {
  std::shared_ptr<const Program> program;  // null if a problem is an error that refuses it
  std::vector<Problem> problems;           // errors first
};

}  // namespace millrace
