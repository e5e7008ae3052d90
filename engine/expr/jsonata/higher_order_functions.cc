#include "engine/expr/jsonata/builtins.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"

// The functions that call a function for each element of an array. It is given as many of element,
// index and array as it takes.

namespace millrace::jsonata_internal {
namespace {

Value CallFor(const Call& call, size_t index) {
  return call.evaluation.Call(call[1].function(),
                              {call[0][index], Value::Of(static_cast<double>(index)), call[0]},
                              call.frame);
}

Value Map(const Call& call) {
  if (call[0].is_undefined() || !call[1].is_function()) return Value();
  Array* results = call.evaluation.NewSequence(call[0].size());
  for (size_t i = 0; i < call[0].size(); ++i) {
    const Value result = CallFor(call, i);
    if (!result.is_undefined()) call.evaluation.Push(results, result);
  }
  return Value::Of(results);
}

Value Filter(const Call& call) {
  if (call[0].is_undefined() || !call[1].is_function()) return Value();
  Array* results = call.evaluation.NewSequence();
  for (size_t i = 0; i < call[0].size(); ++i) {
    if (!call.evaluation.AsBoolean(CallFor(call, i))) continue;
    call.evaluation.Push(results, call[0][i]);
  }
  return Value::Of(results);
}

Value Single(const Call& call) {
  if (call[0].is_undefined()) return Value();
  Value single;
  bool is_found = false;
  for (size_t i = 0; i < call[0].size(); ++i) {
    if (call[1].is_function() && !call.evaluation.AsBoolean(CallFor(call, i))) continue;
    if (is_found) Fail({.code = "D3138", .index = i});
    single = call[0][i];
    is_found = true;
  }
  if (!is_found) Fail("D3139");
  return single;
}

Value Reduce(const Call& call) {
  if (call[0].is_undefined() || !call[1].is_function()) return Value();
  const Function& function = call[1].function();
  if (ArityOf(function) < 2) Fail({.code = "D3050", .index = 1});
  Value result = call[2];
  size_t index = 0;
  if (result.is_undefined() && call[0].size() > 0) result = call[0][index++];
  for (; index < call[0].size(); ++index) {
    result = call.evaluation.Call(
        function, {result, call[0][index], Value::Of(static_cast<double>(index)), call[0]},
        call.frame);
  }
  return result;
}

constexpr BuiltinEntry kFunctions[] = {
    {"map", Map, "<af>", 2},
    {"filter", Filter, "<af>", 2},
    {"single", Single, "<af?>", 2},
    {"reduce", Reduce, "<afj?:j>", 3},
};

}  // namespace

absl::Span<const BuiltinEntry> HigherOrderFunctions() { return kFunctions; }

}  // namespace millrace::jsonata_internal
