#include "engine/languages/asl/parallel_state.h"

#include <optional>
#include <utility>

#include "engine/languages/asl/error_handling.h"
#include "engine/languages/asl/expressions.h"
#include "engine/languages/asl/machine.h"
#include "engine/languages/asl/transition.h"

namespace millrace::asl {

ParallelState ReadBranches(const StateSource& source) {
  ObjectReader& fields = source.fields;
  ParallelState parallel;
  if (const Json* branches = fields.RequireArray("Branches")) {
    const Place list = fields.place().At("Branches");
    for (size_t i = 0; i < branches->size(); ++i) {
      const std::optional<MachineIndex> branch =
          DefineInnerMachine(branches->elements()[i], list.At(i), "A branch", &source.compilation);
      if (branch) parallel.branches.push_back(*branch);
    }
  }
  return parallel;
}

void ReadParallelState(const StateSource& source, State* state) {
  ObjectReader& fields = source.fields;
  state->body = ReadBranches(source);
  state->flow.input_path = ReadPath(fields, "InputPath");
  state->flow.parameters = ReadTemplate(fields, "Parameters");
  state->flow.result_selector = ReadObjectTemplate(fields, "ResultSelector");
  state->flow.result_path = ReadResultPath(fields);
  state->flow.output_path = ReadPath(fields, "OutputPath");
  state->flow.assign = ReadAssign(fields);
  ReadErrorHandling(source, state);
  state->transition = ReadTransition(source);
}

}  // namespace millrace::asl
