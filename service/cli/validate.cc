#include "service/cli/validate.h"

#include <iostream>
#include <memory>
#include <string>

#include "engine/languages/compile.h"
#include "service/cli/files.h"

namespace millrace::cli {
namespace {

struct Arguments {
  std::string definition;
  std::string language = "ASL";
  bool is_express = false;
};

int Validate(const Arguments& arguments) {
  const absl::StatusOr<std::string> text = ReadFile(arguments.definition);
  if (!text.ok()) return Complain(text.status());
  const CompileResult compiled =
      Compile(arguments.language, *text, {.is_express = arguments.is_express});
  std::cout << DescribeProblems(compiled.problems);
  return compiled.program == nullptr ? 1 : 0;
}

}  // namespace

void AddValidateCommand(CLI::App& app, int* exit_code) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("validate", "Print all that is wrong with a definition");
  command->add_option("DEFINITION", arguments->definition, "The definition's file; - is stdin")
      ->required();
  command->add_option("--language", arguments->language,
                      "What it is written in: ASL, the default, or ASW");
  command->add_flag("--express", arguments->is_express,
                    "Hold it to the rules of EXPRESS workflows");
  command->callback([arguments, exit_code] { *exit_code = Validate(*arguments); });
}

}  // namespace millrace::cli
