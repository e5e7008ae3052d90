// A line with a path, and the document that it is evaluated on. What a path selects, definite or
// not, is the same however it is asked for.
#include <cstdint>

#include "engine/base/check.h"
#include "engine/expr/expression.h"
#include "engine/expr/jsonpath.h"
#include "engine/json/json.h"

namespace millrace {
namespace {

void Try(absl::string_view path_text, const Json& document) {
  const Scope scope{.data = &document, .context = &document};
  const absl::StatusOr<JsonPath> path = JsonPath::Parse(path_text);
  if (path.ok()) {
    const std::vector<Json> selected = path->Select(scope);
    const std::optional<Json> value = path->Evaluate(scope);
    if (path->is_definite() && !path->text().empty() && value.has_value()) {
      MILLRACE_CHECK(selected.size() == 1 && selected[0] == *value);
    }
    if (path->is_reference()) path->Insert(document, Json(1));
  }
  const absl::StatusOr<JsonPath> strict = JsonPath::Parse(path_text, PathDialect::kRfc9535);
  if (strict.ok()) strict->Select(scope);
  uint64_t random = 1;
  const Scope random_scope{.data = &document, .random_state = &random};
  const absl::StatusOr<Expression> expression = Expression::Parse(path_text);
  if (expression.ok()) (void)expression->Evaluate(random_scope, "field");
}

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = text.find('\n');
  const absl::StatusOr<millrace::Json> document = millrace::ParseJson(
      line == absl::string_view::npos ? R"({"a":[1,{"b":"c"}],"d":null})" : text.substr(line + 1));
  if (document.ok()) millrace::Try(text.substr(0, line), *document);
  return 0;
}
