#pragma once

#include <string>

#include "engine/json/json.h"
#include "engine/tasks/function_host.h"

namespace millrace::cli {

enum class CaseOutcome { kPassed, kFailed, kSkipped };

// What came of one case. The levels of a scenario: 1 status, output and error name; 2 the sequence
// of events; 3 their details, with ids and previous ids; 4 the texts of causes. A case passes that
// passes levels 1 to 3, whatever its level 4. Cases of other kinds have level 1 only.
struct CaseReport {
  std::string id;
  std::string area;
  std::string authority;  // who says so: "recorded-from-aws", "third-party-tests" ...
  CaseOutcome outcome = CaseOutcome::kPassed;
  int failed_level = 0;    // the first; 0: none
  std::string difference;  // there; or why it is skipped
};

// Runs one case of any kind; functions are run by `host`.
CaseReport RunCase(const Json& json, FunctionHost& host);

// What stands where in a case: its member's text, or "" where there is none.
std::string TextOf(const Json& json, absl::string_view key);

// Fills in `report`, whose id, area and authority are set, for a case that is not skipped.
void RunScenarioCase(const Json& json, FunctionHost& host, CaseReport* report);
void RunStateCase(const Json& json, FunctionHost& host, CaseReport* report);

void Fail(int level, std::string difference, CaseReport* report);

}  // namespace millrace::cli
