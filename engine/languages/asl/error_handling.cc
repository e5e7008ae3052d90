#include "engine/languages/asl/error_handling.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/suggest.h"
#include "engine/languages/asl/expressions.h"
#include "engine/languages/asl/field_rules.h"
#include "engine/languages/asl/jsonata_fields.h"
#include "engine/languages/asl/transition.h"

namespace millrace::asl {
namespace {

constexpr int64_t kAswAttempts = 2;
constexpr double kSecondsMax = 31622400;  // 366 days
constexpr NumberRule kInterval{.min = 1, .max = 99999999};
constexpr NumberRule kAttempts{.min = 0, .max = 99999999};
constexpr NumberRule kBackoff{.min = 1, .is_integer = false};
constexpr NumberRule kDelay{.min = 1, .max = kSecondsMax};

// One element of Retry or Catch, and whether it is the last.
struct Handler {
  const Json& json;
  Place place;
  bool is_last;
};

// Nothing fails with a name of the language's own that there is not.
void CheckErrorName(absl::string_view name, const Place& place, Dialect dialect,
                    ProblemList* problems) {
  if (!absl::StartsWith(name, "States") || IsLanguageError(dialect, name)) return;
  const auto known = LanguageErrors(dialect);
  const std::vector<absl::string_view> names(known.begin(), known.end());
  const absl::string_view nearest = Nearest(name, names);
  if (!absl::StartsWith(name, "States.") && nearest.empty()) return;
  problems->Warn(place, problem_code::kUnknownError,
                 absl::StrCat("The language has no error ", Quoted(name), DidYouMean(name, names)));
}

std::vector<std::string> ReadErrorEquals(ObjectReader& fields, bool is_last, Dialect dialect) {
  std::vector<std::string> names;
  const Json* list = fields.RequireArray("ErrorEquals");
  if (list == nullptr) return names;
  const Place place = fields.place().At("ErrorEquals");
  for (size_t i = 0; i < list->size(); ++i) {
    const Json& name = list->elements()[i];
    if (name.is_string() && !name.AsString().empty()) {
      names.emplace_back(name.AsString());
      CheckErrorName(name.AsString(), place.At(i), dialect, fields.problems());
    } else {
      fields.problems()->Add(place.At(i), problem_code::kWrongType,
                             "'ErrorEquals' holds names of errors, which are strings.");
    }
  }
  const absl::string_view all = CatchAll(dialect);
  if (!absl::c_linear_search(names, all)) return names;
  if (list->size() > 1) {
    fields.Forbid("ErrorEquals", problem_code::kInvalidValue,
                  absl::StrCat("'", all, "' stands alone: it is every other error too."));
  } else if (!is_last) {
    fields.Forbid("ErrorEquals", problem_code::kInvalidValue,
                  absl::StrCat("'", all, "' is in the last place: nothing gets past it."));
  }
  return names;
}

bool ReadJitter(ObjectReader& fields) {
  const std::string strategy = fields.FindText("JitterStrategy").value_or("NONE");
  if (strategy == "FULL" || strategy == "NONE") return strategy == "FULL";
  fields.Forbid("JitterStrategy", problem_code::kInvalidValue,
                absl::StrCat("'JitterStrategy' is 'FULL' or 'NONE', not ", Quoted(strategy), "."));
  return false;
}

void ReadRetrier(const Handler& handler, const StateSource& source, State* state) {
  ObjectReader fields(handler.json, handler.place, "A retrier", source.fields.problems());
  Retrier retrier{.dialect = source.compilation.program.dialect};
  if (source.is_asw()) retrier.attempts_max = kAswAttempts;
  fields.FindText("Comment");
  retrier.error_equals = ReadErrorEquals(fields, handler.is_last, retrier.dialect);
  retrier.interval_seconds =
      fields.FindNumber("IntervalSeconds", kInterval).value_or(retrier.interval_seconds);
  if (const std::optional<double> attempts = fields.FindNumber("MaxAttempts", kAttempts)) {
    retrier.attempts_max = static_cast<int64_t>(*attempts);
  }
  retrier.backoff_rate = fields.FindNumber("BackoffRate", kBackoff).value_or(retrier.backoff_rate);
  retrier.delay_seconds_max = fields.FindNumber("MaxDelaySeconds", kDelay);
  retrier.full_jitter = ReadJitter(fields);
  fields.ReportUnknownFields();
  if (source.is_asw()) retrier.counters = static_cast<int64_t>(retrier.error_equals.size());
  if (!state->retry.empty()) {
    retrier.first_counter = state->retry.back().first_counter + state->retry.back().counters;
  }
  state->retry.push_back(std::move(retrier));
}

void ReadCatcher(const Handler& handler, const StateSource& source, State* state) {
  ObjectReader fields(handler.json, handler.place, "A catcher", source.fields.problems());
  Catcher catcher{.dialect = source.compilation.program.dialect};
  fields.FindText("Comment");
  catcher.error_equals = ReadErrorEquals(fields, handler.is_last, catcher.dialect);
  ReportFieldsOfOtherLanguage(fields, source.is_jsonata());
  if (source.is_jsonata()) {
    catcher.output = ReadJsonata(fields, "Output");
    catcher.assign = ReadJsonataAssign(fields);
  } else {
    catcher.result_path = ReadResultPath(fields);
    catcher.assign = ReadAssign(fields);
  }
  const std::optional<StateIndex> next =
      ReadTarget(fields, "Next", /*is_required=*/true, source.machine, &source.compilation);
  fields.ReportUnknownFields();
  if (!next) return;
  catcher.next = *next;
  state->catches.push_back(std::move(catcher));
}

template <typename Read>
void ReadHandlers(const StateSource& source, absl::string_view field, absl::string_view what,
                  State* state, const Read& read) {
  ObjectReader& fields = source.fields;
  const Json* list = fields.Find(field);
  if (list == nullptr || (list->is_array() && list->size() == 0)) return;
  list = fields.FindArray(field);
  if (list == nullptr) {
    MarkIncomplete(source);
    return;
  }
  const Place place = fields.place().At(field);
  for (size_t i = 0; i < list->size(); ++i) {
    const Json& json = list->elements()[i];
    if (!ObjectReader::IsObject(json, place.At(i), what, fields.problems())) {
      MarkIncomplete(source);
      continue;
    }
    read({json, place.At(i), i + 1 == list->size()}, source, state);
  }
}

}  // namespace

void ReadErrorHandling(const StateSource& source, State* state) {
  ReadHandlers(source, "Retry", "A retrier", state, ReadRetrier);
  ReadHandlers(source, "Catch", "A catcher", state, ReadCatcher);
}

}  // namespace millrace::asl
