#include "engine/languages/asl/fail_state.h"

#include "engine/languages/asl/expressions.h"

namespace millrace::asl {

void ReadFailState(const StateSource& source, State* state) {
  state->body = FailState{.error = ReadText(source.fields, "Error"),
                          .cause = ReadText(source.fields, "Cause")};
}

}  // namespace millrace::asl
