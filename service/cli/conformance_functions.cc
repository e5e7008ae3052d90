#include "service/cli/conformance_functions.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "service/cli/conformance_case.h"

namespace millrace::cli {
namespace {

// The corpus' functions are called with their event as an object, under whatever name.
constexpr absl::string_view kEntryPoint =
    "\n\ndef main_handler(event, context):\n    return handler(event, context)\n";

}  // namespace

FunctionLoader LoaderOf(const Json& json) {
  static std::atomic<int64_t> versions{0};
  absl::flat_hash_map<std::string, std::shared_ptr<const FunctionCode>> functions;
  if (const Json* listed = json.Find("functions")) {
    for (const Json& function : listed->elements()) {
      auto code = std::make_shared<FunctionCode>();
      code->version_key = absl::StrCat("conformance:", ++versions);
      code->handler = "index.main_handler";
      code->source = absl::StrCat(TextOf(function, "python"), kEntryPoint);
      code->timeout = absl::Minutes(15);
      functions[TextOf(function, "name")] = std::move(code);
    }
  }
  return [functions = std::move(functions)](
             const std::string& function,
             const std::string&) -> absl::StatusOr<std::shared_ptr<const FunctionCode>> {
    const auto found = functions.find(function);
    if (found == functions.end()) return absl::NotFoundError("no such function");
    return found->second;
  };
}

}  // namespace millrace::cli
