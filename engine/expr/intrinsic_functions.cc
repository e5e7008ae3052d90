#include "engine/expr/intrinsic_functions.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/suggest.h"
#include "engine/base/uuid.h"

namespace millrace::intrinsics_internal {
namespace {

AslResult<Json> JsonMerge(const Arguments& arguments) {
  const auto& [first, second, deep] =
      std::tie(arguments.values[0], arguments.values[1], arguments.values[2]);
  if (!first.is_object() || !second.is_object()) {
    return Failure("the first two arguments must be objects");
  }
  if (!deep.is_bool()) return Failure("the third argument must be true or false");
  if (deep.AsBool()) return Failure("deep merges are not supported, so the third must be false");
  std::vector<JsonMember> members(first.members().begin(), first.members().end());
  members.insert(members.end(), second.members().begin(), second.members().end());
  return Json::Object(std::move(members));
}

// From the start, which is included, to the end, which is not.
AslResult<Json> MathRandom(const Arguments& arguments) {
  const std::optional<int64_t> start = RoundToInteger(arguments.values[0]);
  const std::optional<int64_t> end = RoundToInteger(arguments.values[1]);
  if (!start.has_value() || !end.has_value()) return Failure("the arguments must be numbers");
  if (*start >= *end) return Failure("the start must be less than the end");
  uint64_t* state = arguments.random_state;
  uint64_t seeded = 0;
  if (arguments.values.size() == 3) {
    const std::optional<int64_t> seed = RoundToInteger(arguments.values[2]);
    if (!seed.has_value()) return Failure("the seed must be a number");
    seeded = static_cast<uint64_t>(*seed);
    state = &seeded;
  }
  MILLRACE_CHECK(state != nullptr);
  const uint64_t range = static_cast<uint64_t>(*end) - static_cast<uint64_t>(*start);
  const auto scaled =
      static_cast<uint64_t>((static_cast<unsigned __int128>(DrawRandom(state)) * range) >> 64);
  return Json(static_cast<int64_t>(static_cast<uint64_t>(*start) + scaled));
}

AslResult<Json> MathAdd(const Arguments& arguments) {
  const std::optional<int64_t> a = RoundToInteger(arguments.values[0]);
  const std::optional<int64_t> b = RoundToInteger(arguments.values[1]);
  if (!a.has_value() || !b.has_value()) return Failure("the arguments must be numbers");
  int64_t sum = 0;
  if (__builtin_add_overflow(*a, *b, &sum)) return Failure("the sum has more than 64 bits");
  return Json(sum);
}

AslResult<Json> MakeUuid(const Arguments& arguments) {
  MILLRACE_CHECK(arguments.random_state != nullptr);
  Uuid uuid;
  for (size_t half = 0; half < 2; ++half) {
    const uint64_t bits = DrawRandom(arguments.random_state);
    for (size_t i = 0; i < 8; ++i) uuid.bytes[8 * half + i] = static_cast<uint8_t>(bits >> (8 * i));
  }
  uuid.bytes[6] = static_cast<uint8_t>((uuid.bytes[6] & 0x0f) | 0x40);  // version 4
  uuid.bytes[8] = static_cast<uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);  // RFC 9562's variant
  return Json(uuid.ToString());
}

constexpr size_t kAnyNumber = 1'000;

constexpr Function kFunctions[] = {
    {"Format", 1, kAnyNumber, Format, Reads::kSyntax},
    {"StringToJson", 1, 1, StringToJson, Reads::kSyntax},
    {"JsonToString", 1, 1, JsonToString, Reads::kSyntax},
    {"Array", 0, kAnyNumber, Array},
    {"ArrayPartition", 2, 2, ArrayPartition, Reads::kElements},
    {"ArrayContains", 2, 2, ArrayContains, Reads::kText},
    {"ArrayRange", 3, 3, ArrayRange},
    {"ArrayGetItem", 2, 2, ArrayGetItem},
    {"ArrayLength", 1, 1, ArrayLength},
    {"ArrayUnique", 1, 1, ArrayUnique, Reads::kText},
    {"Base64Encode", 1, 1, Base64Encode, Reads::kText},
    {"Base64Decode", 1, 1, Base64Decode, Reads::kText},
    {"Hash", 2, 2, Hash, Reads::kSyntax},
    {"JsonMerge", 3, 3, JsonMerge, Reads::kElements},
    {"MathRandom", 2, 3, MathRandom},
    {"MathAdd", 2, 2, MathAdd},
    {"StringSplit", 2, 2, StringSplit, Reads::kText},
    {"UUID", 0, 0, MakeUuid},
};

}  // namespace

const Function* FunctionNamed(absl::string_view name) {
  for (const Function& function : kFunctions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

absl::string_view NearestFunction(absl::string_view name) {
  std::vector<absl::string_view> names;
  for (const Function& function : kFunctions) names.push_back(function.name);
  return Nearest(name, names);
}

AslError Failure(absl::string_view cause) {
  return {.name = "States.IntrinsicFailure", .cause = std::string(cause)};
}

std::optional<int64_t> RoundToInteger(const Json& json) {
  if (json.kind() != Json::Kind::kDouble) return json.ToInt64();
  return Json(std::floor(json.AsDouble() + 0.5)).ToInt64();
}

// SplitMix64: any state is a good one, and the next is known from it.
uint64_t DrawRandom(uint64_t* state) {
  uint64_t bits = (*state += 0x9e3779b97f4a7c15);
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
  return bits ^ (bits >> 31);
}

}  // namespace millrace::intrinsics_internal
