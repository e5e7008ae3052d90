#include <openssl/evp.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "engine/expr/jsonata/builtins.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"

// What the Amazon States Language adds to JSONata.

namespace millrace::jsonata_internal {
namespace {

[[noreturn]] void FailArgument(size_t index) { Fail({.code = "T0410", .index = index}); }

// Pieces of `size` elements; the last one may have fewer.
Value Partition(const Call& call) {
  if (call[0].is_undefined()) return Value();
  const double size = call[1].is_number() ? std::trunc(call[1].number()) : 0;
  if (!(size >= 1)) FailArgument(2);
  Evaluation& evaluation = call.evaluation;
  Array* pieces = evaluation.NewArray();
  Array* piece = nullptr;
  for (size_t i = 0; i < call[0].size(); ++i) {
    evaluation.Step();
    if (piece == nullptr || static_cast<double>(piece->size) >= size) {
      piece = evaluation.NewArray();
      evaluation.Push(pieces, Value::Of(piece));
    }
    evaluation.Push(piece, call[0][i]);
  }
  // The pieces have grown deeper since they were put there.
  Array* checked = evaluation.NewArray(pieces->size);
  evaluation.PushAll(checked, Value::Of(pieces));
  return Value::Of(checked);
}

// From the first number to the last one, both included, by the step.
Value Range(const Call& call) {
  for (size_t i = 0; i < 3; ++i) {
    if (call[i].is_undefined()) return Value();
  }
  const double first = call[0].number();
  const double last = call[1].number();
  const double step = call[2].number();
  if (step == 0) FailArgument(3);
  Array* range = call.evaluation.NewArray();
  const double count = std::floor((last - first) / step) + 1;
  if (count > static_cast<double>(call.evaluation.settings().limits.range_max)) {
    Fail({.code = "D2014", .value = Describe(Value::Of(count))});
  }
  for (double i = 0; i < count; ++i) {
    call.evaluation.Step();
    call.evaluation.Push(range, Value::Of(first + i * step));
  }
  return Value::Of(range);
}

Value Hash(const Call& call) {
  if (call[0].is_undefined() || call[1].is_undefined()) return Value();
  struct Algorithm {
    absl::string_view name;
    const EVP_MD* (*digest)();
  };
  static constexpr Algorithm kAlgorithms[] = {{"MD5", EVP_md5},
                                              {"SHA-1", EVP_sha1},
                                              {"SHA-256", EVP_sha256},
                                              {"SHA-384", EVP_sha384},
                                              {"SHA-512", EVP_sha512}};
  for (const Algorithm& algorithm : kAlgorithms) {
    if (algorithm.name != call[1].text()) continue;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    call.evaluation.Steps(call[0].text().size() / 64);
    EVP_Digest(call[0].text().data(), call[0].text().size(), digest, &size, algorithm.digest(),
               nullptr);
    return call.evaluation.Text(
        absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), size)));
  }
  FailArgument(2);
}

// The same seed gives the same number; without one they go on from call to call.
Value RandomNumber(const Call& call) {
  if (!call[0].is_number()) return Value::Of(call.evaluation.random().NextDouble());
  double seed = call[0].number();
  uint64_t bits;
  static_assert(sizeof bits == sizeof seed);
  std::memcpy(&bits, &seed, sizeof bits);
  return Value::Of(Random(bits).NextDouble());
}

Value Uuid(const Call& call) {
  const uint64_t high = call.evaluation.random().NextBits();
  const uint64_t low = call.evaluation.random().NextBits();
  // Version 4, and the variant of RFC 9562.
  return call.evaluation.Text(
      absl::StrFormat("%08x-%04x-4%03x-%04x-%012x", high >> 32, (high >> 16) & 0xFFFF, high & 0xFFF,
                      0x8000 | ((low >> 48) & 0x3FFF), low & 0xFFFFFFFFFFFF));
}

// Of a value, and of the array or object around it.
constexpr size_t kBytesPerParsed = 64;

Value Parse(const Call& call) {
  if (call[0].is_undefined()) return Value();
  const absl::string_view text = call[0].text();
  call.evaluation.Steps(text.size() / 16);
  // Values take much more than the few bytes of text that they may be.
  const auto values = static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return c == ',' || c == '[' || c == '{'; }));
  call.evaluation.arena().Charge(2 * text.size() + kBytesPerParsed * values);
  absl::StatusOr<Json> json = ParseJson(text);
  if (!json.ok()) {
    Fail({.code = "D3137",
          .text = absl::StrCat("$parse: ", absl::string_view(json.status().message()))});
  }
  return call.evaluation.Keep(*std::move(json));
}

constexpr BuiltinEntry kFunctions[] = {
    {"partition", Partition, "<an:a>", 2, Availability::kStatesLanguageOnly},
    {"range", Range, "<nnn:a>", 3, Availability::kStatesLanguageOnly},
    {"hash", Hash, "<ss:s>", 2, Availability::kStatesLanguageOnly},
    {"random", RandomNumber, "<n?:n>", 1, Availability::kStatesLanguageOnly},
    {"uuid", Uuid, "<:s>", 0, Availability::kStatesLanguageOnly},
    {"parse", Parse, "<s-:x>", 1, Availability::kStatesLanguageOnly},
};

}  // namespace

absl::Span<const BuiltinEntry> StatesFunctions() { return kFunctions; }

}  // namespace millrace::jsonata_internal
