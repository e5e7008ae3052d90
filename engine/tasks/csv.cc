#include "engine/tasks/csv.h"

#include <utility>

namespace millrace {
namespace {

class Parser {
 public:
  Parser(absl::string_view text, char delimiter) : text_(text), delimiter_(delimiter) {}

  bool AtEnd() const { return at_ >= text_.size(); }

  // One line's fields; none for an empty line.
  std::vector<std::string> NextRow() {
    std::vector<std::string> fields;
    if (SkipLineEnd()) return fields;
    do {
      fields.push_back(NextField());
    } while (SkipDelimiter());
    SkipLineEnd();
    return fields;
  }

 private:
  bool IsLineEnd() const { return text_[at_] == '\n' || text_[at_] == '\r'; }

  bool SkipLineEnd() {
    if (AtEnd() || !IsLineEnd()) return false;
    if (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++at_;
    ++at_;
    return true;
  }

  bool SkipDelimiter() {
    if (AtEnd() || text_[at_] != delimiter_) return false;
    ++at_;
    return true;
  }

  std::string NextField() {
    std::string field;
    if (!AtEnd() && text_[at_] == '"') ReadQuoted(&field);
    while (!AtEnd() && text_[at_] != delimiter_ && !IsLineEnd()) field.push_back(text_[at_++]);
    return field;
  }

  void ReadQuoted(std::string* field) {
    for (++at_; !AtEnd(); ++at_) {
      if (text_[at_] != '"') {
        field->push_back(text_[at_]);
        continue;
      }
      const bool is_double = at_ + 1 < text_.size() && text_[at_ + 1] == '"';
      ++at_;
      if (!is_double) return;
      field->push_back('"');
    }
  }

  const absl::string_view text_;
  const char delimiter_;
  size_t at_ = 0;
};

}  // namespace

std::vector<std::vector<std::string>> ParseCsv(absl::string_view text, char delimiter,
                                               int64_t rows_max) {
  std::vector<std::vector<std::string>> rows;
  Parser parser(text, delimiter);
  while (!parser.AtEnd() && static_cast<int64_t>(rows.size()) < rows_max) {
    std::vector<std::string> row = parser.NextRow();
    if (!row.empty()) rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace millrace
