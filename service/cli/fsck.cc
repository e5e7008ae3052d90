#include "service/cli/fsck.h"

#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/json/json.h"
#include "service/cli/files.h"

namespace millrace::cli {
namespace {

constexpr double kLookAgainSecondsMax = 3600;

struct Arguments {
  service::ServeConfig config;
  std::string fold = "sample";
  double look_again_after_seconds = 10;
  bool json = false;
};

FoldScope FoldScopeNamed(absl::string_view name) {
  if (name == "all") return FoldScope::kAll;
  return name == "none" ? FoldScope::kNone : FoldScope::kSample;
}

std::string LineOf(const IntegrityFinding& finding) {
  return absl::StrCat(finding.key.uuid.ToString(), " ", finding.name.empty() ? "-" : finding.name,
                      " ", CodeOf(finding.rule), IsNote(finding.rule) ? " (note): " : ": ",
                      finding.words, "\n");
}

std::string JsonOf(const IntegrityFinding& finding) {
  const Json json = Json::Object({{"executionUid", Json(finding.key.uuid.ToString())},
                                  {"execution", Json(finding.name)},
                                  {"code", Json(CodeOf(finding.rule))},
                                  {"severity", Json(IsNote(finding.rule) ? "NOTE" : "DAMAGE")},
                                  {"message", Json(finding.words)}});
  return json.ToText() + "\n";
}

std::string SummaryOf(const IntegrityReport& report) {
  std::string text = absl::StrCat(report.executions, " executions, ", report.folded,
                                  " journals folded, ", report.live_nodes, " live servers: ");
  absl::StrAppend(&text, report.damage == 0 ? "no damage" : absl::StrCat(report.damage, " damages"),
                  ", ", report.notes, " notes\n");
  if (report.live_nodes == 0) {
    absl::StrAppend(&text,
                    "No server runs on this database, so nobody is expected to wake executions or "
                    "to take mail.\n");
  }
  return text;
}

std::string JsonOf(const IntegrityReport& report) {
  const Json summary = Json::Object({{"executionCount", Json(report.executions)},
                                     {"foldedCount", Json(report.folded)},
                                     {"liveServerCount", Json(int64_t{report.live_nodes})},
                                     {"damageCount", Json(report.damage)},
                                     {"noteCount", Json(report.notes)}});
  return Json::Object({{"summary", summary}}).ToText() + "\n";
}

int Fsck(const Arguments& arguments, const IntegrityCheck& check) {
  const IntegrityOptions options{
      .fold = FoldScopeNamed(arguments.fold),
      .look_again_after = absl::Seconds(arguments.look_again_after_seconds)};
  const absl::StatusOr<IntegrityReport> report =
      check(arguments.config, options, [&](const IntegrityFinding& finding) {
        std::cout << (arguments.json ? JsonOf(finding) : LineOf(finding)) << std::flush;
      });
  if (!report.ok()) return Complain(report.status());
  std::cout << (arguments.json ? JsonOf(*report) : SummaryOf(*report)) << std::flush;
  return report->damage == 0 ? 0 : 1;
}

}  // namespace

void AddFsckCommand(CLI::App& app, IntegrityCheck check, int* exit_code) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("fsck", "Check that the database keeps all of Millrace's promises");
  command->footer(
      "Servers may work on the database meanwhile; nothing is changed or locked.\n"
      "Exit codes: 0 for no damage, 1 for damage, 2 if it could not be checked.");
  service::AddDatabaseFlags(command, &arguments->config);
  command->get_option("--data-dir")
      ->description("Folder of the private PostgreSQL cluster, of a running server or of none");
  command
      ->add_option("--fold", arguments->fold,
                   "Whose journals are folded, to be held against their executions: all, sample "
                   "(up to 1,000 of them) or none")
      ->check(CLI::IsMember({"all", "sample", "none"}))
      ->capture_default_str();
  command
      ->add_option("--look-again-after", arguments->look_again_after_seconds,
                   "Seconds until executions that nobody looks after are looked at again")
      ->check(CLI::Range(0.0, kLookAgainSecondsMax))
      ->capture_default_str();
  command->add_flag("--json", arguments->json,
                    "Print a JSON object per line: the findings, then {\"summary\": {...}}");
  command->callback(
      [arguments, check = std::move(check), exit_code] { *exit_code = Fsck(*arguments, check); });
}

}  // namespace millrace::cli
