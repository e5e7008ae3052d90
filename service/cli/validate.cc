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
  bool is_express = false;
};

int Validate(const Arguments& arguments) {
  const absl::StatusOr<std::string> text = ReadFile(arguments.definition);
  if (!text.ok()) return Complain(text.status());
  const CompileResult compiled = Compile("ASL", *text, {.is_express = arguments.is_express});
  std::cout << DescribeProblems(compiled.problems);
  return compiled.problems.empty() ? 0 : 1;
}

}  // namespace

void AddValidateCommand(CLI::App& app, int* exit_code) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("validate", "Print all that is wrong with a definition");
  command->add_option("DEFINITION", arguments->definition, "The definition's file; - is stdin")
      ->required();
  command->add_flag("--express", arguments->is_express,
                    "Hold it to the rules of EXPRESS workflows");
  command->callback([arguments, exit_code] { *exit_code = Validate(*arguments); });
}

}  // namespace millrace::cli
