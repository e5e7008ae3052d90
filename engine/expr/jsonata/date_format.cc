#include <cmath>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/expr/jsonata/date_names.h"
#include "engine/expr/jsonata/date_picture.h"
#include "engine/expr/jsonata/error.h"

// Writing moments by a picture.

namespace millrace::jsonata_internal {

double ComponentOf(const Moment& moment, char component) {
  switch (component) {
    case 'Y':
      return static_cast<double>(moment.year);
    case 'M':
      return moment.month;
    case 'D':
      return moment.day;
    case 'd':
      return moment.day_of_year();
    case 'F':
      return moment.weekday();
    case 'W':
      return moment.week_of_year();
    case 'w':
      return moment.week_of_month();
    case 'X':
      return static_cast<double>(moment.year_of_week());
    case 'x':
      return moment.month_of_week();
    case 'H':
      return moment.hour;
    case 'h':
      return moment.hour % 12 == 0 ? 12 : moment.hour % 12;
    case 'm':
      return moment.minute;
    case 's':
      return moment.second;
    case 'f':
      return moment.millisecond;
    default:
      return 0;
  }
}

std::string DatePicture::Format(double millis, absl::string_view zone) const {
  // As JavaScript reads a number: up to what is no digit.
  const int hours_and_minutes =
      static_cast<int>(std::strtol(std::string(zone).c_str(), nullptr, 10));
  const int hours = static_cast<int>(std::floor(hours_and_minutes / 100.0));
  const int minutes = hours_and_minutes % 100;
  const Moment moment = Moment::FromMillis(millis + (60.0 * hours + minutes) * 60'000);
  std::string text;
  for (const Part& part : parts_) {
    absl::StrAppend(
        &text, part.component == '\0' ? part.literal : FormatPart(part, moment, hours_and_minutes));
  }
  return text;
}

std::string DatePicture::FormatPart(const Part& part, const Moment& moment, int zone) const {
  switch (part.component) {
    case 'Z':
    case 'z':
      return FormatZone(part, zone);
    case 'P': {
      const absl::string_view half = moment.hour >= 12 ? "pm" : "am";
      return part.names == Names::kUpper ? absl::AsciiStrToUpper(half) : std::string(half);
    }
    case 'C':
    case 'E':
      return "ISO";
    default:
      break;
  }
  double value = ComponentOf(moment, part.component);
  if (part.integer) {
    if (part.component == 'Y' && part.digits > 0) {
      value = std::fmod(value, std::pow(10, static_cast<double>(part.digits)));
    }
    return part.integer->Format(value);
  }
  const auto index = static_cast<size_t>(value) - 1;
  if (part.component == 'M' || part.component == 'x') return FormatName(part, kMonths[index]);
  if (part.component == 'F') return FormatName(part, kWeekdays[index]);
  Fail({.code = "D3133", .value = Quoted(absl::string_view(&part.component, 1))});
}

std::string DatePicture::FormatName(const Part& part, absl::string_view name) {
  std::string text(name);
  if (part.names == Names::kUpper) absl::AsciiStrToUpper(&text);
  if (part.names == Names::kLower) absl::AsciiStrToLower(&text);
  return part.width_max ? text.substr(0, *part.width_max) : text;
}

std::string DatePicture::FormatZone(const Part& part, int zone) {
  const IntegerPicture& integer =
      part.integer ? *part.integer : Iso8601().parts_.back().integer.value();
  const int hours = static_cast<int>(std::floor(zone / 100.0));
  const int minutes = zone % 100;
  const int offset = hours * 100 + minutes;
  std::string text;
  if (integer.regular_distance > 0) {
    text = integer.Format(offset);
  } else if (integer.mandatory_digits == 1 || integer.mandatory_digits == 2) {
    text = integer.Format(hours);
    if (minutes != 0) absl::StrAppend(&text, ":", IntegerPicture::Parse("00").Format(minutes));
  } else if (integer.mandatory_digits == 3 || integer.mandatory_digits == 4) {
    text = integer.Format(offset);
  } else {
    Fail({.code = "D3134", .value = absl::StrCat(integer.mandatory_digits)});
  }
  if (offset == 0 && part.is_traditional) return "Z";
  return absl::StrCat(part.component == 'z' ? "GMT" : "", offset >= 0 ? "+" : "", text);
}

}  // namespace millrace::jsonata_internal
