#pragma once

#include "absl/strings/string_view.h"
#include "engine/expr/jsonata/calendar.h"

namespace millrace::jsonata_internal {

inline constexpr absl::string_view kMonths[] = {"January",   "February", "March",    "April",
                                                "May",       "June",     "July",     "August",
                                                "September", "October",  "November", "December"};
inline constexpr absl::string_view kWeekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                  "Friday", "Saturday", "Sunday"};

// The part of a moment that a letter of a picture names; 0 where it names none.
double ComponentOf(const Moment& moment, char component);

}  // namespace millrace::jsonata_internal
