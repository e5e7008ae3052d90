#include "service/cli/validate.h"

#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/languages/compile.h"
#include "service/cli/files.h"

namespace millrace::cli {
namespace {

struct Arguments {
  std::string definition;
  std::string language = "ASL";
  bool is_express = false;
  bool json = false;
};

Json ToJson(const Problem& problem) {
  return Json::Object(
      {{"pointer", Json(problem.pointer)},
       {"code", Json(problem.code)},
       {"severity", Json(problem.severity == Severity::kWarning ? "WARNING" : "ERROR")},
       {"message", Json(problem.message)}});
}

int Validate(const Arguments& arguments) {
  const absl::StatusOr<std::string> text = ReadFile(arguments.definition);
  if (!text.ok()) return Complain(text.status());
  const CompileResult compiled =
      Compile(arguments.language, *text, {.is_express = arguments.is_express});
  if (arguments.json) {
    std::vector<Json> problems;
    for (const Problem& problem : compiled.problems) problems.push_back(ToJson(problem));
    std::cout << Json::Object({{"problems", Json::Array(std::move(problems))}}).ToPrettyText()
              << "\n";
  } else if (compiled.problems.empty()) {
    std::cout << "No problems.\n";
  } else {
    std::cout << DescribeProblems(compiled.problems);
  }
  return compiled.program == nullptr ? 1 : 0;
}

}  // namespace

void AddValidateCommand(CLI::App& app, int* exit_code) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("validate", "Print all that is wrong with a definition");
  command->add_option("DEFINITION", arguments->definition, "The definition's file; - is stdin")
      ->required();
  AddLanguageOption(command, &arguments->language);
  command->add_flag("--express", arguments->is_express,
                    "Hold it to the rules of EXPRESS workflows");
  command->add_flag("--json", arguments->json, "Print a JSON object: {\"problems\": [...]}");
  command->callback([arguments, exit_code] { *exit_code = Validate(*arguments); });
}

}  // namespace millrace::cli
