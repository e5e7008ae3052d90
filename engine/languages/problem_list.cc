#include "engine/languages/problem_list.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace millrace {
namespace {

constexpr size_t kProblemsMax = 100;
constexpr size_t kBytesMax = 256 << 10;
constexpr size_t kQuotedBytesMax = 120;

std::string Shortened(absl::string_view text, size_t bytes_max) {
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;  // not inside a character
  return absl::StrCat(text.substr(0, end), "...");
}

}  // namespace

bool ProblemList::Bounded::IsFull() const {
  return kept.size() >= kProblemsMax || bytes > kBytesMax;
}

void ProblemList::Append(Problem problem, Bounded* list) {
  list->bytes += problem.pointer.size() + problem.message.size();
  list->kept.push_back(std::move(problem));
}

void ProblemList::Add(Problem problem) {
  const bool is_error = problem.severity == Severity::kError;
  is_broken_ = is_broken_ || is_error;
  Bounded& list = is_error ? errors_ : warnings_;
  if (list.IsFull()) {
    ++list.left_out;
    return;
  }
  Append(std::move(problem), &list);
}

// A place is written out only where the list takes it, so that a hostile definition with deep
// places costs no more than others.
void ProblemList::Add(const Place& place, absl::string_view code, std::string message) {
  is_broken_ = true;
  Forbid(place, code, std::move(message));
}

void ProblemList::Forbid(const Place& place, absl::string_view code, std::string message) {
  if (errors_.IsFull()) {
    ++errors_.left_out;
    return;
  }
  Append({.pointer = place.Pointer(), .code = std::string(code), .message = std::move(message)},
         &errors_);
}

void ProblemList::Warn(const Place& place, absl::string_view code, std::string message) {
  if (warnings_.IsFull()) {
    ++warnings_.left_out;
    return;
  }
  Add({.pointer = place.Pointer(),
       .code = std::string(code),
       .message = std::move(message),
       .severity = Severity::kWarning});
}

void ProblemList::AddBelow(const Place& place, absl::string_view code,
                           const std::vector<TemplateProblem>& problems) {
  is_broken_ = is_broken_ || !problems.empty();
  for (const TemplateProblem& problem : problems) {
    if (errors_.IsFull()) {
      ++errors_.left_out;
      continue;
    }
    Add({.pointer = absl::StrCat(place.Pointer(), problem.pointer),
         .code = std::string(code),
         .message = problem.message});
  }
}

std::vector<Problem> ProblemList::Take() && {
  size_t left_out = errors_.left_out + warnings_.left_out;
  std::vector<Problem> problems = std::move(errors_.kept);
  for (Problem& warning : warnings_.kept) {
    if (problems.size() < kProblemsMax) {
      problems.push_back(std::move(warning));
    } else {
      ++left_out;
    }
  }
  if (left_out == 0) return problems;
  problems.push_back({.code = std::string(problem_code::kTooManyProblems),
                      .message = absl::StrCat("... and ", left_out, " more."),
                      .severity = errors_.left_out > 0 ? Severity::kError : Severity::kWarning});
  return problems;
}

std::string Quoted(absl::string_view text) {
  if (text.size() <= kQuotedBytesMax) return absl::StrCat("'", text, "'");
  return absl::StrCat("'", Shortened(text, kQuotedBytesMax), "'");
}

}  // namespace millrace
