#include "engine/languages/duplicate_keys.h"

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/json/json.h"

namespace millrace {
namespace {

// Walks over a text that is known to be JSON.
class KeyWalk {
 public:
  KeyWalk(absl::string_view text, ProblemList* problems) : text_(text), problems_(problems) {}

  void Value(const Place& place) {
    SkipSpace();
    switch (text_[at_]) {
      case '{':
        return Object(place);
      case '[':
        return Array(place);
      case '"':
        String();
        return;
      default:
        return Literal();
    }
  }

 private:
  void Object(const Place& place) {
    absl::flat_hash_set<std::string> keys;
    ++at_;
    SkipSpace();
    while (text_[at_] != '}') {
      const std::string key = Key();
      const Place member = place.At(key);
      if (!keys.insert(key).second) Report(place, member);
      SkipSpace();
      ++at_;  // ':'
      Value(member);
      SkipComma();
    }
    ++at_;
  }

  void Array(const Place& place) {
    ++at_;
    SkipSpace();
    for (size_t index = 0; text_[at_] != ']'; ++index) {
      Value(place.At(index));
      SkipComma();
    }
    ++at_;
  }

  // The text between quotes, as written.
  absl::string_view String() {
    const size_t begin = ++at_;
    while (text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    return text_.substr(begin, at_++ - begin);
  }

  std::string Key() {
    const absl::string_view written = String();
    if (written.find('\\') == absl::string_view::npos) return std::string(written);
    const absl::StatusOr<Json> key = ParseJson(absl::StrCat("\"", written, "\""));
    return key.ok() ? std::string(key->AsString()) : std::string(written);
  }

  void Literal() {
    while (at_ < text_.size() && !absl::StrContains(",]} \t\r\n", text_[at_])) ++at_;
  }

  void SkipSpace() {
    while (at_ < text_.size() && absl::StrContains(" \t\r\n", text_[at_])) ++at_;
  }

  void SkipComma() {
    SkipSpace();
    if (text_[at_] != ',') return;
    ++at_;
    SkipSpace();
  }

  void Report(const Place& object, const Place& member) {
    if (object.key() == "States") {
      problems_->Add(member, problem_code::kDuplicateState,
                     absl::StrCat("There are two states ", Quoted(member.key()), "."));
    } else {
      problems_->Forbid(member, problem_code::kDuplicateField,
                        absl::StrCat("The field ", Quoted(member.key()), " is here twice."));
    }
  }

  absl::string_view text_;
  size_t at_ = 0;
  ProblemList* problems_;
};

}  // namespace

void ReportDuplicateKeys(absl::string_view text, ProblemList* problems) {
  KeyWalk(text, problems).Value(Place());
}

}  // namespace millrace
