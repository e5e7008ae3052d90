#include "service/cli/conformance.h"

#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/tasks/python_host.h"
#include "service/cli/conformance_case.h"
#include "service/cli/files.h"

namespace millrace::cli {
namespace {

struct Arguments {
  std::vector<std::string> files;
  std::string known_failures;
  bool json = false;
};

struct Tally {
  int passed = 0;
  int skipped = 0;
  int failed[5] = {};  // by level, from 1; level 4 does not fail a case

  int failures() const { return failed[1] + failed[2] + failed[3]; }
  void Add(const CaseReport& report) {
    passed += report.outcome == CaseOutcome::kPassed ? 1 : 0;
    skipped += report.outcome == CaseOutcome::kSkipped ? 1 : 0;
    ++failed[report.failed_level];
  }
};

constexpr absl::string_view OutcomeName(CaseOutcome outcome) {
  switch (outcome) {
    case CaseOutcome::kPassed:
      return "passed";
    case CaseOutcome::kFailed:
      return "failed";
    default:
      return "skipped";
  }
}

void PrintCase(const CaseReport& report, bool is_known, bool as_json) {
  if (as_json) {
    const Json level = report.failed_level == 0 ? Json() : Json(report.failed_level);
    std::cout << Json::Object({{"id", Json(report.id)},
                               {"area", Json(report.area)},
                               {"outcome", Json(OutcomeName(report.outcome))},
                               {"failed_level", level},
                               {"difference", Json(report.difference)}})
                     .ToText()
              << "\n";
  } else if (report.outcome == CaseOutcome::kFailed) {
    std::cout << (is_known ? "known: " : "FAILED ") << report.id << " (level "
              << report.failed_level << "): " << report.difference << "\n";
  }
}

void PrintTable(absl::string_view title, const std::map<std::string, Tally>& tallies) {
  std::cout << absl::StreamFormat("\n%-44s %7s %7s %7s %7s %7s %8s\n", title, "passed", "level 1",
                                  "level 2", "level 3", "causes", "skipped");
  for (const auto& [name, tally] : tallies) {
    std::cout << absl::StreamFormat("%-44s %7d %7d %7d %7d %7d %8d\n", name, tally.passed,
                                    tally.failed[1], tally.failed[2], tally.failed[3],
                                    tally.failed[4], tally.skipped);
  }
}

// A broken case does not end the others.
CaseReport RunGuarded(const Json& json, FunctionHost& host) {
  try {
    return RunCase(json, host);
  } catch (const BrokenInvariant& broken) {
    CaseReport report{.id = TextOf(json, "id"), .area = TextOf(json, "area")};
    Fail(1, absl::StrCat("broken invariant: ", broken.what()), &report);
    return report;
  }
}

bool IsSurrogate(absl::string_view escape, absl::string_view third) {
  return escape.size() >= 6 && escape[0] == '\\' && escape[1] == 'u' &&
         absl::ascii_tolower(escape[2]) == 'd' &&
         absl::StrContains(third, absl::ascii_tolower(escape[3]));
}

// Half of a UTF-16 pair has no place in JSON; with one more backslash, an expression can still say
// it.
std::string EscapeHalfPairs(absl::string_view line) {
  std::string escaped;
  for (size_t at = 0; at < line.size();) {
    const absl::string_view rest = line.substr(at);
    const bool is_pair = IsSurrogate(rest, "89ab") && IsSurrogate(rest.substr(6), "cdef");
    if (!is_pair && IsSurrogate(rest, "89abcdef")) escaped.push_back('\\');
    const size_t taken = is_pair ? 12 : rest[0] == '\\' ? 2 : 1;
    absl::StrAppend(&escaped, rest.substr(0, taken));
    at += taken;
  }
  return escaped;
}

absl::StatusOr<std::vector<Json>> ReadCases(const std::vector<std::string>& files) {
  std::vector<Json> cases;
  for (const std::string& file : files) {
    const absl::StatusOr<std::string> text = ReadFile(file);
    if (!text.ok()) return text.status();
    int line_number = 0;
    for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
      ++line_number;
      if (line.empty()) continue;
      absl::StatusOr<Json> json = ParseJson(line, {.depth_max = 1024});
      if (!json.ok()) json = ParseJson(EscapeHalfPairs(line), {.depth_max = 1024});
      if (!json.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat(file, ":", line_number, ": ", json.status().message()));
      }
      cases.push_back(*std::move(json));
    }
  }
  return cases;
}

// The ids of cases that fail for a reason that is known: a line each, its id, a tab, the reason.
absl::StatusOr<std::set<std::string>> ReadKnownFailures(const std::string& file) {
  std::set<std::string> ids;
  if (file.empty()) return ids;
  MILLRACE_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (line.empty() || line[0] == '#') continue;
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits('\t', 1));
    if (parts.second.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ": '", parts.first, "' has no reason: an id, a tab, a reason"));
    }
    ids.emplace(parts.first);
  }
  return ids;
}

// Whether each case fails exactly if it is known to; says which does not.
bool AreAsKnown(const std::vector<CaseReport>& reports, const std::set<std::string>& known) {
  std::map<std::string, bool> failing;  // cases of several kinds may have one id
  for (const CaseReport& report : reports) {
    failing[report.id] |= report.outcome == CaseOutcome::kFailed;
  }
  bool are_as_known = true;
  for (const auto& [id, fails] : failing) {
    if (fails == known.contains(id)) continue;
    are_as_known = false;
    std::cout << (fails ? "NEW FAILURE " : "PASSES, but is listed as a known failure: ") << id
              << "\n";
  }
  return are_as_known;
}

int RunConformance(const Arguments& arguments) {
  const absl::StatusOr<std::vector<Json>> cases = ReadCases(arguments.files);
  if (!cases.ok()) return Complain(cases.status());
  const absl::StatusOr<std::set<std::string>> known = ReadKnownFailures(arguments.known_failures);
  if (!known.ok()) return Complain(known.status());
  PythonHost host;
  std::vector<CaseReport> reports;
  Tally total;
  std::map<std::string, Tally> by_area;
  std::map<std::string, Tally> by_authority;
  for (const Json& json : *cases) {
    const CaseReport report = RunGuarded(json, host);
    PrintCase(report, known->contains(report.id), arguments.json);
    total.Add(report);
    by_area[report.area].Add(report);
    by_authority[report.authority].Add(report);
    reports.push_back(report);
  }
  PrintTable("area", by_area);
  PrintTable("authority", by_authority);
  const bool are_as_known = arguments.known_failures.empty() || AreAsKnown(reports, *known);
  std::cout << absl::StreamFormat("\n%d passed, %d failed, %d skipped\n", total.passed,
                                  total.failures(), total.skipped);
  const bool is_success = arguments.known_failures.empty() ? total.failures() == 0 : are_as_known;
  return is_success ? 0 : 1;
}

}  // namespace

void AddConformanceCommand(CLI::App& app, int* exit_code) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("conformance", "Run conformance cases");
  command->add_option("FILES", arguments->files, "Files of cases, a JSON object per line")
      ->required();
  command->add_option("--known-failures", arguments->known_failures,
                      "A file of cases that are to fail, a line each: id, tab, reason");
  command->add_flag("--json", arguments->json, "Print a JSON line per case");
  command->callback([arguments, exit_code] { *exit_code = RunConformance(*arguments); });
}

}  // namespace millrace::cli
