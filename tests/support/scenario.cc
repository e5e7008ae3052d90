#include "tests/support/scenario.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace millrace {
namespace {

ScenarioLine ParseLine(int number, absl::string_view text) {
  const size_t end = text.find_first_of(" \t");
  ScenarioLine line{.number = number, .verb = std::string(text.substr(0, end)), .rest = ""};
  if (end != absl::string_view::npos) {
    line.rest = std::string(absl::StripAsciiWhitespace(text.substr(end)));
  }
  return line;
}

void ReadFile(const std::filesystem::path& path, std::vector<Scenario>* scenarios) {
  std::ifstream file(path);
  std::string text;
  std::string title;
  bool is_first = true;
  for (int number = 1; std::getline(file, text); ++number) {
    const std::string stripped(absl::StripAsciiWhitespace(text));
    if (stripped.empty()) continue;
    if (text[0] == '#') {
      title = stripped.substr(std::min<size_t>(2, stripped.size()));
      continue;
    }
    if (absl::ascii_isspace(static_cast<unsigned char>(text[0]))) {
      absl::StrAppend(&scenarios->back().lines.back().rest, " ", stripped);
      continue;
    }
    ScenarioLine line = ParseLine(number, text);
    if (line.verb == "workflow") {
      scenarios->push_back({.file = path.stem().string(), .title = title, .lines = {}});
    } else if (is_first) {
      throw std::runtime_error(absl::StrCat(path.string(), " does not begin with a workflow"));
    }
    is_first = false;
    scenarios->back().lines.push_back(std::move(line));
  }
}

}  // namespace

ScenarioWorkflow ParseWorkflow(absl::string_view text) {
  const size_t begin = text.find('{');
  const absl::string_view language = absl::StripAsciiWhitespace(text.substr(0, begin));
  return {.language = language.empty() ? "ASL" : std::string(language),
          .definition = std::string(text.substr(std::min(begin, text.size())))};
}

std::vector<Scenario> ReadScenarios() {
  const char* source = std::getenv("MILLRACE_SOURCE_DIR");
  const std::filesystem::path top(source == nullptr ? "." : source);
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(top / "tests" / "scenarios")) {
    if (entry.path().extension() == ".scenario") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Scenario> scenarios;
  for (const auto& path : paths) ReadFile(path, &scenarios);
  return scenarios;
}

std::string ScenarioTestName(const ::testing::TestParamInfo<Scenario>& info) {
  return absl::StrCat(info.param.file, "_line_", info.param.lines[0].number);
}

void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.title; }

}  // namespace millrace
