#include "engine/languages/asl/pass_state.h"

#include "engine/languages/asl/expressions.h"
#include "engine/languages/asl/transition.h"

namespace millrace::asl {

void ReadPassState(const StateSource& source, State* state) {
  ObjectReader& fields = source.fields;
  PassState pass;
  if (const Json* result = fields.Find("Result")) pass.result = *result;
  state->body = std::move(pass);
  state->flow.input_path = ReadPath(fields, "InputPath");
  state->flow.parameters = ReadTemplate(fields, "Parameters");
  state->flow.result_path = ReadResultPath(fields);
  state->flow.output_path = ReadPath(fields, "OutputPath");
  state->flow.assign = ReadAssign(fields);
  state->transition = ReadTransition(source);
}

}  // namespace millrace::asl
