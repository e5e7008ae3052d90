#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/expr/jsonpath.h"
#include "engine/expr/jsonpath_syntax.h"

namespace millrace::jsonpath_internal {

// Reads one text. Each Parse... function reads what it names from the current place and gives false
// once something is wrong; the first problem is kept.
class Parser {
 public:
  Parser(absl::string_view text, PathDialect dialect)
      : text_(text), lenient_(dialect == PathDialect::kStatesLanguage) {}

  absl::StatusOr<Query> ParseAll();

 private:
  // Nesting of filters, parentheses and function calls, which the parser and the evaluator follow
  // by recursion.
  static constexpr int kDepthMax = 64;
  static constexpr size_t kSegmentsMax = 1000;

  // jsonpath_parser.cc: queries, segments, selectors.
  bool ParseRoot(Query* query);
  bool ParseQuery(Query* query);
  bool ParseSegment(Query* query);
  bool ParseAfterDot(Query* query, Segment* segment);
  bool ParseShorthand(std::string* name);
  bool ParseBrackets(Segment* segment);
  bool ParseSelector(Selector* selector);
  bool ParseIndexOrSlice(Selector* selector);
  bool ParseLastIndex(Selector* selector);
  bool ParseInteger(int64_t* value);

  // jsonpath_literals.cc
  bool ParseQuoted(std::string* text);
  bool ParseEscape(char quote, std::string* text);
  bool ParseUnicodeEscape(std::string* text);
  bool ParseHex4(uint32_t* code);
  bool ParseNumber(Json* number);
  bool ParseLiteral(Json* literal);
  bool ParseArrayLiteral(Json* array);
  bool ParsePattern(std::shared_ptr<const RE2>* pattern);

  // jsonpath_filter_parser.cc
  bool ParseFilter(Filter* filter);
  bool ParseOr(Filter* filter);
  bool ParseAnd(Filter* filter);
  bool ParseBasic(Filter* filter);
  bool ParseComparisonOrTest(Filter* filter);
  bool ParseComparison(Filter* filter);
  bool ParseOperator(Filter::Operator* comparison, bool* found);
  bool ParseOperand(Operand* operand);
  bool ParseCall(absl::string_view name, Operand* call);
  bool ParseArguments(Operand* call);
  bool CheckArguments(Operand* call);
  bool CheckTest(const Operand& operand);
  bool CheckComparable(const Operand& operand);

  bool AtEnd() const { return at_ >= text_.size(); }
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool Take(absl::string_view token);
  bool TakeWord(absl::string_view word);
  void SkipSpace();
  bool Fail(absl::string_view message);
  bool IsNameStart(size_t ahead) const;
  bool IsNameByte(size_t ahead) const;
  bool EndsName() const;

  const absl::string_view text_;
  const bool lenient_;
  size_t at_ = 0;
  int depth_ = 0;
  int filter_depth_ = 0;
  absl::Status problem_;
};

// RE2's reading of an I-Regexp (RFC 9485), in which `.` matches no line break. nullptr where the
// pattern is none.
std::shared_ptr<const RE2> CompilePattern(absl::string_view pattern);

}  // namespace millrace::jsonpath_internal
