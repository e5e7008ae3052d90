#include "engine/languages/problem_list.h"

#include "absl/strings/str_cat.h"

namespace millrace {
namespace {

constexpr size_t kProblemsMax = 1000;
constexpr size_t kBytesMax = 1 << 20;
constexpr size_t kQuotedBytesMax = 120;

}  // namespace

void ProblemList::Append(std::string pointer, absl::string_view code, std::string message) {
  if (is_full_) return;
  bytes_ += pointer.size() + message.size();
  if (problems_.size() >= kProblemsMax || bytes_ > kBytesMax) {
    is_full_ = true;
    pointer.clear();
    code = problem_code::kTooManyProblems;
    message = "There are more problems than are listed here.";
  }
  problems_.push_back(
      {.pointer = std::move(pointer), .code = std::string(code), .message = std::move(message)});
}

void ProblemList::Add(const Place& place, absl::string_view code, std::string message) {
  if (is_full_) return;
  Append(place.Pointer(), code, std::move(message));
}

void ProblemList::AddBelow(const Place& place, absl::string_view code,
                           const std::vector<TemplateProblem>& problems) {
  for (const TemplateProblem& problem : problems) {
    if (is_full_) return;
    Append(absl::StrCat(place.Pointer(), problem.pointer), code, problem.message);
  }
}

std::string Quoted(absl::string_view text) {
  if (text.size() <= kQuotedBytesMax) return absl::StrCat("'", text, "'");
  size_t end = kQuotedBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;  // not inside a character
  return absl::StrCat("'", text.substr(0, end), "...'");
}

}  // namespace millrace
