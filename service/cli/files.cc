#include "service/cli/files.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace millrace::cli {

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return absl::InvalidArgumentError(absl::StrCat("'", path, "' is a folder, not a file"));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read the file '", path, "'"));
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) return absl::NotFoundError(absl::StrCat("cannot read the file '", path, "'"));
  return text;
}

std::string DescribeProblems(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) {
    absl::StrAppend(&text, problem.pointer.empty() ? "(definition)" : problem.pointer, ": ",
                    problem.severity == Severity::kWarning ? "warning: " : "error: ", problem.code,
                    ": ", problem.message, "\n");
  }
  return text;
}

void AddLanguageOption(CLI::App* command, std::string* language) {
  command
      ->add_option("--language", *language,
                   "What it is written in: ASL, the Amazon States Language, which is the default; "
                   "or ASW, Tencent's dialect of it")
      ->transform(CLI::IsMember({"ASL", "ASW"}, CLI::ignore_case));
}

int Complain(const absl::Status& status) {
  std::cerr << "millrace: " << status.message() << "\n";
  return 2;
}

}  // namespace millrace::cli
