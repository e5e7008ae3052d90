#pragma once

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/base/asl_error.h"
#include "engine/json/json.h"

// The intrinsic functions of the States Language, apart from how they are written and called.
namespace millrace::intrinsics_internal {

struct Arguments {
  std::vector<Json> values;
  uint64_t* random_state = nullptr;
};

// What a call reads of its arguments, and so how long it takes.
enum class Reads {
  kNothing,   // or only numbers and short texts
  kElements,  // of arrays and objects
  kText,      // all there is
  kSyntax,    // likewise, to parse or to print it
};

struct Function {
  absl::string_view name;  // without "States."
  size_t arguments_min;
  size_t arguments_max;
  // The error's cause says what is wrong with which argument; the caller adds which call it was.
  AslResult<Json> (*run)(const Arguments& arguments);
  Reads reads = Reads::kNothing;
};

// nullptr for an unknown name.
const Function* FunctionNamed(absl::string_view name);
// The name that an unknown one is most likely a misspelling of; "" if none is near.
absl::string_view NearestFunction(absl::string_view name);

AslError Failure(absl::string_view cause);
// Rounded half up, as all functions that take integers do. nullopt for what is no number, or none
// of 64 bits.
std::optional<int64_t> RoundToInteger(const Json& json);
// The next 64 random bits.
uint64_t DrawRandom(uint64_t* state);

// intrinsic_arrays.cc
AslResult<Json> Array(const Arguments& arguments);
AslResult<Json> ArrayPartition(const Arguments& arguments);
AslResult<Json> ArrayContains(const Arguments& arguments);
AslResult<Json> ArrayRange(const Arguments& arguments);
AslResult<Json> ArrayGetItem(const Arguments& arguments);
AslResult<Json> ArrayLength(const Arguments& arguments);
AslResult<Json> ArrayUnique(const Arguments& arguments);
// intrinsic_texts.cc
AslResult<Json> Format(const Arguments& arguments);
AslResult<Json> StringToJson(const Arguments& arguments);
AslResult<Json> JsonToString(const Arguments& arguments);
AslResult<Json> StringSplit(const Arguments& arguments);
AslResult<Json> Base64Encode(const Arguments& arguments);
AslResult<Json> Base64Decode(const Arguments& arguments);
AslResult<Json> Hash(const Arguments& arguments);

}  // namespace millrace::intrinsics_internal
