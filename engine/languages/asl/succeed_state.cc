#include "engine/languages/asl/succeed_state.h"

#include "engine/languages/asl/expressions.h"

namespace millrace::asl {

void ReadSucceedState(const StateSource& source, State* state) {
  state->body = SucceedState{};
  state->flow.input_path = ReadPath(source.fields, "InputPath");
  state->flow.output_path = ReadPath(source.fields, "OutputPath");
}

}  // namespace millrace::asl
