#pragma once

#include <string>
#include <vector>

#include "engine/json/json.h"
#include "engine/program/program.h"

namespace millrace {

// Where a definition in the Amazon States Language calls a function.
struct FunctionCall {
  std::string function;
  std::string state;
  std::string pointer;  // of what names the function, as in "/States/Pay/Resource"
};

// All calls that a definition makes, in its order: also where it has problems, as far as its states
// and their Resources can be read.
std::vector<FunctionCall> FindFunctionCalls(const Json& definition);

// The problem that a function does not exist, at the first call of it.
Problem UnknownFunction(const std::vector<FunctionCall>& calls, const std::string& project,
                        const std::string& function);

}  // namespace millrace
