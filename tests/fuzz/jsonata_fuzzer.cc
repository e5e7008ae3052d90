// A line with an expression, and the document that it is evaluated on. Whatever it is, it ends
// within its limits and gives the same again.
#include <cstdint>
#include <string>

#include "engine/base/check.h"
#include "engine/expr/jsonata/jsonata.h"
#include "engine/json/json.h"

namespace millrace {
namespace {

// As narrow as they can be while most expressions still get to their end, so that each is quick.
constexpr JsonataLimits kLimits{.steps_max = 200'000,
                                .depth_max = 100,
                                .sequence_max = 20'000,
                                .range_max = 20'000,
                                .string_bytes_max = 1u << 20,
                                .memory_bytes_max = 8u << 20};

std::string Describe(const JsonataResult& result) {
  if (result.is_error()) {
    MILLRACE_CHECK(!result.error().code.empty() && !result.error().message.empty());
    return result.error().message;
  }
  return result.is_json() ? result.json().ToText() : "";
}

void Try(absl::string_view text, JsonataDialect dialect, const Json* document) {
  const auto parsed = Jsonata::Parse(text, dialect);
  if (const auto* error = std::get_if<JsonataError>(&parsed)) {
    MILLRACE_CHECK(!error->code.empty() && !error->message.empty());
    return;
  }
  const Jsonata& expression = std::get<Jsonata>(parsed);
  const JsonataBinding bindings[] = {{"states", document == nullptr ? Json() : *document}};
  const JsonataOptions options{.seed = 7, .limits = kLimits};
  const JsonataResult first = expression.Evaluate(document, bindings, options);
  const JsonataResult second = expression.Evaluate(document, bindings, options);
  MILLRACE_CHECK(first.kind() == second.kind() && Describe(first) == Describe(second));
}

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t line = input.find('\n');
  const absl::string_view text = input.substr(0, line);
  const absl::StatusOr<millrace::Json> document = millrace::ParseJson(
      line == absl::string_view::npos ? R"({"a":[1,{"b":"c"}],"d":null})" : input.substr(line + 1));
  const millrace::Json* given = document.ok() ? &*document : nullptr;
  millrace::Try(text, millrace::JsonataDialect::kPlain, given);
  millrace::Try(text, millrace::JsonataDialect::kStatesLanguage, given);
  return 0;
}
