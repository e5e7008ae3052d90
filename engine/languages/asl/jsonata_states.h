#pragma once

#include "engine/languages/asl/compilation.h"

// The states of JSONata mode.
namespace millrace::asl {

void ReadJsonataPass(const StateSource& source, State* state);
void ReadJsonataTask(const StateSource& source, State* state);
void ReadJsonataChoice(const StateSource& source, State* state);
void ReadJsonataWait(const StateSource& source, State* state);
void ReadJsonataSucceed(const StateSource& source, State* state);
void ReadJsonataFail(const StateSource& source, State* state);
void ReadJsonataParallel(const StateSource& source, State* state);
void ReadJsonataMap(const StateSource& source, State* state);

}  // namespace millrace::asl
