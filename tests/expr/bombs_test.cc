#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "engine/expr/choice_rule.h"
#include "engine/expr/jsonata/jsonata.h"
#include "engine/expr/jsonpath.h"
#include "engine/expr/payload_template.h"
#include "engine/json/json.h"

// Expressions that take all the time or memory there is, unless somebody counts. They are in
// bombs.jsonl, an object per line:
//   name        what it does
//   language    "jsonata", "jsonpath", "template" (a payload template) or "choice" (a Choice rule)
//   expression  pieces: a text, or [text, times], or [text, times, "#"], where # counts
//   data        "jsonata": JSON, absent where there is no input; else pieces of JSON text
//   outcome     "result", or the code of the error; but for JSONata "refused" is one, too, and
//               "spent" where all that one step may look at is used up, and "oversized" where
//               intrinsic functions make more than a template may hold
// Each runs in a process of its own, with the limits that are the default. BOMBS_VERBOSE=1 prints
// what each took.

namespace millrace {
namespace {

constexpr double kCpuSecondsMax = 1.2;
constexpr double kGrowthBytesMax = 100 << 20;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsMeasured = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kIsMeasured = false;
#else
constexpr bool kIsMeasured = true;
#endif
#else
constexpr bool kIsMeasured = true;
#endif

struct Blast {
  std::string outcome;
  double cpu_seconds = 0;
  long growth_bytes = 0;
};

std::vector<Json> ReadBombs() {
  const char* source = std::getenv("MILLRACE_SOURCE_DIR");
  std::ifstream file(absl::StrCat(source == nullptr ? "." : source, "/tests/expr/bombs.jsonl"));
  std::vector<Json> bombs;
  for (std::string line; std::getline(file, line);) bombs.push_back(*ParseJson(line));
  return bombs;
}

std::string Assemble(const Json& pieces) {
  std::string text;
  for (const Json& piece : pieces.elements()) {
    const absl::string_view part =
        piece.is_string() ? piece.AsString() : piece.elements()[0].AsString();
    const auto times = piece.is_string() ? 1 : static_cast<size_t>(piece.elements()[1].AsDouble());
    text.reserve(text.size() + times * part.size());
    const bool counts = piece.size() == 3;
    for (size_t i = 0; i < times; ++i) {
      absl::StrAppend(&text, counts ? absl::StrReplaceAll(part, {{"#", absl::StrCat(i)}}) : part);
    }
  }
  return text;
}

std::string EvaluateJsonata(const std::string& expression, const Json* data) {
  const auto parsed = Jsonata::Parse(expression);
  if (const auto* error = std::get_if<JsonataError>(&parsed)) return error->code;
  const JsonataResult result = std::get<Jsonata>(parsed).Evaluate(data, {}, {});
  return result.is_error() ? result.error().code : "result";
}

std::string EvaluateJsonPath(const std::string& expression, const Json& data) {
  const absl::StatusOr<JsonPath> path = JsonPath::Parse(expression);
  if (!path.ok()) return "refused";
  return path->Evaluate({.data = &data}).has_value() ? "result" : "nothing";
}

// About what a step on a spare thread may look at.
constexpr int64_t kVisits = 25'000'000;
constexpr int64_t kMadeBytes = 2 << 20;

template <typename Expression, typename Evaluate>
std::string EvaluateWithin(const std::string& written, const Json& data, Evaluate evaluate) {
  std::vector<TemplateProblem> problems;
  const Expression expression = Expression::Parse(*ParseJson(written), &problems);
  if (!problems.empty()) return "refused";
  int64_t visits_left = kVisits;
  int64_t made_bytes_left = kMadeBytes;
  const auto result = evaluate(
      expression,
      Scope{.data = &data, .visits_left = &visits_left, .made_bytes_left = &made_bytes_left});
  if (visits_left < 0) return "spent";
  if (made_bytes_left < 0) return "oversized";
  return result.ok() ? "result" : result.error().name.value_or("");
}

std::string EvaluateOther(absl::string_view language, const std::string& expression,
                          const Json& data) {
  if (language == "template") {
    return EvaluateWithin<PayloadTemplate>(
        expression, data, [](const auto& it, const Scope& scope) { return it.Evaluate(scope); });
  }
  if (language == "choice") {
    return EvaluateWithin<ChoiceCondition>(
        expression, data, [](const auto& it, const Scope& scope) { return it.Holds(scope); });
  }
  return EvaluateJsonPath(expression, data);
}

long ResidentBytes() {
  long pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

double CpuSeconds() {
  rusage used;
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

long PeakBytes() {
  rusage used;
  getrusage(RUSAGE_SELF, &used);
  return used.ru_maxrss * 1024;
}

// In the process that is to burst, if anything does.
Blast Explode(const Json& bomb) {
  const std::string expression = Assemble(*bomb.Find("expression"));
  const absl::string_view language = bomb.Find("language")->AsString();
  const bool is_jsonata = language == "jsonata";
  const Json* written = bomb.Find("data");
  Json data;
  if (written != nullptr) data = is_jsonata ? *written : *ParseJson(Assemble(*written));
  const long before = ResidentBytes();
  Blast blast;
  const double start = CpuSeconds();
  blast.outcome = is_jsonata ? EvaluateJsonata(expression, written == nullptr ? nullptr : &data)
                             : EvaluateOther(language, expression, data);
  blast.cpu_seconds = CpuSeconds() - start;
  blast.growth_bytes = PeakBytes() - before;
  return blast;
}

Blast ExplodeElsewhere(const Json& bomb) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const Blast blast = Explode(bomb);
    const std::string report =
        absl::StrCat(blast.outcome, " ", blast.cpu_seconds, " ", blast.growth_bytes, "\n");
    const ssize_t written = write(ends[1], report.data(), report.size());
    _exit(written == static_cast<ssize_t>(report.size()) ? 0 : 1);
  }
  close(ends[1]);
  char report[256] = {};
  const ssize_t size = read(ends[0], report, sizeof report - 1);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  const std::vector<std::string> parts = absl::StrSplit(absl::string_view(report), ' ');
  if (status != 0 || size <= 0 || parts.size() != 3) return {.outcome = "a crash"};
  return {.outcome = parts[0],
          .cpu_seconds = std::strtod(parts[1].c_str(), nullptr),
          .growth_bytes = std::strtol(parts[2].c_str(), nullptr, 10)};
}

TEST(Bombs, EndInTimeAndInTheirMemory) {
  const std::vector<Json> bombs = ReadBombs();
  ASSERT_GE(bombs.size(), 100u);
  for (const Json& bomb : bombs) {
    SCOPED_TRACE(bomb.Find("name")->AsString());
    const Blast blast = ExplodeElsewhere(bomb);
    if (std::getenv("BOMBS_VERBOSE") != nullptr) {
      std::printf("%-45s %-8s %6.3f s %6.1f MB\n",
                  std::string(bomb.Find("name")->AsString()).c_str(), blast.outcome.c_str(),
                  blast.cpu_seconds, static_cast<double>(blast.growth_bytes) / (1 << 20));
    }
    EXPECT_EQ(blast.outcome, bomb.Find("outcome")->AsString());
    if (!kIsMeasured) continue;
    EXPECT_LT(blast.cpu_seconds, kCpuSecondsMax);
    EXPECT_LT(static_cast<double>(blast.growth_bytes), kGrowthBytesMax);
  }
}

}  // namespace
}  // namespace millrace
