#include "engine/expr/jsonata/builtins.h"

#include <deque>

#include "absl/container/flat_hash_map.h"
#include "engine/expr/jsonata/evaluation.h"

namespace millrace::jsonata_internal {
namespace {

using Functions = absl::flat_hash_map<absl::string_view, const Function*>;

const Functions* MakeFunctions(Availability also) {
  // Never destroyed, because values refer to them until the process ends.
  static auto* const kBuiltins = new std::deque<Builtin>;
  static auto* const kFunctions = new std::deque<Function>;
  auto* functions = new Functions;
  for (const auto& entries : {StringFunctions(), PatternFunctions(), EncodingFunctions(),
                              NumberFunctions(), ArrayFunctions(), ObjectFunctions(),
                              HigherOrderFunctions(), DateFunctions(), StatesFunctions()}) {
    for (const BuiltinEntry& entry : entries) {
      if (entry.availability != Availability::kAlways && entry.availability != also) continue;
      const Builtin& builtin = kBuiltins->emplace_back(Builtin{
          .name = entry.name,
          .code = entry.code,
          .signature = entry.signature.empty() ? nullptr : Signature::Parse(entry.signature, 0),
          .arity = entry.arity});
      const Function& function =
          kFunctions->emplace_back(Function{.kind = Function::Kind::kBuiltin, .builtin = &builtin});
      (*functions)[entry.name] = &function;
    }
  }
  return functions;
}

}  // namespace

const Function* FindBuiltin(absl::string_view name, bool is_states_language) {
  // In turn, not at the same time: both fill the same lists.
  static const Functions* const kPlain = MakeFunctions(Availability::kPlainOnly);
  static const Functions* const kStates = MakeFunctions(Availability::kStatesLanguageOnly);
  const Functions& functions = is_states_language ? *kStates : *kPlain;
  const auto found = functions.find(name);
  return found == functions.end() ? nullptr : found->second;
}

}  // namespace millrace::jsonata_internal
