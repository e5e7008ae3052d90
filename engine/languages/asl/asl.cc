#include "engine/languages/asl/asl.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "engine/languages/asl/asw.h"
#include "engine/languages/asl/compilation.h"
#include "engine/languages/asl/machine.h"
#include "engine/languages/asl/query_language.h"
#include "engine/languages/asl/variable_use.h"
#include "engine/languages/definition_text.h"

namespace millrace {
namespace asl {
namespace {

constexpr NumberRule kTimeout{.min = 1, .max = 99999999};

void CheckVersion(ObjectReader& fields) {
  const std::optional<std::string> version = fields.FindText("Version");
  if (!version || *version == "1.0") return;
  fields.Forbid("Version", problem_code::kInvalidValue,
                absl::StrCat("'Version' is '1.0', not ", Quoted(*version), "."));
}

void CompileRoot(const Json& root, Compilation* compilation) {
  const Place place;
  if (!ObjectReader::IsObject(root, place, "A definition", &compilation->problems)) return;
  ObjectReader fields(root, place, "A definition", &compilation->problems);
  fields.FindText("Comment");
  Program& program = compilation->program;
  if (program.dialect == Dialect::kAsw) {
    program.timeout_seconds = ReadAswTimeout(fields, program.is_express);
  } else {
    CheckVersion(fields);
    program.timeout_seconds = fields.FindNumber("TimeoutSeconds", kTimeout);
    const auto language = ReadQueryLanguage(fields, QueryLanguage::kJsonPath);
    if (!language) return;
    compilation->language = *language;
  }
  DeclareMachine(root, place, std::nullopt, compilation);
  DefineMachine(fields, 0, compilation);
  fields.ReportUnknownFields();
  const bool is_complete = absl::c_all_of(
      compilation->machines, [](const DeclaredMachine& machine) { return machine.is_complete; });
  if (is_complete) WarnOfUnassignedVariables(root, &compilation->problems);
}

}  // namespace
}  // namespace asl

CompileResult CompileAsl(absl::string_view definition, Dialect dialect,
                         const CompileOptions& options) {
  asl::Compilation compilation{.options = options, .problems = ProblemList(options.is_lenient)};
  compilation.program.dialect = dialect;
  compilation.program.is_express = options.is_express;
  const std::optional<Json> root =
      ParseDefinition(definition, options.definition_bytes_max, &compilation.problems);
  if (root) asl::CompileRoot(*root, &compilation);
  CompileResult result;
  if (!compilation.problems.is_refused()) {
    result.program = std::make_shared<const Program>(std::move(compilation.program));
  }
  result.problems = std::move(compilation.problems).Take();
  return result;
}

}  // namespace millrace
