#include <re2/re2.h>

#include <cmath>
#include <cstdlib>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/expr/jsonata/date_names.h"
#include "engine/expr/jsonata/date_picture.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/regex.h"

// Reading moments by a picture.

namespace millrace::jsonata_internal {
namespace {

using Components = std::map<char, double>;

// Whether only components of `allowed` are given among `considered`, and at least one is.
bool IsOfType(const Components& given, absl::string_view considered, absl::string_view allowed) {
  bool is_any = false;
  for (const char c : considered) {
    const auto found = given.find(c);
    if (found == given.end() || found->second == 0) continue;
    if (!absl::StrContains(allowed, c)) return false;
    is_any = true;
  }
  return is_any;
}

// The components a moment is made of, from the greatest to the smallest.
std::string NeededComponents(const Components& given) {
  constexpr absl::string_view kDates = "YXMxWwdD";
  constexpr absl::string_view kTimes = "PHhmsf";
  const bool is_by_day = IsOfType(given, kDates, "YD") ? false : IsOfType(given, kDates, "Yd");
  const bool is_by_month_week = IsOfType(given, kDates, "Xxw");
  const bool is_by_week = !is_by_month_week && IsOfType(given, kDates, "XW");
  const bool is_by_date = IsOfType(given, kDates, "YMD");
  std::string needed = "YMD";
  if (!is_by_date && is_by_day) {
    needed = "Yd";
  } else if (is_by_month_week) {
    needed = "XxwF";
  } else if (is_by_week) {
    needed = "XWF";
  }
  const bool is_twelve_hours = !IsOfType(given, kTimes, "Hmsf") && IsOfType(given, kTimes, "Phmsf");
  return needed + (is_twelve_hours ? "Phmsf" : "Hmsf");
}

double MillisOf(Components given, absl::string_view needed) {
  if (absl::StrContains(needed, 'X')) Fail("D3136");  // by weeks is not supported
  int64_t month = given['M'] > 0 ? static_cast<int64_t>(given['M']) : 1;
  auto day = static_cast<int64_t>(given['D']);
  if (absl::StrContains(needed, 'd')) {
    month = 1;
    day = static_cast<int64_t>(given['d']);
  }
  double hour = given['H'];
  if (absl::StrContains(needed, 'h')) {
    hour = given['h'] == 12 ? 0 : given['h'];
    if (given['P'] == 1) hour += 12;
  }
  const auto days = static_cast<double>(DaysFromDate(static_cast<int64_t>(given['Y']), month, day));
  const double minutes = (days * 24 + hour) * 60 + given['m'] - given['Z'] - given['z'];
  return (minutes * 60 + given['s']) * 1000 + given['f'];
}

}  // namespace

std::string DatePicture::PatternOf(const Part& part) {
  if (part.component == '\0') return re2::RE2::QuoteMeta(part.literal);
  if (part.component == 'Z' || part.component == 'z') {
    std::string pattern = absl::StrCat(part.component == 'z' ? "GMT" : "", "[-+][0-9]+");
    if (part.integer && part.integer->regular_distance > 0) {
      std::string separator = ":";
      separator[0] = static_cast<char>(part.integer->separators[0].character);
      absl::StrAppend(&pattern, re2::RE2::QuoteMeta(separator), "[0-9]+");
    }
    return pattern;
  }
  return part.integer ? part.integer->Pattern(part.digits_read) : "[a-zA-Z]+";
}

std::optional<double> DatePicture::ReadZone(const Part& part, absl::string_view text) {
  if (part.component == 'z') text.remove_prefix(3);
  size_t hours_end = std::min<size_t>(text.size(), 3);
  size_t minutes_start = hours_end;
  if (part.integer && part.integer->regular_distance > 0) {
    hours_end = text.find(static_cast<char>(part.integer->separators[0].character));
    minutes_start = hours_end + 1;
  }
  int hours = 0;
  int minutes = 0;
  if (!absl::SimpleAtoi(text.substr(0, hours_end), &hours)) return std::nullopt;
  if (minutes_start < text.size() && !absl::SimpleAtoi(text.substr(minutes_start), &minutes)) {
    return std::nullopt;
  }
  return hours * 60 + minutes;
}

std::optional<double> DatePicture::ReadPart(const Part& part, absl::string_view text) {
  if (part.component == 'Z' || part.component == 'z') return ReadZone(part, text);
  if (part.component == 'f' && part.integer &&
      part.integer->style == IntegerPicture::Style::kDecimal) {
    // Of a second: 5 is a half, and what is less than a thousandth is cut off.
    double fraction = 0;
    if (!absl::SimpleAtod(absl::StrCat("0.", text.substr(0, 15)), &fraction)) return std::nullopt;
    return std::floor(fraction * 1000 + 1e-9);
  }
  if (part.integer) return part.integer->Read(text);
  const size_t width = part.width_max.value_or(absl::string_view::npos);
  const auto find = [&](absl::Span<const absl::string_view> names) -> std::optional<double> {
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i].substr(0, width) == text) return static_cast<double>(i + 1);
    }
    return std::nullopt;
  };
  if (part.component == 'M' || part.component == 'x') return find(kMonths);
  if (part.component == 'F') return find(kWeekdays);
  if (part.component == 'P') return absl::EqualsIgnoreCase(text, "pm") ? 1 : 0;
  Fail({.code = "D3133", .value = Quoted(absl::string_view(&part.component, 1))});
}

std::optional<double> DatePicture::Read(absl::string_view text, double now) const {
  if (reader_ == nullptr) {
    std::string pattern = "^";
    for (const Part& part : parts_) absl::StrAppend(&pattern, "(", PatternOf(part), ")");
    reader_ = Regex::Compile(pattern + "$", {.ignores_case = true}, 0);
  }
  RegexMatch match;
  if (!reader_->Find(text, 0, &match)) return std::nullopt;
  Components given;
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i].component == '\0') continue;
    const std::optional<double> value = ReadPart(parts_[i], match.groups[i]);
    // No calendar has what is beyond.
    if (value && !(std::fabs(*value) < 1e9)) return std::nullopt;
    if (value) given[parts_[i].component] = *value;
  }
  if (given.empty()) return std::nullopt;
  const std::string needed = NeededComponents(given);
  const Moment moment = Moment::FromMillis(now);
  bool has_started = false;
  bool has_ended = false;
  for (const char c : needed) {
    if (given.contains(c)) {
      has_started = true;
      if (has_ended) Fail("D3136");
    } else if (has_started) {
      given[c] = absl::StrContains("MDd", c) ? 1 : 0;
      has_ended = true;
    } else {
      given[c] = c == 'P' ? (moment.hour >= 12 ? 1 : 0) : ComponentOf(moment, c);
    }
  }
  return MillisOf(std::move(given), needed);
}

}  // namespace millrace::jsonata_internal
