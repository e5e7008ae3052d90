#include "engine/expr/jsonata/calendar.h"

#include <cmath>

namespace millrace::jsonata_internal {
namespace {

constexpr int64_t kMillisPerDay = 86'400'000;

int64_t FloorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

struct Date {
  int64_t year;
  int month;
  int day;
};

// By eras of 400 years that begin in March, so that the leap day is the last of them.
Date DateFromDays(int64_t days) {
  days += 719468;
  const int64_t era = FloorDivide(days, 146097);
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  const auto month =
      static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  return {.year = year_of_era + era * 400 + (month <= 2 ? 1 : 0), .month = month, .day = day};
}

int WeekdayOf(int64_t days) {
  return static_cast<int>(days + 3 - 7 * FloorDivide(days + 3, 7)) + 1;
}

// The Monday of the first week whose Thursday is in the month or later.
int64_t StartOfFirstWeek(int64_t year, int64_t month) {
  const int64_t first = DaysFromDate(year, month, 1);
  const int weekday = WeekdayOf(first);
  return weekday > 4 ? first + 8 - weekday : first - (weekday - 1);
}

}  // namespace

int64_t DaysFromDate(int64_t year, int64_t month, int64_t day) {
  year += FloorDivide(month - 1, 12);
  month = month - 1 - 12 * FloorDivide(month - 1, 12) + 1;
  if (month <= 2) --year;
  const int64_t era = FloorDivide(year, 400);
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468 + day - 1;
}

Moment Moment::FromMillis(double millis) {
  Moment moment;
  // What no date of JavaScript reaches is cut off.
  const double clamped = std::fmin(std::fmax(std::trunc(millis), -8.64e15), 8.64e15);
  const auto whole = static_cast<int64_t>(clamped);
  moment.days = FloorDivide(whole, kMillisPerDay);
  const auto left = static_cast<int>(whole - moment.days * kMillisPerDay);
  const Date date = DateFromDays(moment.days);
  moment.year = date.year;
  moment.month = date.month;
  moment.day = date.day;
  moment.hour = left / 3'600'000;
  moment.minute = left / 60'000 % 60;
  moment.second = left / 1000 % 60;
  moment.millisecond = left % 1000;
  return moment;
}

int Moment::day_of_year() const { return static_cast<int>(days - DaysFromDate(year, 1, 1)) + 1; }

int Moment::weekday() const { return WeekdayOf(days); }

int64_t Moment::year_of_week() const {
  if (days < StartOfFirstWeek(year, 1)) return year - 1;
  return days >= StartOfFirstWeek(year + 1, 1) ? year + 1 : year;
}

int Moment::week_of_year() const {
  return static_cast<int>((days - StartOfFirstWeek(year_of_week(), 1)) / 7) + 1;
}

int Moment::month_of_week() const {
  if (days < StartOfFirstWeek(year, month)) return month == 1 ? 12 : month - 1;
  if (days >= StartOfFirstWeek(year, month + 1)) return month == 12 ? 1 : month + 1;
  return month;
}

int Moment::week_of_month() const {
  int64_t start = StartOfFirstWeek(year, month);
  if (days < start) start = StartOfFirstWeek(year, month - 1);
  if (days >= StartOfFirstWeek(year, month + 1)) start = StartOfFirstWeek(year, month + 1);
  return static_cast<int>((days - start) / 7) + 1;
}

}  // namespace millrace::jsonata_internal
