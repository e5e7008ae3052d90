#include "service/cli/command_line.h"

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "engine/base/suggest.h"

namespace millrace::cli {
namespace {

constexpr int kWrongUsage = 2;
constexpr char kHelp[] = "help";

std::vector<CLI::App*> Subcommands(CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

CLI::App* FindSubcommand(CLI::App& app, const std::string& name) {
  for (CLI::App* command : Subcommands(app)) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

std::string NoSubcommand(CLI::App& app, const std::string& name) {
  const std::vector<CLI::App*> commands = Subcommands(app);
  std::vector<absl::string_view> names;
  names.reserve(commands.size());
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  return absl::StrCat("'", name, "' is no subcommand", DidYouMean(name, names), " There are ",
                      absl::StrJoin(names, ", "), ".");
}

// What is wrong, after the subcommand where one is known.
std::string Describe(CLI::App& app, int argc, const char* const* argv,
                     const CLI::ParseError& error) {
  const std::vector<CLI::App*> parsed = app.get_subcommands();
  if (!parsed.empty()) {
    const std::string& name = parsed[0]->get_name();
    if (name == kHelp) return error.what();
    return absl::StrCat(name, ": ", error.what(), " (see 'millrace help ", name, "')");
  }
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (!argument.empty() && argument[0] == '-') continue;
    if (FindSubcommand(app, argument) == nullptr) return NoSubcommand(app, argument);
  }
  return absl::StrCat(error.what(), " (see 'millrace help')");
}

}  // namespace

void AddHelpCommand(CLI::App& app) {
  const auto topic = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(kHelp, "Explain a subcommand");
  command->add_option("SUBCOMMAND", *topic, "The one to explain; all, in short, if absent");
  // Of a command line that has been parsed, CLI11 shows the help of the subcommand in it: the whole
  // program's comes from a formatter.
  command->callback([&app, topic] {
    const std::string program = app.get_name();
    if (topic->empty()) {
      std::cout << app.get_formatter()->make_help(&app, program, CLI::AppFormatMode::Normal);
      return;
    }
    const CLI::App* const explained = FindSubcommand(app, *topic);
    if (explained == nullptr) throw CLI::ValidationError(NoSubcommand(app, *topic));
    std::cout << explained->help(program);
  });
}

int ParseAndRun(CLI::App& app, int argc, const char* const* argv, const int& exit_code) {
  try {
    app.parse(argc, argv);
    return exit_code;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    std::cerr << "millrace: " << Describe(app, argc, argv, error) << "\n";
    return kWrongUsage;
  }
}

}  // namespace millrace::cli
