#include "engine/languages/definition_text.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/languages/duplicate_keys.h"

namespace millrace {
namespace {

// How deep the text nests, which need not be JSON.
int NestingDepth(absl::string_view text) {
  int depth = 0;
  int deepest = 0;
  bool is_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_string) {
      if (c == '\\') ++i;
      is_string = c != '"';
    } else if (c == '"') {
      is_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return deepest;
}

}  // namespace

std::optional<Json> ParseDefinition(absl::string_view text, size_t bytes_max,
                                    ProblemList* problems) {
  if (text.size() > bytes_max) {
    problems->Add(Place(), problem_code::kTooLarge,
                  absl::StrCat("The definition has ", text.size(), " bytes; at most ", bytes_max,
                               " are allowed."));
    return std::nullopt;
  }
  const JsonLimits limits{.text_bytes_max = bytes_max};
  absl::StatusOr<Json> json = ParseJson(text, limits);
  if (!json.ok()) {
    const bool is_deep = NestingDepth(text) > limits.depth_max;
    problems->Add(Place(), is_deep ? problem_code::kTooDeep : problem_code::kNotJson,
                  std::string(json.status().message()));
    return std::nullopt;
  }
  ReportDuplicateKeys(text, problems);
  return *std::move(json);
}

}  // namespace millrace
