#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "engine/expr/intrinsic_functions.h"

namespace millrace::intrinsics_internal {
namespace {

constexpr int64_t kRangeElementsMax = 1000;

// Equal for equal values, and as good as never for others: a few levels alone would leave arrays
// whose elements all look alike that far.
size_t HashOf(const Json& json) {
  if (json.is_number()) {
    const std::optional<int64_t> integer = json.ToInt64();
    return integer.has_value() ? absl::HashOf(*integer) : absl::HashOf(json.AsDouble());
  }
  if (json.is_string()) return absl::HashOf(json.AsString());
  if (json.is_bool()) return absl::HashOf(json.AsBool());
  size_t hash = absl::HashOf(json.kind(), json.size());
  if (json.is_array()) {
    for (const Json& element : json.elements()) hash = absl::HashOf(hash, HashOf(element));
  } else if (json.is_object()) {
    // A sum, because members have no order.
    for (const JsonMember& member : json.members()) {
      hash += absl::HashOf(member.key.AsString(), HashOf(member.value));
    }
  }
  return hash;
}

}  // namespace

AslResult<Json> Array(const Arguments& arguments) { return Json::Array(arguments.values); }

AslResult<Json> ArrayPartition(const Arguments& arguments) {
  const Json& array = arguments.values[0];
  const std::optional<int64_t> size = RoundToInteger(arguments.values[1]);
  if (!array.is_array()) return Failure("the first argument must be an array");
  if (!size.has_value() || *size <= 0) return Failure("the chunk size must be a positive integer");
  std::vector<Json> chunks;
  const auto elements = array.elements();
  for (size_t first = 0; first < elements.size();) {
    const auto chunk = elements.subspan(first, static_cast<size_t>(*size));
    chunks.push_back(Json::Array({chunk.begin(), chunk.end()}));
    first += chunk.size();
  }
  return Json::Array(std::move(chunks));
}

AslResult<Json> ArrayContains(const Arguments& arguments) {
  const Json& array = arguments.values[0];
  if (!array.is_array()) return Failure("the first argument must be an array");
  const auto elements = array.elements();
  return Json(std::find(elements.begin(), elements.end(), arguments.values[1]) != elements.end());
}

AslResult<Json> ArrayRange(const Arguments& arguments) {
  const std::optional<int64_t> first = RoundToInteger(arguments.values[0]);
  const std::optional<int64_t> last = RoundToInteger(arguments.values[1]);
  const std::optional<int64_t> step = RoundToInteger(arguments.values[2]);
  if (!first.has_value() || !last.has_value() || !step.has_value()) {
    return Failure("the arguments must be numbers");
  }
  if (*step == 0) return Failure("the step must not be 0");
  std::vector<Json> elements;
  for (int64_t at = *first; *step > 0 ? at <= *last : at >= *last;) {
    if (elements.size() == kRangeElementsMax) {
      return Failure(absl::StrCat("the range has more than ", kRangeElementsMax, " elements"));
    }
    elements.push_back(Json(at));
    if (__builtin_add_overflow(at, *step, &at)) break;
  }
  return Json::Array(std::move(elements));
}

AslResult<Json> ArrayGetItem(const Arguments& arguments) {
  const Json& array = arguments.values[0];
  const std::optional<int64_t> index = RoundToInteger(arguments.values[1]);
  if (!array.is_array()) return Failure("the first argument must be an array");
  if (!index.has_value()) return Failure("the index must be an integer");
  if (*index < 0 || static_cast<size_t>(*index) >= array.size()) {
    return Failure(absl::StrCat("the index ", *index, " is not in the array, which has ",
                                array.size(), " elements"));
  }
  return array.elements()[static_cast<size_t>(*index)];
}

AslResult<Json> ArrayLength(const Arguments& arguments) {
  const Json& array = arguments.values[0];
  if (!array.is_array()) return Failure("the argument must be an array");
  return Json(static_cast<int64_t>(array.size()));
}

AslResult<Json> ArrayUnique(const Arguments& arguments) {
  const Json& array = arguments.values[0];
  if (!array.is_array()) return Failure("the argument must be an array");
  std::vector<Json> kept;
  absl::flat_hash_map<size_t, absl::InlinedVector<size_t, 1>> positions;
  for (const Json& element : array.elements()) {
    auto& same = positions[HashOf(element)];
    if (std::any_of(same.begin(), same.end(), [&](size_t i) { return kept[i] == element; }))
      continue;
    same.push_back(kept.size());
    kept.push_back(element);
  }
  return Json::Array(std::move(kept));
}

}  // namespace millrace::intrinsics_internal
