#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/expr/payload_template.h"
#include "engine/languages/place.h"
#include "engine/program/program.h"

namespace millrace {

// What can be wrong with a definition, in any language. Callers rely on these words.
namespace problem_code {
inline constexpr absl::string_view kTooLarge = "TOO_LARGE";
inline constexpr absl::string_view kTooDeep = "TOO_DEEP";
inline constexpr absl::string_view kTooManyProblems = "TOO_MANY_PROBLEMS";
inline constexpr absl::string_view kUnknownLanguage = "UNKNOWN_LANGUAGE";
inline constexpr absl::string_view kNotJson = "NOT_JSON";
inline constexpr absl::string_view kMissingField = "MISSING_FIELD";
inline constexpr absl::string_view kUnknownField = "UNKNOWN_FIELD";
inline constexpr absl::string_view kDuplicateField = "DUPLICATE_FIELD";
inline constexpr absl::string_view kConflictingFields = "CONFLICTING_FIELDS";
inline constexpr absl::string_view kWrongType = "WRONG_TYPE";
inline constexpr absl::string_view kInvalidValue = "INVALID_VALUE";
inline constexpr absl::string_view kInvalidPath = "INVALID_PATH";
inline constexpr absl::string_view kInvalidTemplate = "INVALID_TEMPLATE";
inline constexpr absl::string_view kInvalidCondition = "INVALID_CONDITION";
inline constexpr absl::string_view kInvalidResource = "INVALID_RESOURCE";
inline constexpr absl::string_view kUnknownState = "UNKNOWN_STATE";
inline constexpr absl::string_view kUnknownStateType = "UNKNOWN_STATE_TYPE";
inline constexpr absl::string_view kDuplicateState = "DUPLICATE_STATE";
inline constexpr absl::string_view kUnreachableState = "UNREACHABLE_STATE";
inline constexpr absl::string_view kNoTerminalState = "NO_TERMINAL_STATE";
inline constexpr absl::string_view kWrongQueryLanguage = "WRONG_QUERY_LANGUAGE";
inline constexpr absl::string_view kInvalidExpression = "INVALID_EXPRESSION";
inline constexpr absl::string_view kUnassignedVariable = "UNASSIGNED_VARIABLE";
inline constexpr absl::string_view kUnknownError = "UNKNOWN_ERROR";
inline constexpr absl::string_view kNotInAsw = "NOT_IN_ASW";
inline constexpr absl::string_view kNotInExpress = "NOT_IN_EXPRESS";
inline constexpr absl::string_view kResourceNotServed = "RESOURCE_NOT_SERVED";
inline constexpr absl::string_view kIgnoredField = "IGNORED_FIELD";
inline constexpr absl::string_view kImpliedMode = "IMPLIED_MODE";

inline constexpr absl::string_view kAll[] = {kTooLarge,
                                             kTooDeep,
                                             kTooManyProblems,
                                             kUnknownLanguage,
                                             kNotJson,
                                             kMissingField,
                                             kUnknownField,
                                             kDuplicateField,
                                             kConflictingFields,
                                             kWrongType,
                                             kInvalidValue,
                                             kInvalidPath,
                                             kInvalidTemplate,
                                             kInvalidCondition,
                                             kInvalidResource,
                                             kUnknownState,
                                             kUnknownStateType,
                                             kDuplicateState,
                                             kUnreachableState,
                                             kNoTerminalState,
                                             kWrongQueryLanguage,
                                             kInvalidExpression,
                                             kUnassignedVariable,
                                             kUnknownError,
                                             kNotInAsw,
                                             kNotInExpress,
                                             kResourceNotServed,
                                             kIgnoredField,
                                             kImpliedMode};
}  // namespace problem_code

// Collects what is wrong with one definition. Bounded, so that the answer to a hostile definition
// stays small: beyond that, problems are only counted.
class ProblemList {
 public:
  // `is_lenient`: the definition was accepted before (CompileOptions).
  explicit ProblemList(bool is_lenient = false) : is_lenient_(is_lenient) {}

  void Add(const Place& place, absl::string_view code, std::string message);
  // As Add, but of what a rule forbids, while the compiled program is whole, and means what it
  // says, without that rule: it does not hinder running a definition that was accepted before.
  void Forbid(const Place& place, absl::string_view code, std::string message);
  // As Add, but what is wrong does not refuse the definition.
  void Warn(const Place& place, absl::string_view code, std::string message);
  void Add(Problem problem);
  // Problems of an expression at `place`, whose own pointers are below it.
  void AddBelow(const Place& place, absl::string_view code,
                const std::vector<TemplateProblem>& problems);

  bool has_errors() const { return !errors_.kept.empty(); }
  // Whether there are errors that refuse this definition.
  bool is_refused() const { return is_lenient_ ? is_broken_ : has_errors(); }
  bool is_lenient() const { return is_lenient_; }
  // The errors, then the warnings, then how many more there are.
  std::vector<Problem> Take() &&;

 private:
  struct Bounded {
    bool IsFull() const;

    std::vector<Problem> kept;
    size_t bytes = 0;
    size_t left_out = 0;
  };

  static void Append(Problem problem, Bounded* list);

  const bool is_lenient_;
  bool is_broken_ = false;  // by an error of Add()
  Bounded errors_;
  Bounded warnings_;
};

// `text` in quotes, shortened when it is long, for a message.
std::string Quoted(absl::string_view text);

}  // namespace millrace
