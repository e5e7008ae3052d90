#pragma once

#include <cstdint>

namespace millrace::jsonata_internal {

// The days before 1970-01-01 are negative. Months run from 1, and any number of them is right: the
// 13th is next year's first.
int64_t DaysFromDate(int64_t year, int64_t month, int64_t day);

// A moment in UTC, in the parts that pictures name.
struct Moment {
  int64_t days = 0;  // since 1970-01-01
  int64_t year = 0;
  int month = 0;  // from 1
  int day = 0;    // from 1
  int hour = 0;
  int minute = 0;
  int second = 0;
  int millisecond = 0;

  static Moment FromMillis(double millis);

  int day_of_year() const;  // from 1
  int weekday() const;      // 1 is Monday
  // By ISO 8601: a week belongs to the year, or the month, that has its Thursday.
  int week_of_year() const;
  int64_t year_of_week() const;
  int week_of_month() const;
  int month_of_week() const;
};

}  // namespace millrace::jsonata_internal
